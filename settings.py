"""The stack's configuration as typed, checked values: every fault found, all told at once, before anything is created."""

import contextlib
import difflib
import ipaddress
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pulumi

from components.limits import MAX_VCPUS, SCRATCH_GIB, TOOL_LEAST, share_faults

PROJECT = "biobatch"

#: CloudWatch Logs' own list of retention times in days (API PutRetentionPolicy); 0, "never expire", is not offered.
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827),
    *(2192, 2557, 2922, 3288, 3653),
)

#: AWS allows 50 tags a resource; Batch, ECS and Pulumi's Name tag need some of them.
MAX_TAGS = 40

#: What Batch picks machines from when no instance types are named (Batch User Guide, "instance types").
DEFAULT_INSTANCE_TYPES = {"x86_64": ("default_x86_64",), "arm64": ("default_arm64",)}

PRIVATE_RANGES = tuple(
    ipaddress.ip_network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)


KMS_KEY_ARN = r"arn:aws(-cn|-us-gov)?:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]{1,64}"

#: What a remedy shows for keys whose values are long.
EXAMPLES = {
    "permissionsBoundaryArn": "arn:aws:iam::111122223333:policy/boundary",
    "kmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
}


@dataclass(frozen=True, kw_only=True)
class ToolSettings:
    """What a tool's jobs get unless a submission says otherwise, and what its image is built with."""

    vcpus: int = 1
    """vCPUs, 1 or more."""
    memory_mib: int = 1800
    """Memory in MiB, 4 or more."""
    timeout_seconds: int = 12 * 3600
    """Seconds after which an attempt is ended, 60 or more."""
    build_args: dict[str, str] = field(default_factory=dict)
    """Build arguments of its Dockerfile."""
    base: str | None = None
    """The tool whose image its own stands on, one that is named before it; None: the image that all share."""


#: The tools that come with Biobatch, for a bacterial or small eukaryotic genome. Jobs fill whole machines at up to 1,800 MiB a vCPU on
#: the compute families (the table in `components.batch_platform.Tool`); aligning holds the genome's index and bwa's batch of reads.
#: Alignment is streamed into sorting: bwa's image is samtools' with bwa, so machines that ran the one pull little for the other.
TOOLS: Mapping[str, ToolSettings] = {
    "fastqc": ToolSettings(timeout_seconds=2 * 3600),
    "samtools": ToolSettings(timeout_seconds=4 * 3600),
    "bwa": ToolSettings(vcpus=4, memory_mib=7200, base="samtools"),
    "bcftools": ToolSettings(),
}


#: So many buckets and so long a prefix, as JSON writes it, always fit the 10,240 characters that IAM allows a role's own policies.
MAX_DATA_BUCKETS = 10
MAX_PREFIX = 128

#: So many tools of a lab's own, beside ours, always fit the 6,144 characters of a managed policy, the one on who submits.
MAX_OWN_TOOLS = 15


@dataclass(frozen=True, kw_only=True)
class SharedBucket:
    """An existing bucket that jobs may use."""

    name: str
    """Without `s3://`."""
    write: bool
    """False: jobs read only."""
    prefix: str
    """Ends in a slash, or is empty: the whole bucket."""
    kms_key_arn: str
    """ARN of the key that it is encrypted with, or ""."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a stack is configured to be. Field names are the config keys in snake case; Pulumi.yaml says what each means."""

    region: str
    az_count: int
    availability_zones: tuple[str, ...]
    instance_types: tuple[str, ...]
    architecture: str
    vpc_cidr: str
    nat_gateways: str
    interface_endpoints: bool
    flow_logs: bool
    vpc_id: str
    private_subnet_ids: tuple[str, ...]
    permissions_boundary_arn: str
    kms_key_arn: str
    data_buckets: tuple["SharedBucket", ...]
    max_vcpus: int
    spot: bool
    scratch_gib: int
    ami_id: str
    image_date: str
    tools: dict[str, ToolSettings]
    shares: dict[str, float]
    log_retention_days: int
    protect_data: bool
    tags: dict[str, str]

    @property
    def platform(self) -> str:
        """The container platform of the architecture, as Docker names it."""
        return "linux/arm64" if self.architecture == "arm64" else "linux/amd64"


class Refused(ValueError):
    """One value that is refused; the text says the limit and the remedy."""


def load() -> Settings:
    """Reads the settings of the running stack.

    Raises:
        pulumi.RunError: with every fault of the configuration, one a line.
    """
    return parse(pulumi.runtime.config.CONFIG.get() or {})


def parse(config: Mapping[str, str]) -> Settings:
    """Checks a stack's whole configuration.

    Args:
        config: full keys (`biobatch:azCount`, `aws:region`) to values as Pulumi hands them over: strings, JSON for all
            that is no string.

    Raises:
        pulumi.RunError: with every fault, one a line.
    """
    faults: list[str] = []
    values: dict[str, Any] = {}
    own = {k.split(":", 1)[1]: v for k, v in config.items() if k.startswith(f"{PROJECT}:")}
    for unknown in sorted(own.keys() - KEYS.keys()):
        near = difflib.get_close_matches(unknown, KEYS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(KEYS)}."
        faults.append(f"{unknown}: there is no such key; {hint} Remove it: pulumi config rm {PROJECT}:{unknown}")
    for name, key in KEYS.items():
        try:
            values[name] = key.read(own[name]) if name in own else key.default
        except Refused as refused:
            faults.append(f"{name}: {refused}")
    region = config.get("aws:region", "")
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region):
        given = f"{region!r} is no AWS region" if region else "is not set"
        faults.append(f"aws:region: {given}. Set it: pulumi config set aws:region us-east-1")
        region = ""
    if "architecture" in values and "instanceTypes" in values:
        faults += _disagreeing_types(values["architecture"], values["instanceTypes"])
    if values.get("natGateways") == "none" and values.get("interfaceEndpoints") is False:
        faults.append(
            "natGateways: none needs interfaceEndpoints, which is false: the machines could not reach AWS. "
            "Set it: pulumi config set interfaceEndpoints true"
        )
    faults += _misplaced_arns(region, values) if region else []
    faults += _boundary_faults(values)
    faults += _unstartable_tools(values)
    faults += _zone_faults(region, values)
    faults += _existing_network_faults(values)
    if faults:
        count = "1 setting is" if len(faults) == 1 else f"{len(faults)} settings are"
        raise pulumi.RunError("\n".join([f"{count} refused; nothing was created.", *(f"  - {f}" for f in faults)]))
    return Settings(
        region=region,
        az_count=values["azCount"],
        availability_zones=tuple(values["availabilityZones"]),
        instance_types=tuple(values["instanceTypes"]) or DEFAULT_INSTANCE_TYPES[values["architecture"]],
        architecture=values["architecture"],
        vpc_cidr=values["vpcCidr"],
        nat_gateways=values["natGateways"],
        interface_endpoints=values["interfaceEndpoints"],
        flow_logs=values["flowLogs"],
        vpc_id=values["vpcId"],
        private_subnet_ids=tuple(values["privateSubnetIds"]),
        permissions_boundary_arn=values["permissionsBoundaryArn"],
        kms_key_arn=values["kmsKeyArn"],
        data_buckets=tuple(values["dataBuckets"]),
        max_vcpus=values["maxVcpus"],
        spot=values["spot"],
        scratch_gib=values["scratchGiB"],
        ami_id=values["amiId"],
        image_date=values["imageDate"],
        tools={**TOOLS, **values["tools"]},
        shares=values["shares"],
        log_retention_days=values["logRetentionDays"],
        protect_data=values["protectData"],
        tags=values["tags"],
    )


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


def _disagreeing_types(architecture: str, instance_types: list[str]) -> list[str]:
    others = [t for t in instance_types if instance_architecture(t) != architecture]
    if not others:
        return []
    other = instance_architecture(others[0])
    return [
        f"instanceTypes: {', '.join(others)} {'is' if len(others) == 1 else 'are'} {other}, but architecture is {architecture}: "
        f"one queue holds one architecture. Name {architecture} types, or: pulumi config set architecture {other}"
    ]


def _misplaced_arns(region: str, values: Mapping[str, Any]) -> list[str]:
    """A policy lies in the region's partition, a key in the region itself: S3, logs and volumes take no other."""
    partition = {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rsplit("-", 2)[0], "aws")
    places = {"permissionsBoundaryArn": f"arn:{partition}:iam::", "kmsKeyArn": f"arn:{partition}:kms:{region}:"}
    return [
        f"{key}: {value} does not begin with {place}, as one for aws:region {region} does. "
        f"Set it: pulumi config set {key} {place}{EXAMPLES[key].split(':', 4)[4]}"
        for key, place in places.items()
        if (value := values.get(key)) and not value.startswith(place)
    ]


def _unstartable_tools(values: Mapping[str, Any]) -> list[str]:
    """A job that asks for more vCPUs than an environment may grow to waits for an hour and is cancelled."""
    most, own = values.get("maxVcpus"), values.get("tools")
    if most is None or own is None:
        return []
    return [
        f"maxVcpus: {most} is less than tools.{name}.vcpus, {tool.vcpus}, so that such a job could never start. Raise the one: "
        f"pulumi config set maxVcpus {tool.vcpus}, or lower the other: pulumi config set --path tools.{name}.vcpus {most}"
        for name, tool in {**TOOLS, **own}.items()
        if tool.vcpus > most
    ]


def _boundary_faults(values: Mapping[str, Any]) -> list[str]:
    """Whoever deploys may change the policies that are named as the stack's are."""
    value: str = values.get("permissionsBoundaryArn", "")
    if not value.partition(":policy/")[2].startswith("biobatch-"):
        return []
    return [
        f"permissionsBoundaryArn: {value} begins with biobatch-, so that the stack's deploy_policy could change it. "
        f"Take one of another name: pulumi config set permissionsBoundaryArn {EXAMPLES['permissionsBoundaryArn']}"
    ]


def _zone_faults(region: str, values: Mapping[str, Any]) -> list[str]:
    zones: list[str] = values.get("availabilityZones", [])
    faults = []
    if region and (elsewhere := [zone for zone in zones if zone[:-1] != region]):
        faults.append(
            f"availabilityZones: {', '.join(elsewhere)} {'is' if len(elsewhere) == 1 else 'are'} not in aws:region, {region}. "
            f"Set it: pulumi config set --path 'availabilityZones[0]' {region}a"
        )
    count = values.get("azCount")
    if zones and count not in (None, KEYS["azCount"].default, len(zones)):
        faults.append(
            f"azCount: {count} disagrees with availabilityZones, which names {len(zones)} and counts. "
            "Remove it: pulumi config rm azCount"
        )
    return faults


#: What shapes a new network, and so means nothing in an existing one.
_NEW_NETWORK = ("azCount", "availabilityZones", "vpcCidr", "natGateways", "interfaceEndpoints", "flowLogs")


def _existing_network_faults(values: Mapping[str, Any]) -> list[str]:
    vpc, subnets = values.get("vpcId"), values.get("privateSubnetIds")
    if vpc == "" and subnets:
        return [
            f"privateSubnetIds: {len(subnets)} are named, but vpcId, their network, is not. Set it: pulumi config set vpcId vpc-…"
        ]
    if not vpc:
        return []
    faults = []
    if subnets == []:
        faults.append(
            "vpcId: an existing network needs privateSubnetIds, the subnets of the machines. "
            "Set it: pulumi config set --path 'privateSubnetIds[0]' subnet-…"
        )
    shaping = [key for key in _NEW_NETWORK if key in values and values[key] != KEYS[key].default]
    faults += [
        f"{key}: it shapes a new network, but vpcId names an existing one. Remove it: pulumi config rm {key}"
        for key in shaping
    ]
    return faults


@dataclass(frozen=True, kw_only=True)
class Key:
    """One config key: its default and how its value is read."""

    default: Any
    read: Callable[[str], Any]


def _json(value: str, kind: type, wanted: str, set_it: str) -> Any:
    try:
        parsed = json.loads(value)
        json.dumps(parsed, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        # JSON can escape what no file, message or call can hold.
        half = error.object[error.start : error.end]
        raise Refused(f"{value!r} holds {half!r}, half a character that nothing can write. {set_it}") from None
    except (ValueError, RecursionError):
        parsed = value
    # A boolean is an integer to Python, but not to a user.
    if not isinstance(parsed, kind) or (kind is int and isinstance(parsed, bool)):
        raise Refused(f"{value!r} is not {wanted}. {set_it}")
    return parsed


def _integer(key: str, low: int, high: int, remedy: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        set_it = f"Set it: pulumi config set {key} {remedy}"
        number: int = _json(value, int, f"a whole number from {low} to {high}", set_it)
        if not low <= number <= high:
            raise Refused(f"{number} is outside {low} to {high}. {set_it}")
        return number

    return read


def _choice(key: str, choices: tuple[str, ...]) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in choices:
            raise Refused(f"{value!r} is none of {', '.join(choices)}. Set it: pulumi config set {key} {choices[0]}")
        return value

    return read


def _boolean(key: str) -> Callable[[str], bool]:
    def read(value: str) -> bool:
        if value not in ("true", "false"):
            raise Refused(f"{value!r} is neither true nor false. Set it: pulumi config set {key} true")
        return value == "true"

    return read


def _arn(key: str, pattern: str, what: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value and not re.fullmatch(pattern, value, re.ASCII):
            raise Refused(f"{value!r} is not the ARN of {what}. Set it: pulumi config set {key} {EXAMPLES[key]}")
        return value

    return read


def _names(key: str, pattern: str, what: str, example: str, most: int) -> Callable[[str], list[str]]:
    def read(value: str) -> list[str]:
        set_it = f"Set it: pulumi config set --path '{key}[0]' {example}"
        names: list[Any] = _json(value, list, f"a list of {what}s", set_it)
        faults = [
            f"{name!r} is no {what}, such as {example}."
            for name in names
            if not isinstance(name, str) or not re.fullmatch(pattern, name, re.ASCII)
        ]
        if len(names) > most:
            faults.append(f"{len(names)} are more than {most}.")
        if len(set(map(str, names))) < len(names):
            faults.append(f"a {what} is named twice.")
        if faults:
            raise Refused(" ".join([*faults, set_it]))
        return names

    return read


def _vpc_id(value: str) -> str:
    if value and not re.fullmatch(r"vpc-[0-9a-f]{8,17}", value):
        raise Refused(f"{value!r} is no VPC's id. Set it: pulumi config set vpcId vpc-0123456789abcdef0")
    return value


def _data_buckets(value: str) -> list[SharedBucket]:
    set_it = "Set it: pulumi config set --path 'dataBuckets[0].name' genomes"
    entries: list[Any] = _json(value, list, "a list of buckets, each {name, access, prefix, kmsKeyArn}", set_it)
    faults = [f"[{i}]{fault}" for i, entry in enumerate(entries) for fault in _data_bucket_faults(entry)]
    if len(entries) > MAX_DATA_BUCKETS:
        faults.append(f"{len(entries)} buckets are more than {MAX_DATA_BUCKETS}, which a role's policy always holds.")
    if faults:
        raise Refused(" ".join([*faults, set_it]))
    buckets = [
        SharedBucket(
            name=entry["name"],
            write=entry.get("access", "read") == "read-write",
            prefix=entry.get("prefix", ""),
            kms_key_arn=entry.get("kmsKeyArn", ""),
        )
        for entry in entries
    ]
    places = [f"{bucket.name}/{bucket.prefix}" for bucket in buckets]
    if twice := sorted({place for place in places if places.count(place) > 1}):
        raise Refused(f"{', '.join(twice)} is named twice. {set_it}")
    return buckets


def _data_bucket_faults(entry: Any) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield f": {entry!r} is not an object {{name, access, prefix, kmsKeyArn}}."
        return
    if unknown := sorted(entry.keys() - {"name", "access", "prefix", "kmsKeyArn"}):
        yield f": there is no {', '.join(unknown)}; a bucket has name, access, prefix and kmsKeyArn."
    name, access = entry.get("name"), entry.get("access", "read")
    if not isinstance(name, str) or not re.fullmatch(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name):
        yield f".name: {name!r} is no bucket's name: 3 to 63 of a-z, 0-9, hyphen and single dots, without s3://."
    if access not in ("read", "read-write"):
        yield f".access: {access!r} is neither read nor read-write."
    prefix = entry.get("prefix", "")
    if not isinstance(prefix, str) or len(json.dumps(prefix)) - 2 > MAX_PREFIX or not prefix.isprintable():
        yield f".prefix: {prefix!r} is no text of up to {MAX_PREFIX} characters, one beyond ASCII counting as six."
    elif prefix and (not prefix.endswith("/") or prefix.startswith("/")):
        # Or `genomes` would open `genomes-private/` too.
        yield f".prefix: {prefix!r} does not end with a slash, or begins with one: it names a folder, such as genomes/."
    elif re.search(r"[*?$\\\"]", prefix):
        yield f'.prefix: {prefix!r} holds one of * ? $ \\ ", which mean more than themselves in a policy.'
    key = entry.get("kmsKeyArn", "")
    if not isinstance(key, str) or (key and not re.fullmatch(KMS_KEY_ARN, key, re.ASCII)):
        yield f".kmsKeyArn: {key!r} is not the ARN of a KMS key (an alias is not one)."


def _instance_types(value: str) -> list[str]:
    set_it = "Set it: pulumi config set --path 'instanceTypes[0]' m6i"
    types: list[Any] = _json(value, list, "a list of instance types or families", set_it)
    faults = []
    for name in types:
        if not isinstance(name, str) or not re.fullmatch(
            r"optimal|default_(x86_64|arm64)|([a-z]+\d+[a-z]*(-[a-z0-9]+)*|u-\d+tb\d+)(\.([a-z0-9]+|metal(-[a-z0-9]+)*))?",
            name,
        ):
            faults.append(f"{name!r} is neither an instance type (m6i.large) nor a family (m6i).")
        elif name.split(".")[0] == "a1":
            faults.append(f"{name!r}: Batch's machine images do not run on the first Graviton; take m6g or later.")
        elif name.startswith("mac"):
            faults.append(f"{name!r}: Batch runs no Macs.")
    if len(set(map(str, types))) < len(types):
        faults.append("a type is named twice.")
    if faults:
        raise Refused(" ".join([*faults, set_it]))
    return types


def _vpc_cidr(value: str) -> str:
    set_it = "Set it: pulumi config set vpcCidr 10.0.0.0/16"
    try:
        network = ipaddress.ip_network(value)
    except ValueError as error:
        raise Refused(f"{value!r} is not an address range ({error}). {set_it}") from None
    if not isinstance(network, ipaddress.IPv4Network) or not 16 <= network.prefixlen <= 22:
        raise Refused(f"{value} is not of size /16 to /22, the sizes that hold subnets of six zones. {set_it}")
    if not any(isinstance(r, ipaddress.IPv4Network) and network.subnet_of(r) for r in PRIVATE_RANGES):
        raise Refused(f"{value} is not inside {', '.join(map(str, PRIVATE_RANGES))}, the private ranges. {set_it}")
    # Python reads a netmask or a hostmask too; AWS reads a length alone.
    if value != str(network):
        raise Refused(f"{value} is not an address and a length. Set it: pulumi config set vpcCidr {network}")
    return value


def _tags(value: str) -> dict[str, str]:
    set_it = "Set it: pulumi config set --path 'tags.project' genomes"
    tags: dict[str, Any] = _json(value, dict, "a mapping of tag names to values", set_it)
    faults = []
    if len(tags) > MAX_TAGS:
        faults.append(f"{len(tags)} tags are more than {MAX_TAGS}.")
    allowed = re.compile(r"[\w .:/=+\-@]*")
    folded = Counter(name.casefold() for name in tags)
    for name, content in tags.items():
        if folded[name.casefold()] > 1:
            faults.append(f"{name!r} is there twice: IAM tells no capital from a small letter in a tag's name.")
        if not 1 <= len(name) <= 128 or not allowed.fullmatch(name):
            faults.append(f"{name!r} is no tag name: 1 to 128 letters, digits, blanks or _ . : / = + - @.")
        elif name.lower().startswith("aws:") or name in ("Name", "SubnetType"):
            faults.append(f"{name!r} is reserved: aws:…, Name and SubnetType are set by AWS or by Biobatch.")
        if not isinstance(content, str) or len(content) > 256 or not allowed.fullmatch(content):
            faults.append(
                f"the value {content!r} of {name!r} is no text of up to 256 letters, digits, blanks or _ . : / = + - @."
            )
    if faults:
        raise Refused(" ".join([*faults, set_it]))
    return tags


def _retention(value: str) -> int:
    set_it = "Set it: pulumi config set logRetentionDays 30"
    days: int = _json(value, int, "a whole number of days", set_it)
    if days not in LOG_RETENTION_DAYS:
        raise Refused(f"{days} is none of {', '.join(map(str, LOG_RETENTION_DAYS))}. {set_it}")
    return days


def _ami(value: str) -> str:
    if value and not re.fullmatch(r"ami-([0-9a-f]{8}|[0-9a-f]{17})", value):
        raise Refused(
            f"{value!r} is no machine image. Name an ECS-optimized one of this region: pulumi config set amiId ami-0123456789abcdef0, "
            "or let AWS choose: pulumi config rm amiId"
        )
    return value


def _image_date(value: str) -> str:
    # So the CLI hands over a day that stands in the stack's file without quotes.
    value = value.removesuffix(" 00:00:00 +0000 UTC")
    with contextlib.suppress(ValueError):
        if not value or date.fromisoformat(value).isoformat() == value:
            return value
    raise Refused(
        f"{value!r} is not a day of the form YYYY-MM-DD. Set it: pulumi config set imageDate {date.today()}, "
        "or leave the images as they are: pulumi config rm imageDate"
    )


def _tools(value: str) -> dict[str, ToolSettings]:
    set_it = "Set it: pulumi config set --path 'tools.bwa.memoryMib' 15000"
    tools: dict[str, Any] = _json(value, dict, "a mapping of tools to their figures", set_it)
    faults: list[str] = []
    read = {name: _tool(name, figures, faults) for name, figures in tools.items()}
    own = len(read.keys() - TOOLS.keys())
    if own > MAX_OWN_TOOLS:
        faults.append(f"{own} tools beside Biobatch's are more than {MAX_OWN_TOOLS}.")
    if faults:
        raise Refused(" ".join([*faults, set_it]))
    return read


#: Figures of a tool and their fields.
TOOL_FIGURES = {"vcpus": "vcpus", "memoryMib": "memory_mib", "timeoutSeconds": "timeout_seconds"}


def _tool(name: str, figures: Any, faults: list[str]) -> ToolSettings:
    """One entry of `tools`, on top of ours where we have such a tool; what is wrong with it goes to `faults`."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or len(name) > 40 or name == "base":
        faults.append(
            f"{name!r} is no tool name: up to 40 lower-case letters and digits, with hyphens between them, and not base."
        )
    elif not Path("images", name, "Dockerfile").is_file():
        faults.append(
            f"{name}: there is no images/{name}/Dockerfile. Add it, or remove the entry: pulumi config rm --path tools.{name}"
        )
    if not isinstance(figures, dict):
        faults.append(f"{name}: {json.dumps(figures)} is not a mapping of {', '.join(TOOL_FIGURES)}, buildArgs.")
        return ToolSettings()
    changes: dict[str, Any] = {}
    for key, given in figures.items():
        if key in TOOL_FIGURES:
            attribute = TOOL_FIGURES[key]
            least = TOOL_LEAST[attribute]
            changes[attribute] = given
            if not isinstance(given, int) or isinstance(given, bool) or not least <= given < 2**31:
                faults.append(f"{name}.{key}: {json.dumps(given)} is not a whole number of {least} or more.")
        elif key == "buildArgs":
            changes["build_args"] = given
            if not isinstance(given, dict) or not all(isinstance(text, str) for text in given.values()):
                faults.append(f"{name}.buildArgs: {json.dumps(given)} is not a mapping of build arguments to texts.")
            else:
                faults += _build_arg_faults(name, given)
        else:
            faults.append(f"{name}.{key}: there is no such figure; there are {', '.join(TOOL_FIGURES)}, buildArgs.")
    return replace(TOOLS.get(name, ToolSettings()), **changes)


def _build_arg_faults(tool: str, build_args: Mapping[str, str]) -> Iterator[str]:
    """A name is one that a Dockerfile's ARG declares and a shell reads; a text, one that Docker and a terminal show as it is."""
    for name, text in build_args.items():
        if name == "BASE":
            yield f"{tool}.buildArgs: BASE is set by Biobatch: the base image, by digest."
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            yield f"{tool}.buildArgs: {name!r} is no build argument's name: letters, digits and _, no digit first."
        if not text.isprintable():
            yield f"{tool}.buildArgs: the text {text!r} of {name!r} is not printable, or of more than one line."


def _shares(value: str) -> dict[str, float]:
    set_it = "Set it: pulumi config set --path 'shares.phages' 1"
    shares: dict[str, Any] = _json(value, dict, "a mapping of shares to weights", set_it)
    if faults := list(share_faults(shares)):
        raise Refused(" ".join([*faults, set_it]))
    return {name: float(weight) for name, weight in shares.items()}


#: Every key of the namespace. Pulumi.yaml declares the same with type, default and description; a test holds both together.
KEYS: Mapping[str, Key] = {
    "azCount": Key(default=2, read=_integer("azCount", 1, 6, 2)),
    # Names only of zones that are open to every account; a Local Zone's has more parts.
    "availabilityZones": Key(
        default=[],
        read=_names("availabilityZones", r"[a-z]{2}(-[a-z]+)+-\d[a-z]", "availability zone", "us-east-1a", 6),
    ),
    "instanceTypes": Key(default=[], read=_instance_types),
    "architecture": Key(default="x86_64", read=_choice("architecture", ("x86_64", "arm64"))),
    "vpcCidr": Key(default="10.0.0.0/16", read=_vpc_cidr),
    "natGateways": Key(default="single", read=_choice("natGateways", ("single", "one-per-az", "none"))),
    "interfaceEndpoints": Key(default=False, read=_boolean("interfaceEndpoints")),
    "flowLogs": Key(default=False, read=_boolean("flowLogs")),
    "vpcId": Key(default="", read=_vpc_id),
    # Batch takes 16 subnets for an environment (API ComputeResource).
    "privateSubnetIds": Key(
        default=[],
        read=_names("privateSubnetIds", r"subnet-[0-9a-f]{8,17}", "subnet's id", "subnet-0123456789abcdef0", 16),
    ),
    "permissionsBoundaryArn": Key(
        default="",
        read=_arn(
            "permissionsBoundaryArn",
            r"arn:aws(-cn|-us-gov)?:iam::(\d{12}|aws):policy/([\w+=,.@-]+/)*[\w+=,.@-]{1,128}",
            "a managed policy",
        ),
    ),
    # A key itself: an alias can be moved to another key, and IAM does not take one for a resource.
    "kmsKeyArn": Key(default="", read=_arn("kmsKeyArn", KMS_KEY_ARN, "a KMS key (an alias is not one)")),
    "dataBuckets": Key(default=[], read=_data_buckets),
    "maxVcpus": Key(default=256, read=_integer("maxVcpus", *MAX_VCPUS, 256)),
    "spot": Key(default=True, read=_boolean("spot")),
    "scratchGiB": Key(default=100, read=_integer("scratchGiB", *SCRATCH_GIB, 100)),
    "amiId": Key(default="", read=_ami),
    "imageDate": Key(default="", read=_image_date),
    "tools": Key(default={}, read=_tools),
    "shares": Key(default={}, read=_shares),
    "logRetentionDays": Key(default=30, read=_retention),
    "protectData": Key(default=True, read=_boolean("protectData")),
    "tags": Key(default={}, read=_tags),
}
