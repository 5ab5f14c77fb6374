"""The declaration of every config key: its type, default, description and checks.

Pulumi.yaml's `config:` block and docs/reference/configuration.md are generated from it.
"""

import dataclasses
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.limits import (
    LOG_RETENTION_DAYS,
    MAX_SUBNETS,
    MAX_TAGS,
    MAX_VCPUS,
    MOST_SHARES,
    SCRATCH_GIB,
    ami_fault,
    cidr_fault,
    date_fault,
    instance_type_fault,
    kms_key_fault,
    policy_fault,
    retention_fault,
    share_name_fault,
    share_weight_fault,
    subnet_id_fault,
    tag_name_fault,
    tag_value_fault,
    vpc_id_fault,
    zone_fault,
)
from settings.buckets import Buckets, SharedBucket
from settings.kinds import Boolean, Choice, Day, Integer, Kind, Names, Range, Step, Table, Text, as_number, as_text
from settings.tools import Tools, ToolSettings


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key of the configuration."""

    kind: Kind
    """What it takes."""
    default: Any
    """The value, as the stack's file would hold it, of a stack that does not set the key."""
    description: str
    """What its values do, in one line of Markdown."""
    see: str = ""
    """A sentence with a link for the configuration page, relative to docs/reference/. Pulumi.yaml does not show it."""


def key(kind: Kind, default: Any, description: str, *, name: str = "", see: str = "") -> Any:
    """A field of `Settings` that a key sets.

    Args:
        kind: what the key takes.
        default: its default, as the stack's file would hold it.
        description: what its values do, in one line; `{form}` stands for what the kind takes.
        name: the key's name, if it is not the field's in camel case.
        see: a sentence that links to a page with more, relative to docs/reference/.
    """
    described = Key(kind=kind, default=default, description=description.format(form=kind.form), see=see)
    return dataclasses.field(metadata={"name": name, "key": described})


def _network(cidr: str) -> str:
    """The address range that a text probably means."""
    try:
        return str(ipaddress.ip_network(cidr, strict=False))
    except ValueError:
        return cidr


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a stack is configured to be. `aws:region` and every key of the project, as checked and typed values."""

    region: str
    az_count: int = key(
        Integer(1, 6),
        2,
        "Availability zones to spread over, {form}. More zones find more Spot capacity. A change adds or removes subnets and resizes none.",
    )
    availability_zones: tuple[str, ...] = key(
        Names(zone_fault, "availability zones", most=6),
        [],
        "Availability zones by name, {form}, in place of `azCount`. Add and remove them at the end, or subnets are replaced.",
    )
    instance_types: tuple[str, ...] = key(
        Names(instance_type_fault, "instance types or families"),
        [],
        "Instance types or families that jobs may run on, such as `c7i.4xlarge` or `m6i`, or `optimal` on x86_64. Empty: AWS's default "
        "families of the architecture. Types with a GPU or another accelerator are refused.",
    )
    architecture: str = key(
        Choice("x86_64", "arm64"),
        "x86_64",
        "{form} (Graviton). Images are built for it, and `instanceTypes` must agree with it.",
    )
    vpc_cidr: str = key(
        Range(cidr_fault, _network),
        "10.0.0.0/16",
        "Private IPv4 range of the network, /16 to /22. A change makes a new network and moves the machines to it.",
    )
    nat_gateways: str = key(
        Choice("single", "one-per-az", "none"),
        "single",
        "{form}. `single` costs about 33 USD a month. `one-per-az` costs that for each zone, and outlives the failure of a zone. With `none` no "
        "machine reaches the internet, and `interfaceEndpoints` is required.",
    )
    interface_endpoints: bool = key(
        Boolean(),
        False,
        "true: machines reach ECS, ECR, CloudWatch Logs and Systems Manager inside the network, for about 58 USD a month and zone.",
    )
    flow_logs: bool = key(Boolean(), False, "true: the network's connections are recorded in a log group of their own.")
    vpc_id: str = key(
        Text(vpc_id_fault, "Name one that `aws ec2 describe-vpcs` lists"),
        "",
        "Id of an existing network to run in instead of a new one, together with `privateSubnetIds`. A change replaces the machines' security "
        "group.",
        see="See [Existing network](../how-to/existing-network.md).",
    )
    private_subnet_ids: tuple[str, ...] = key(
        Names(subnet_id_fault, "ids of subnets", most=MAX_SUBNETS),
        [],
        "Private subnets of `vpcId` for the machines, {form}. They must reach S3, ECR, ECS and CloudWatch Logs by NAT or endpoints. A change is "
        "made in place.",
    )
    permissions_boundary_arn: str = key(
        Text(policy_fault, "Name one that `aws iam list-policies` lists"),
        "",
        "ARN of a managed policy that bounds every role of the stack. A change is made in place.",
    )
    kms_key_arn: str = key(
        Text(kms_key_fault, "Name one that `aws kms list-keys` lists"),
        "",
        "ARN of a KMS key of the region for the data bucket, the logs and the machines' volumes, in place of AWS's own keys. What its policy "
        "must allow: docs/explanation/security.md.",
    )
    data_buckets: tuple[SharedBucket, ...] = key(
        Buckets(),
        [],
        "Existing buckets of the region that jobs may use, {form}, public ones too: `{{name, access, prefix, kmsKeyArn}}`. `access` is read (the "
        "default) or read-write, and a prefix ends with a slash. A change is made in place.",
    )
    max_vcpus: int = key(
        Integer(*MAX_VCPUS),
        256,
        "vCPUs that each of the two compute environments may grow to, so together at most twice that. No less than the vCPUs of any tool: 4 "
        "unless `tools` says otherwise.",
    )
    spot: bool = key(
        Boolean(), True, "true: the main queue runs on Spot first, then On-Demand. false: both queues run On-Demand."
    )
    scratch_gib: int = key(
        Integer(*SCRATCH_GIB),
        100,
        "GiB of each machine's encrypted gp3 disk for images and scratch, {form}; the larger, the faster. Machines with NVMe disks use those "
        "instead.",
        name="scratchGiB",
    )
    ami_id: str = key(
        Text(ami_fault, "Name an ECS-optimized one of the region"),
        "",
        "Pins the machine image to an ECS-optimized one of the region. Empty: AWS's newest on the day the environments are made.",
    )
    image_date: str = key(
        Day(date_fault, "Write a day such as 2026-11-29"),
        "",
        "A day, such as `2026-11-29`. A new one builds every container image again with the Debian packages of the day on which you run "
        "`pulumi up`: docs/how-to/monthly-upkeep.md.",
    )
    tools: dict[str, ToolSettings] = key(
        Tools(),
        {},
        "Figures by tool: `vcpus`, `memoryMib`, `timeoutSeconds`, `buildArgs`. Changes a tool of Biobatch, or adds tools of your own, {form}, "
        "each with a folder of its name in images/.",
        see="See [Add a tool](../how-to/add-a-tool.md).",
    )
    shares: dict[str, float] = key(
        Table(share_name_fault, share_weight_fault, as_number, "shares to weights", most=(MOST_SHARES, "shares")),
        {},
        "Weights by share, as in `pulumi config set --path --type float shares.phages 0.5`. They make a fair-share queue: half the weight is twice the share. A "
        "share is letters and digits, with `*` at the end for all that begin so. A share that is not named has the weight 1.",
    )
    log_retention_days: int = key(
        Step(LOG_RETENTION_DAYS, retention_fault), 30, "Days that the logs of jobs are kept: {form}."
    )
    protect_data: bool = key(
        Boolean(),
        True,
        "true: the data bucket stays when the stack is destroyed. false: it is emptied and deleted.",
    )
    tags: dict[str, str] = key(
        Table(tag_name_fault, tag_value_fault, as_text, "tag names to values", most=(MAX_TAGS, "tags")),
        {},
        "Tags on everything that bills, instances, volumes and jobs included.",
    )

    @property
    def platform(self) -> str:
        """The container platform of the architecture, as Docker names it."""
        return "linux/arm64" if self.architecture == "arm64" else "linux/amd64"


def _camel(field: str) -> str:
    first, *others = field.split("_")
    return "".join([first, *(other.capitalize() for other in others)])


_KEYED = [field for field in dataclasses.fields(Settings) if "key" in field.metadata]

#: Every key of the project's namespace by its name.
KEYS: Mapping[str, Key] = {field.metadata["name"] or _camel(field.name): field.metadata["key"] for field in _KEYED}

#: The field of `Settings` that each key sets.
FIELDS: Mapping[str, str] = dict(zip(KEYS, (field.name for field in _KEYED), strict=True))
