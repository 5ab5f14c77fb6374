"""The limits that AWS sets, each as one rule. Settings and components apply these rules before they create anything.

A rule takes a value and returns a sentence that says what is wrong with it, or "" if the value is valid. The caller puts the name of the key or
argument before the sentence. A rule with `faults` in its name takes a collection and yields one sentence for each fault.

This module imports no SDK.
"""

import contextlib
import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import takewhile

from components.architectures import ARCHITECTURES, PLATFORMS

#: vCPUs of a compute environment. Batch sets no upper limit besides the account's quota. The API's type is a 32-bit integer (API
#: ComputeResource).
MAX_VCPUS = (1, 2**31 - 1)

#: GiB of an instance's EBS volume. A volume cannot be smaller than the snapshot of the machine image. EBS offers gp3 volumes of up to 65,536 GiB
#: since September 2025 (EBS User Guide, "General Purpose SSD volumes"). Biobatch offers a quarter of that.
SCRATCH_GIB = (30, 16_384)

#: The most subnets of a compute environment (API ComputeResource).
MAX_SUBNETS = 16

#: The smallest values of a tool: vCPUs, MiB of memory, and seconds of an attempt (API RegisterJobDefinition, API JobTimeout).
TOOL_LEAST = {"vcpus": 1, "memory_mib": 4, "timeout_seconds": 60}

#: The most shares of a scheduling policy, and the range of a share's weight (API FairsharePolicy, API ShareAttributes).
MOST_SHARES = 500
SHARE_WEIGHTS = (0.0001, 999.9999)

#: USD of a monthly budget. 0 means no budget.
BUDGET_USD = (0, 1_000_000)

#: The key of the tag that marks a stack's resources for its budget.
STACK_TAG = "biobatch-stack"

#: The most tags. AWS allows 50 on each resource. Batch, ECS and Biobatch's own `Name` tag need some of them.
MAX_TAGS = 40

#: The most characters of a bucket's prefix. Ten buckets with such prefixes always fit the 10,240 characters that IAM allows for a role's inline
#: policies.
MAX_PREFIX = 128

#: The most patterns of images that engines may run, and the most characters of each. So many always fit the 6,144 characters of a managed policy.
MAX_IMAGE_PATTERNS = 20
MAX_IMAGE_PATTERN = 128

#: Days for which S3 keeps objects in `work/`, the folder for scratch data of engines.
WORK_DAYS = (1, 3650)

#: The retention times of CloudWatch Logs, in days (API PutRetentionPolicy). Biobatch does not offer 0, which means "never expire".
LOG_RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)

#: The IPv4 ranges that the addresses of a VPC may come from (RFC 1918 and RFC 6598).
PRIVATE_RANGES = tuple(
    ipaddress.IPv4Network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)

#: AWS partitions by the start of their regions' names. All other regions are in the partition `aws` (AWS General Reference, "partitions").
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"}
PARTITIONS = ("aws", *_PARTITIONS.values())

_REGION = r"[a-z]{2,4}(-[a-z]+)+-\d"


def partition_of(region: str) -> str:
    """The AWS partition of a region, such as `aws-eusc` for `eusc-de-east-1`."""
    return next((partition for start, partition in _PARTITIONS.items() if region.startswith(start)), "aws")


def shown(value: object) -> str:
    """A value for an error message: strings in quotes, other values as JSON, cut to 80 characters."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=repr)
    return text if len(text) <= 80 else f"{text[:79]}…"


def counted(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun, such as `1 bucket` or `11 buckets`."""
    return f"{number} {singular if number == 1 else plural or f'{singular}s'}"


def matching(pattern: str, sentence: str) -> Callable[[object], str]:
    """Returns the rule that a value is a string that matches a pattern.

    Args:
        pattern: regular expression for the whole string, with ASCII character classes.
        sentence: the rest of the sentence for a value that does not match. The value comes before it.
    """
    compiled = re.compile(pattern, re.ASCII)

    def rule(value: object) -> str:
        return "" if isinstance(value, str) and compiled.fullmatch(value) else f"{shown(value)} {sentence}"

    return rule


def optional(rule: Callable[[object], str]) -> Callable[[object], str]:
    """Returns the same rule, which also accepts ""."""
    return lambda value: "" if value == "" else rule(value)


def arn_fault(service: str) -> Callable[[object], str]:
    """Returns the rule that a value is an ARN of a service, in any partition."""
    return matching(rf"arn:({'|'.join(PARTITIONS)}):{service}:\S+", f"is not an ARN of the service {service}.")


region_fault = matching(_REGION, "is not an AWS region.")
# The names of Local Zones have more parts. Biobatch accepts only zones that every account can use.
zone_fault = matching(rf"{_REGION}[a-z]", "is not the name of an availability zone, such as us-east-1a.")
account_fault = matching(r"\d{12}", "is not an AWS account ID, which has 12 digits.")
partition_fault = matching("|".join(PARTITIONS), f"is not an AWS partition: {', '.join(PARTITIONS)}.")
platform_fault = matching("|".join(PLATFORMS), f"is neither {' nor '.join(PLATFORMS)}.")
vpc_id_fault = matching("vpc-[0-9a-f]{8,17}", "is not a VPC ID, such as vpc-0123456789abcdef0.")
subnet_id_fault = matching("subnet-[0-9a-f]{8,17}", "is not a subnet ID, such as subnet-0123456789abcdef0.")
ami_fault = matching("ami-([0-9a-f]{8}|[0-9a-f]{17})", "is not an AMI ID, such as ami-0123456789abcdef0.")
# An alias can move to another key, and IAM policies do not accept one as a resource.
kms_key_fault = matching(
    rf"arn:({'|'.join(PARTITIONS)}):kms:[a-z0-9-]+:\d{{12}}:key/[A-Za-z0-9-]{{1,64}}",
    "is not the ARN of a KMS key. The ARN of an alias is not accepted.",
)
policy_fault = matching(
    rf"arn:({'|'.join(PARTITIONS)}):iam::(\d{{12}}|aws):policy/([\w+=,.@-]+/)*[\w+=,.@-]{{1,128}}",
    "is not the ARN of a managed policy.",
)
bucket_name_fault = matching(
    r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    "is not a bucket name: 3 to 63 of a-z, 0-9, hyphens and single dots, without s3://.",
)
# The longest folder of an upstream registry, `/ecr-public`, follows (API CreatePullThroughCacheRule, `ecrRepositoryPrefix`: 30 characters).
cache_folder_fault = matching(
    r"(?=.{2,19}$)[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*",
    "is not a folder of a pull-through cache: 2 to 19 of a-z and 0-9, with a dot, hyphens or underscores between them.",
)
# SNS and AWS Budgets accept addresses of other forms too. Addresses of people have this one.
email_fault = matching(
    r"(?=.{3,100}$)[A-Za-z0-9!#%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#%&'*+/=?^_`{|}~-]+)*@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}",
    "is not an e-mail address, such as lab@example.org.",
)
tool_name_fault = matching(
    # The job definitions for engines have names such as biobatch-engine-bwa and biobatch-head-bwa.
    r"(?!base$)(?!(engine|head)-)(?!.{41})[a-z0-9]+(-[a-z0-9]+)*",
    "is not a tool name: up to 40 lowercase letters and digits, with single hyphens between them, not base, and not beginning with engine- or head-.",
)


def whole_number(low: int, high: int | None = None) -> Callable[[object], str]:
    """Returns the rule that a value is an integer from `low` to `high`. Without `high`, the limit is that of the 32-bit integers in AWS's APIs."""
    limits = f"of {low} or more" if high is None else f"from {low} to {high}"

    def rule(value: object) -> str:
        # In Python a boolean is an integer. To a user it is not.
        if not isinstance(value, int) or isinstance(value, bool):
            return f"{shown(value)} is not an integer {limits}."
        if low <= value <= (2**31 - 1 if high is None else high):
            return ""
        return f"{value} is not an integer {limits}." if high is None else f"{value} is outside {low} to {high}."

    return rule


def date_fault(value: str) -> str:
    """The rule that a value is a date in the form YYYY-MM-DD (ISO 8601)."""
    with contextlib.suppress(ValueError):
        if date.fromisoformat(value).isoformat() == value:
            return ""
    return f"{shown(value)} is not a date of the form YYYY-MM-DD."


def retention_fault(value: object) -> str:
    """The rule that a value is a retention time of CloudWatch Logs, in days."""
    steps = ", ".join(map(str, LOG_RETENTION_DAYS))
    return "" if type(value) is int and value in LOG_RETENTION_DAYS else f"{shown(value)} is not one of {steps} days."


def cidr_fault(value: str) -> str:
    """The rule that a value is a private IPv4 range that is large enough for the subnets of six zones."""
    try:
        network = ipaddress.ip_network(value)
    except ValueError as error:
        return f"{shown(value)} is not an address range ({error})."
    if not isinstance(network, ipaddress.IPv4Network) or not 16 <= network.prefixlen <= 22:
        return f"{value} is not an IPv4 range of size /16 to /22. Biobatch needs room for the subnets of six zones."
    if not any(network.subnet_of(private) for private in PRIVATE_RANGES):
        return f"{value} is not inside a private range ({', '.join(map(str, PRIVATE_RANGES))})."
    # Python also accepts a netmask or a hostmask. AWS accepts only a prefix length.
    return "" if value == str(network) else f"{value} is not an address with a prefix length, such as 10.0.0.0/16."


_REGISTRY = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+(:[0-9]{1,5})?")
_IMAGE_PATH = re.compile(r"[a-z0-9][a-z0-9._/*-]*(:[A-Za-z0-9_.*-]+)?(@sha256:[0-9a-f*]+)?")


def image_pattern_fault(pattern: object) -> str:
    """The rule that a value is a pattern of container images, as an IAM policy compares it with the text of a request: a registry, then a path in
    which `*` stands for any characters.

    The registry and the first characters of the path contain no `*`. Otherwise the pattern would also match images of other registries, such as
    evil.example/biocontainers/bwa, or all images of a registry where anyone can publish.
    """
    if not isinstance(pattern, str):
        return f"{shown(pattern)} is not a string, such as quay.io/biocontainers/*."
    if len(pattern) > MAX_IMAGE_PATTERN:
        return f"{shown(pattern)} has {len(pattern)} characters, but the limit is {MAX_IMAGE_PATTERN}."
    if "://" in pattern:
        return f"{shown(pattern)} begins with a scheme. An image has none, such as quay.io/biocontainers/*."
    registry, _, path = pattern.partition("/")
    if "*" in registry:
        return f"{shown(pattern)} has a * in the registry, which would allow images of any registry. Name the registry, as in quay.io/biocontainers/*."
    if not _REGISTRY.fullmatch(registry):
        return f"{shown(pattern)} does not begin with a registry, such as quay.io or docker.io, and a slash."
    if not path or path.startswith("*"):
        return f"{shown(pattern)} allows every image of {registry}. Add a path, as in quay.io/biocontainers/*."
    if not _IMAGE_PATH.fullmatch(path):
        return (
            f"{shown(path)} in {shown(pattern)} is not a path of images: lowercase letters, digits and . _ - / with * for any characters, "
            "and optionally a tag or a digest."
        )
    return ""


_TYPE = re.compile(
    rf"optimal|default_({'|'.join(ARCHITECTURES)})|([a-z]+\d+[a-z]*(-[a-z0-9]+)*|u-\d+tb\d+)(\.([a-z0-9]+|metal(-[a-z0-9]+)*))?",
    re.ASCII,
)

#: The accelerators of instance families, by the letters before the generation (EC2 User Guide, "instance type naming conventions").
_ACCELERATED = {
    **dict.fromkeys(("g", "gr", "p"), "a GPU"),
    **dict.fromkeys(("inf", "trn"), "a Neuron chip"),
    **dict.fromkeys(("dl",), "a deep learning accelerator"),
    **dict.fromkeys(("f",), "an FPGA"),
    **dict.fromkeys(("vt",), "a video transcoder"),
}


def instance_type_fault(name: object) -> str:
    """The rule that a value is an instance type, a family or one of Batch's sets, and that Biobatch's machine image and jobs can use it."""
    if not isinstance(name, str) or not _TYPE.fullmatch(name):
        return f"{shown(name)} is neither an instance type, such as m6i.large, nor an instance family, such as m6i."
    if name.split(".")[0] == "a1":
        return (
            f"{name!r} is the first Graviton generation, on which Batch's machine images do not run. Use m6g or later."
        )
    if name.startswith("mac"):
        return f"{name!r} is a Mac instance, which Batch does not support."
    letters = re.match("[a-z]*", name)
    if letters and (accelerator := _ACCELERATED.get(letters[0])):
        return (
            f"{name!r} has {accelerator}, which jobs cannot use: the machine image, ECS_AL2023, has no driver for it, and the job "
            "definitions do not request it."
        )
    return ""


def prefix_fault(prefix: object) -> str:
    """The rule that a value is a folder of a bucket as an IAM policy names it, or "" for the whole bucket."""
    if not isinstance(prefix, str) or len(json.dumps(prefix)) - 2 > MAX_PREFIX or not prefix.isprintable():
        return f"{shown(prefix)} is not a string of up to {MAX_PREFIX} printable characters, where each non-ASCII character counts as six."
    if prefix and (not prefix.endswith("/") or prefix.startswith("/")):
        # Otherwise `genomes` would also open `genomes-private/`.
        return f"{prefix!r} is not a folder, such as genomes/. A prefix ends with a slash and does not begin with one."
    if re.search(r"[*?$\\\"]", prefix):
        return f'{prefix!r} contains one of * ? $ \\ ", which have a special meaning in IAM policies.'
    return ""


def build_arg_name_fault(name: str) -> str:
    """The rule that a value is a name that `ARG` in a Dockerfile declares and a shell can read."""
    if name == "BASE":
        return "BASE is reserved. Biobatch sets it to the digest of the base image."
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return f"{shown(name)} is not the name of a build argument: letters, digits and _, not beginning with a digit."
    return ""


def build_arg_text_fault(text: object) -> str:
    """The rule that a value is a string of printable characters on one line."""
    if not isinstance(text, str):
        return f"{shown(text)} is not a string. Put a number in quotes."
    return (
        "" if text.isprintable() else f"the value {shown(text)} contains unprintable characters or more than one line."
    )


def build_arg_faults(build_args: Mapping[str, object]) -> Iterator[str]:
    """Yields every fault of the build arguments of a Dockerfile."""
    for name, text in build_args.items():
        yield build_arg_name_fault(name)
        if wrong := build_arg_text_fault(text):
            yield f"{name}: {wrong}"


_TAG_TEXT = re.compile(r"[\w .:/=+\-@]*")


def tag_name_fault(name: str, tags: Iterable[str]) -> str:
    """The rule that a value is a tag key. `tags` holds the keys of all tags of the resource."""
    before = takewhile(lambda other: other != name, tags)
    if same := [other for other in before if other.casefold() == name.casefold()]:
        return f"{shown(name)} is the same as {shown(same[0])}: IAM tag keys are case-insensitive."
    if not 1 <= len(name) <= 128 or not _TAG_TEXT.fullmatch(name):
        return f"{shown(name)} is not a tag key: 1 to 128 letters, digits, spaces or _ . : / = + - @."
    if name.lower().startswith("aws:") or name in ("Name", "SubnetType"):
        return f"{name!r} is reserved. AWS sets the keys that begin with aws:, and Biobatch sets Name and SubnetType."
    return ""


def tag_value_fault(value: object) -> str:
    """The rule that a value is a tag value."""
    if isinstance(value, str) and len(value) <= 256 and _TAG_TEXT.fullmatch(value):
        return ""
    return f"the value {shown(value)} is not a string of up to 256 letters, digits, spaces or _ . : / = + - @."


def tag_faults(tags: Mapping[str, object]) -> Iterator[str]:
    """Yields every fault of the tags of a resource."""
    if len(tags) > MAX_TAGS:
        yield f"there are {len(tags)} tags, but the limit is {MAX_TAGS}."
    for name, value in tags.items():
        yield tag_name_fault(name, tags)
        if wrong := tag_value_fault(value):
            yield f"{name}: {wrong}"


def share_name_fault(name: str, shares: Iterable[str]) -> str:
    """The rule that a value is a share identifier. `shares` holds all identifiers of the policy.

    An identifier that ends with `*` matches all identifiers with that prefix. Two identifiers must not match the same share.
    """
    wrong = []
    if not re.fullmatch(r"[A-Za-z0-9]{1,254}\*?", name):
        wrong.append(
            f"{shown(name)} is not a share identifier: 1 to 254 letters and digits, with an optional * at the end that matches a prefix. "
            "Unlisted shares have weight 1."
        )
    if name.endswith("*") and (within := [s for s in shares if s != name and s.startswith(name[:-1])]):
        wrong.append(f"{shown(name)} overlaps with {', '.join(map(shown, within))}. A share can have only one weight.")
    return " ".join(wrong)


def share_weight_fault(weight: object) -> str:
    """The rule that a value is the weight of a share."""
    low, high = SHARE_WEIGHTS
    if isinstance(weight, int | float) and not isinstance(weight, bool) and low <= weight <= high:
        return ""
    return f"the weight {shown(weight)} is not a number from {low} to {high}."


def share_faults(shares: Mapping[str, object]) -> Iterator[str]:
    """Yields every fault of the shares of a scheduling policy (API ShareAttributes)."""
    if len(shares) > MOST_SHARES:
        yield f"there are {len(shares)} shares, but the limit is {MOST_SHARES}."
    for name, weight in shares.items():
        yield share_name_fault(name, shares)
        if wrong := share_weight_fault(weight):
            yield f"{name}: {wrong}"


def repeated(values: Sequence[object]) -> list[int]:
    """The positions of the values that occur earlier in the list."""
    first: dict[str, int] = {}
    return [i for i, value in enumerate(values) if first.setdefault(json.dumps(value, sort_keys=True), i) != i]
