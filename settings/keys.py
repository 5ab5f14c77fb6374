"""The declaration of every config key: its type, default, description and checks.

Pulumi.yaml's `config:` block and docs/reference/configuration.md are generated from it.
"""

import dataclasses
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.architectures import ARCHITECTURES
from components.limits import (
    BUDGET_USD,
    LOG_RETENTION_DAYS,
    MAX_IMAGE_PATTERNS,
    MAX_SUBNETS,
    MAX_TAGS,
    MAX_VCPUS,
    MOST_SHARES,
    SCRATCH_GIB,
    WORK_DAYS,
    ami_fault,
    cidr_fault,
    date_fault,
    email_fault,
    image_pattern_fault,
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
    """One config key."""

    kind: Kind
    """The kind of value that the key accepts."""
    default: Any
    """The default value, in the form of the stack's file."""
    description: str
    """The description in Pulumi.yaml and on the configuration page: one line of Markdown."""
    see: str = ""
    """A sentence with a link for the configuration page, relative to docs/reference/. Pulumi.yaml does not show it."""


def key(kind: Kind, default: Any, description: str, *, name: str = "", see: str = "") -> Any:
    """Declares a config key as a field of `Settings`.

    Args:
        kind: the kind of value that the key accepts.
        default: the default value, in the form of the stack's file.
        description: one line of Markdown. `{form}` is replaced by the limits of the kind.
        name: the name of the key, if it is not the field's name in camel case.
        see: a sentence that links to a page with more, relative to docs/reference/.
    """
    described = Key(kind=kind, default=default, description=description.format(form=kind.form), see=see)
    return dataclasses.field(metadata={"name": name, "key": described})


def _network(cidr: str) -> str:
    """The address range that the user probably meant."""
    try:
        return str(ipaddress.ip_network(cidr, strict=False))
    except ValueError:
        return cidr


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A stack's configuration: `aws:region` and every config key, as checked and typed values."""

    region: str
    az_count: int = key(
        Integer(1, 6),
        2,
        "Number of Availability Zones, {form}. With more zones, Batch finds more Spot capacity. Changing it adds or removes subnets. It does not resize existing "
        "subnets.",
    )
    availability_zones: tuple[str, ...] = key(
        Names(zone_fault, "availability zones", most=6),
        [],
        "Names of the Availability Zones, {form}. Replaces `azCount`. Add and remove zones at the end of the list. Other changes replace subnets.",
    )
    instance_types: tuple[str, ...] = key(
        Names(instance_type_fault, "instance types or families"),
        [],
        "Instance types or families for jobs, such as `c7i.4xlarge` or `m6i`, or `optimal` on x86_64. By default, Batch uses AWS's default "
        "families for the architecture. Types with a GPU or another accelerator are not supported.",
    )
    architecture: str = key(
        Choice(*ARCHITECTURES),
        "x86_64",
        "Processor architecture, {form} (Graviton). The images are built for it. All `instanceTypes` must have this architecture.",
    )
    vpc_cidr: str = key(
        Range(cidr_fault, _network),
        "10.0.0.0/16",
        "Private IPv4 range of the network, /16 to /22. Changing it creates a new network and moves the instances to it.",
    )
    nat_gateways: str = key(
        Choice("single", "one-per-az", "none"),
        "single",
        "NAT gateways: {form}. `single` costs about 33 USD per month. `one-per-az` costs that for each zone, and keeps working if a zone fails. With "
        "`none`, instances cannot reach the internet, and `interfaceEndpoints` is required.",
    )
    interface_endpoints: bool = key(
        Boolean(),
        False,
        "If true, instances reach ECS, ECR, CloudWatch Logs and Systems Manager through endpoints inside the network. This costs about 58 USD per month and zone.",
    )
    flow_logs: bool = key(Boolean(), False, "If true, the network's connections are recorded in a separate log group.")
    vpc_id: str = key(
        Text(vpc_id_fault, "Set one that `aws ec2 describe-vpcs` lists"),
        "",
        "ID of an existing VPC to use instead of a new network. Requires `privateSubnetIds`. Changing it replaces the instances' security "
        "group.",
        see="See [Existing network](../how-to/existing-network.md).",
    )
    private_subnet_ids: tuple[str, ...] = key(
        Names(subnet_id_fault, "subnet IDs", most=MAX_SUBNETS),
        [],
        "IDs of private subnets of `vpcId` for the instances, {form}. They must reach S3, ECR, ECS and CloudWatch Logs through NAT or endpoints. "
        "Changing them is an in-place update.",
    )
    permissions_boundary_arn: str = key(
        Text(policy_fault, "Set one that `aws iam list-policies` lists"),
        "",
        "ARN of a managed policy that becomes the permissions boundary of every role of the stack. Changing it is an in-place update.",
    )
    kms_key_arn: str = key(
        Text(kms_key_fault, "Set one that `aws kms list-keys` lists"),
        "",
        "ARN of a KMS key for the data bucket, the logs and the instances' volumes. It must be in the stack's region. By default, AWS's own keys "
        "are used. For the permissions that the key policy needs, see docs/explanation/security.md.",
    )
    data_buckets: tuple[SharedBucket, ...] = key(
        Buckets(),
        [],
        "Existing buckets that jobs can use, {form}, each an object `{{name, access, prefix, kmsKeyArn}}`. They must be in the stack's region and can "
        "be public. `access` is read (the default) or read-write. A prefix ends with a slash. Changing them is an in-place update.",
    )
    max_vcpus: int = key(
        Integer(*MAX_VCPUS),
        256,
        "The most vCPUs of each of the two compute environments. Together they can have twice as many. The value must be at least the vCPUs of "
        "every tool, which is 4 unless you change `tools`.",
    )
    spot: bool = key(
        Boolean(),
        True,
        "If true, the main queue uses Spot instances first, then On-Demand instances. If false, both queues use On-Demand instances only.",
    )
    scratch_gib: int = key(
        Integer(*SCRATCH_GIB),
        100,
        "Size in GiB of each instance's encrypted gp3 volume for images and scratch data, {form}. Larger volumes are faster. Instances with NVMe disks "
        "use those instead.",
        name="scratchGiB",
    )
    ami_id: str = key(
        Text(ami_fault, "Set an ECS-optimized AMI of the region"),
        "",
        "ID of an ECS-optimized AMI of the region for the instances. By default, Batch uses the latest AMI at the time when it creates the compute "
        "environments.",
    )
    image_date: str = key(
        Day(date_fault, "Set a date such as 2026-11-29"),
        "",
        "A date, such as `2026-11-29`. A new date makes the next `pulumi up` rebuild every container image with the Debian packages of that day. See "
        "docs/how-to/monthly-upkeep.md.",
    )
    tools: dict[str, ToolSettings] = key(
        Tools(),
        {},
        "Settings by tool name: `vcpus`, `memoryMib`, `timeoutSeconds`, `buildArgs`. Override a built-in tool, or add your own tools ({form}), each "
        "with a folder of its name in images/.",
        see="See [Add a tool](../how-to/add-a-tool.md).",
    )
    shares: dict[str, float] = key(
        Table(
            share_name_fault,
            share_weight_fault,
            as_number,
            "share identifiers to weights",
            most=(MOST_SHARES, "shares"),
        ),
        {},
        "Weights by share identifier, as in `pulumi config set --path --type float shares.phages 0.5`. Setting any creates a fair-share queue. Half the "
        "weight gives twice the share of the instances. An identifier consists of letters and digits. A trailing `*` matches a prefix. Unlisted shares have weight 1.",
    )
    engines: bool = key(
        Boolean(),
        False,
        "If true, workflow engines such as Nextflow can run containers of their own: the stack has a policy that allows the registration of job "
        "definitions without privileges, and job definitions for the heads of engines.",
    )
    engine_images: tuple[str, ...] = key(
        Names(image_pattern_fault, "image patterns", most=MAX_IMAGE_PATTERNS),
        ["quay.io/biocontainers/*"],
        "Images that engines can run with `engines`, {form} patterns of a registry and a path, in which `*` stands for any characters. Images in the "
        "account's own ECR registry are always allowed. End a namespace with a slash, because `quay.io/bio*` also matches namespaces of others.",
    )
    work_days: int = key(
        Integer(*WORK_DAYS),
        30,
        "Days after which S3 deletes objects in the folder `work/` of the stack's bucket, {form}. Engines keep scratch data there.",
    )
    log_retention_days: int = key(
        Step(LOG_RETENTION_DAYS, retention_fault),
        30,
        "Days for which CloudWatch Logs keeps the logs of jobs, one of {form}.",
    )
    protect_data: bool = key(
        Boolean(),
        True,
        "If true, `pulumi destroy` keeps the data bucket. If false, it deletes the bucket with all objects in it.",
    )
    alert_email: str = key(
        Text(email_fault, "Set the address of a person or a mailing list"),
        "",
        "E-mail address that gets a notice when a run ends, a job fails or a queue is blocked. AWS first sends it an e-mail with a link. Notices come "
        "only after someone has opened that link.",
        see="See [Notices by e-mail](../how-to/notices.md).",
    )
    dashboard: bool = key(
        Boolean(),
        False,
        "If true, a CloudWatch dashboard shows the instances, the network and the storage. AWS offers three dashboards per account free of charge. Each "
        "further one costs 3 USD per month.",
        see="See [Notices by e-mail](../how-to/notices.md#look-at-the-dashboard).",
    )
    monthly_budget_usd: int = key(
        Integer(*BUDGET_USD),
        0,
        "Budget of the stack in USD per month, {form}. `alertEmail` gets an e-mail at 80 % and 100 % of it, and when AWS's forecast is higher. With 0, there "
        "is no budget. A budget stops nothing. You must first activate the tag `biobatch-stack` in the billing console.",
        see="See [Notices by e-mail](../how-to/notices.md#watch-the-cost).",
    )
    tags: dict[str, str] = key(
        Table(tag_name_fault, tag_value_fault, as_text, "tag keys to values", most=(MAX_TAGS, "tags")),
        {},
        "Tags on every resource that costs money, including instances, volumes and jobs.",
    )

    @property
    def platform(self) -> str:
        """The container platform of the architecture, such as `linux/arm64`."""
        return ARCHITECTURES[self.architecture].platform


def _camel(field: str) -> str:
    first, *others = field.split("_")
    return "".join([first, *(other.capitalize() for other in others)])


_KEYED = [field for field in dataclasses.fields(Settings) if "key" in field.metadata]

#: Every config key by its name, without the prefix `biobatch:`.
KEYS: Mapping[str, Key] = {field.metadata["name"] or _camel(field.name): field.metadata["key"] for field in _KEYED}

#: The field of `Settings` that each key sets.
FIELDS: Mapping[str, str] = dict(zip(KEYS, (field.name for field in _KEYED), strict=True))
