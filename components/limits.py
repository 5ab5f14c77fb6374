"""What AWS refuses, each rule once. Settings and components refuse by these rules before anything is created.

A rule looks at a value and returns a sentence that says what is wrong with it, or "" if nothing is. The caller puts the key or the argument
before it. Rules with `faults` in their names look at a collection and yield one sentence for each fault.
"""

import contextlib
import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import takewhile

#: Batch itself sets no upper limit to an environment's vCPUs but the quota. The API's type is a 32-bit integer (API ComputeResource).
MAX_VCPUS = (1, 2**31 - 1)

#: A volume cannot be smaller than the machine image's own snapshot. EBS offers gp3 volumes of up to 65,536 GiB since September 2025 (EBS User
#: Guide, "General Purpose SSD volumes"); Biobatch offers a quarter of that.
SCRATCH_GIB = (30, 16_384)

#: Subnets of a compute environment (API ComputeResource).
MAX_SUBNETS = 16

#: Least figures of a tool: vCPUs, MiB, and seconds of an attempt (API RegisterJobDefinition, API JobTimeout).
TOOL_LEAST = {"vcpus": 1, "memory_mib": 4, "timeout_seconds": 60}

#: Shares in a policy, and a share's weight (API FairsharePolicy, API ShareAttributes).
MOST_SHARES = 500
SHARE_WEIGHTS = (0.0001, 999.9999)

#: AWS allows 50 tags a resource; Batch, ECS and Pulumi's Name tag need some of them.
MAX_TAGS = 40

#: Such prefixes of ten buckets always fit the 10,240 characters that IAM allows a role's own policies.
MAX_PREFIX = 128

#: CloudWatch Logs' own list of retention times in days (API PutRetentionPolicy). 0, "never expire", is not offered.
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827),
    *(2192, 2557, 2922, 3288, 3653),
)

PRIVATE_RANGES = tuple(
    ipaddress.IPv4Network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)

#: How the names of a partition's regions begin. All other regions are in the partition `aws` (AWS General Reference, "partitions").
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"}
PARTITIONS = ("aws", *_PARTITIONS.values())

_REGION = r"[a-z]{2,4}(-[a-z]+)+-\d"


def partition_of(region: str) -> str:
    """The AWS partition of a region, such as `aws-eusc` for `eusc-de-east-1`."""
    return next((partition for start, partition in _PARTITIONS.items() if region.startswith(start)), "aws")


def shown(value: object) -> str:
    """A value as an error shows it: texts in quotes, everything else as JSON, and no more than 80 characters of it."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=repr)
    return text if len(text) <= 80 else f"{text[:79]}…"


def counted(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun: `1 bucket`, `11 buckets`."""
    return f"{number} {singular if number == 1 else plural or f'{singular}s'}"


def matching(pattern: str, sentence: str) -> Callable[[object], str]:
    """The rule that a text matches a pattern in ASCII.

    Args:
        pattern: regular expression of the whole text.
        sentence: what is said of a value that does not, after the value itself.
    """
    compiled = re.compile(pattern, re.ASCII)

    def rule(value: object) -> str:
        return "" if isinstance(value, str) and compiled.fullmatch(value) else f"{shown(value)} {sentence}"

    return rule


def optional(rule: Callable[[object], str]) -> Callable[[object], str]:
    """The same rule, but "" is right too."""
    return lambda value: "" if value == "" else rule(value)


def arn_fault(service: str) -> Callable[[object], str]:
    """The rule that a text is an ARN of a service in any partition."""
    return matching(rf"arn:({'|'.join(PARTITIONS)}):{service}:\S+", f"is not an ARN of {service}.")


region_fault = matching(_REGION, "is not an AWS region.")
# A Local Zone's name has more parts. Only zones that are open to every account are taken.
zone_fault = matching(rf"{_REGION}[a-z]", "is not the name of an availability zone, such as us-east-1a.")
account_fault = matching(r"\d{12}", "is not the number of an AWS account, 12 digits.")
partition_fault = matching("|".join(PARTITIONS), f"is not an AWS partition: {', '.join(PARTITIONS)}.")
platform_fault = matching("linux/(amd64|arm64)", "is neither linux/amd64 nor linux/arm64.")
vpc_id_fault = matching("vpc-[0-9a-f]{8,17}", "is not the id of a VPC, such as vpc-0123456789abcdef0.")
subnet_id_fault = matching("subnet-[0-9a-f]{8,17}", "is not the id of a subnet, such as subnet-0123456789abcdef0.")
ami_fault = matching(
    "ami-([0-9a-f]{8}|[0-9a-f]{17})", "is not the id of a machine image, such as ami-0123456789abcdef0."
)
# An alias can be moved to another key, and IAM does not take one as a resource.
kms_key_fault = matching(
    rf"arn:({'|'.join(PARTITIONS)}):kms:[a-z0-9-]+:\d{{12}}:key/[A-Za-z0-9-]{{1,64}}",
    "is not the ARN of a KMS key (an alias is not one).",
)
policy_fault = matching(
    rf"arn:({'|'.join(PARTITIONS)}):iam::(\d{{12}}|aws):policy/([\w+=,.@-]+/)*[\w+=,.@-]{{1,128}}",
    "is not the ARN of a managed policy.",
)
bucket_name_fault = matching(
    r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    "is not a bucket's name: 3 to 63 of a-z, 0-9, hyphens and single dots, without s3://.",
)
tool_name_fault = matching(
    r"(?!base$)(?!.{41})[a-z0-9]+(-[a-z0-9]+)*",
    "is not a tool's name: up to 40 lower-case letters and digits, with hyphens between them, and not base.",
)


def whole_number(low: int, high: int | None = None) -> Callable[[object], str]:
    """The rule that a value is a whole number from `low` to `high`; without `high`, one that fits the 32 bits of AWS's APIs."""
    limits = f"of {low} or more" if high is None else f"from {low} to {high}"

    def rule(value: object) -> str:
        # A boolean is an integer to Python, but not to a user.
        if not isinstance(value, int) or isinstance(value, bool):
            return f"{shown(value)} is not a whole number {limits}."
        if low <= value <= (2**31 - 1 if high is None else high):
            return ""
        return f"{value} is not a whole number {limits}." if high is None else f"{value} is outside {low} to {high}."

    return rule


def date_fault(value: str) -> str:
    """A day as ISO 8601 writes it with hyphens."""
    with contextlib.suppress(ValueError):
        if date.fromisoformat(value).isoformat() == value:
            return ""
    return f"{shown(value)} is not a day of the form YYYY-MM-DD."


def retention_fault(value: object) -> str:
    """Days that CloudWatch Logs can keep a log for."""
    steps = ", ".join(map(str, LOG_RETENTION_DAYS))
    return "" if type(value) is int and value in LOG_RETENTION_DAYS else f"{shown(value)} is none of {steps} days."


def cidr_fault(value: str) -> str:
    """A private range of a size that holds the subnets of six zones."""
    try:
        network = ipaddress.ip_network(value)
    except ValueError as error:
        return f"{shown(value)} is not an address range ({error})."
    if not isinstance(network, ipaddress.IPv4Network) or not 16 <= network.prefixlen <= 22:
        return f"{value} is not an IPv4 range of size /16 to /22, the sizes that hold subnets of six zones."
    if not any(network.subnet_of(private) for private in PRIVATE_RANGES):
        return f"{value} is not inside {', '.join(map(str, PRIVATE_RANGES))}, the private ranges."
    # Python reads a netmask or a hostmask too. AWS reads a length only.
    return "" if value == str(network) else f"{value} is not an address and a length."


_TYPE = re.compile(
    r"optimal|default_(x86_64|arm64)|([a-z]+\d+[a-z]*(-[a-z0-9]+)*|u-\d+tb\d+)(\.([a-z0-9]+|metal(-[a-z0-9]+)*))?",
    re.ASCII,
)

#: Families with an accelerator, by the letters before their generation (EC2 User Guide, "instance type naming conventions").
_ACCELERATED = {
    **dict.fromkeys(("g", "gr", "p"), "a GPU"),
    **dict.fromkeys(("inf", "trn"), "a Neuron chip"),
    **dict.fromkeys(("dl",), "a deep learning accelerator"),
    **dict.fromkeys(("f",), "an FPGA"),
    **dict.fromkeys(("vt",), "a video transcoder"),
}


def instance_type_fault(name: object) -> str:
    """An instance type, a family or one of Batch's own sets, that Biobatch's machine image and jobs can use."""
    if not isinstance(name, str) or not _TYPE.fullmatch(name):
        return f"{shown(name)} is neither an instance type (m6i.large) nor a family (m6i)."
    if name.split(".")[0] == "a1":
        return f"{name!r}: Batch's machine images do not run on the first Graviton. Take m6g or later."
    if name.startswith("mac"):
        return f"{name!r}: Batch does not run on Macs."
    letters = re.match("[a-z]*", name)
    if letters and (accelerator := _ACCELERATED.get(letters[0])):
        return (
            f"{name!r} has {accelerator}, which no job could use: the machine image, ECS_AL2023, has no driver for it, and no job "
            "definition asks for it."
        )
    return ""


def instance_architecture(instance_type: str) -> str:
    """The architecture of an EC2 instance type or family.

    EC2's names are letters, a generation, attributes and a suffix (`c7gn.large`, `p6e-gb200`): `g` among the attributes
    is Graviton, as is the whole of its first family, `a1`; the suffix `-gb…` is NVIDIA's Grace (EC2 User Guide, "instance type
    naming conventions").
    """
    if instance_type in ("optimal", "default_x86_64"):
        return "x86_64"
    family = instance_type.split(".")[0]
    if family in ("a1", "default_arm64"):
        return "arm64"
    name, _, suffix = family.partition("-")
    attributes = re.sub(r"^[a-z]+\d+", "", name)
    return "arm64" if "g" in attributes or suffix.startswith("gb") else "x86_64"


def prefix_fault(prefix: object) -> str:
    """A folder of a bucket, as a policy names it; "" for the whole bucket."""
    if not isinstance(prefix, str) or len(json.dumps(prefix)) - 2 > MAX_PREFIX or not prefix.isprintable():
        return f"{shown(prefix)} is not a text of up to {MAX_PREFIX} characters, one beyond ASCII counting as six."
    if prefix and (not prefix.endswith("/") or prefix.startswith("/")):
        # Or `genomes` would open `genomes-private/` too.
        return f"{prefix!r} does not end with a slash, or begins with one: a prefix names a folder, such as genomes/."
    if re.search(r"[*?$\\\"]", prefix):
        return f'{prefix!r} holds one of * ? $ \\ ", which have a meaning of their own in a policy.'
    return ""


def build_arg_name_fault(name: str) -> str:
    """A name that a Dockerfile's ARG declares and a shell reads."""
    if name == "BASE":
        return "BASE is set by Biobatch: the base image, by digest."
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return f"{shown(name)} is not a build argument's name: letters, digits and _, no digit first."
    return ""


def build_arg_text_fault(text: object) -> str:
    """A text that Docker and a terminal show as it is."""
    if not isinstance(text, str):
        return f"{shown(text)} is not a text; a number needs quotes."
    return "" if text.isprintable() else f"the text {shown(text)} is not printable, or of more than one line."


def build_arg_faults(build_args: Mapping[str, object]) -> Iterator[str]:
    """All that is wrong with a Dockerfile's build arguments."""
    for name, text in build_args.items():
        yield build_arg_name_fault(name)
        if wrong := build_arg_text_fault(text):
            yield f"{name}: {wrong}"


_TAG_TEXT = re.compile(r"[\w .:/=+\-@]*")


def tag_name_fault(name: str, tags: Iterable[str]) -> str:
    """The name of a tag, beside the names of all tags of the resource."""
    before = takewhile(lambda other: other != name, tags)
    if same := [other for other in before if other.casefold() == name.casefold()]:
        return f"{shown(name)} is {shown(same[0])} again: IAM does not distinguish upper from lower case in the name of a tag."
    if not 1 <= len(name) <= 128 or not _TAG_TEXT.fullmatch(name):
        return f"{shown(name)} is not the name of a tag: 1 to 128 letters, digits, blanks or _ . : / = + - @."
    if name.lower().startswith("aws:") or name in ("Name", "SubnetType"):
        return f"{name!r} is reserved: AWS or Biobatch sets aws:…, Name and SubnetType."
    return ""


def tag_value_fault(value: object) -> str:
    """The value of a tag."""
    if isinstance(value, str) and len(value) <= 256 and _TAG_TEXT.fullmatch(value):
        return ""
    return f"the value {shown(value)} is not a text of up to 256 letters, digits, blanks or _ . : / = + - @."


def tag_faults(tags: Mapping[str, object]) -> Iterator[str]:
    """All that is wrong with a resource's tags."""
    if len(tags) > MAX_TAGS:
        yield f"{counted(len(tags), 'tag')} are more than {MAX_TAGS}."
    for name, value in tags.items():
        yield tag_name_fault(name, tags)
        if wrong := tag_value_fault(value):
            yield f"{name}: {wrong}"


def share_name_fault(name: str, shares: Iterable[str]) -> str:
    """A share identifier, beside all of the policy: one that ends in `*` stands for all that begin so, and none may belong to two."""
    wrong = []
    if not re.fullmatch(r"[A-Za-z0-9]{1,254}\*?", name):
        wrong.append(
            f"{shown(name)} is not a share: 1 to 254 letters and digits, then * for all that begin so. "
            "A share that is not named has the weight 1."
        )
    if name.endswith("*") and (within := [s for s in shares if s != name and s.startswith(name[:-1])]):
        wrong.append(f"{shown(name)} overlaps with {', '.join(map(shown, within))}: a share can have one weight only.")
    return " ".join(wrong)


def share_weight_fault(weight: object) -> str:
    """The weight of a share."""
    low, high = SHARE_WEIGHTS
    if isinstance(weight, int | float) and not isinstance(weight, bool) and low <= weight <= high:
        return ""
    return f"the weight {shown(weight)} is not a number from {low} to {high}."


def share_faults(shares: Mapping[str, object]) -> Iterator[str]:
    """What Batch would refuse of the shares of a policy (API ShareAttributes)."""
    if len(shares) > MOST_SHARES:
        yield f"{counted(len(shares), 'share')} are more than {MOST_SHARES}."
    for name, weight in shares.items():
        yield share_name_fault(name, shares)
        if wrong := share_weight_fault(weight):
            yield f"{name}: {wrong}"


def repeated(values: Sequence[object]) -> list[int]:
    """The positions of values that are in the list before."""
    first: dict[str, int] = {}
    return [i for i, value in enumerate(values) if first.setdefault(json.dumps(value, sort_keys=True), i) != i]
