"""Biobatch, the program: composes the components, looks up what only AWS knows, and exports what scripts need."""

import pulumi
import pulumi_aws as aws

import settings
from components import (
    BatchPermissions,
    BatchPermissionsArgs,
    BatchPlatform,
    BatchPlatformArgs,
    DataBucket,
    DataBucketArgs,
    NatGateways,
    Network,
    NetworkArgs,
    Tool,
    ToolImage,
    ToolImageArgs,
)
from components.batch_platform import SCRATCH_PATH
from components.emulation import require_builder

NAME = "biobatch"

#: vCPUs, memory in MiB and timeout in seconds of each tool, for a bacterial or small eukaryotic genome; a submission may ask for other
#: figures. At 1,900 MiB a vCPU, jobs pack machines of the compute families (2 GiB a vCPU) after the agent and the kernel took
#: their part; aligning holds the genome's index and bwa's batch of reads.
TOOLS = {
    "fastqc": {"vcpus": 1, "memory_mib": 1900, "timeout_seconds": 2 * 3600},
    "bwa": {"vcpus": 4, "memory_mib": 7600, "timeout_seconds": 12 * 3600},
    "samtools": {"vcpus": 1, "memory_mib": 1900, "timeout_seconds": 4 * 3600},
    "bcftools": {"vcpus": 1, "memory_mib": 1900, "timeout_seconds": 12 * 3600},
}

config = settings.load()
require_builder(config.platform)

# What only AWS knows. Zones that an account opts into, Local Zones among them, would renumber the subnets.
partition = aws.get_partition().partition
account_id = aws.get_caller_identity().account_id
zones = aws.get_availability_zones(
    state="available", filters=[{"name": "opt-in-status", "values": ["opt-in-not-required"]}]
).names
if len(zones) < config.az_count:
    raise pulumi.RunError(
        f"azCount: {config.region} has {len(zones)} zones open to this account ({', '.join(zones)}), not {config.az_count}. "
        f"Set it: pulumi config set azCount {len(zones)}"
    )
registry = aws.ecr.get_authorization_token_output()

network = Network(
    NAME,
    NetworkArgs(
        vpc_cidr=config.vpc_cidr,
        zone_names=zones[: config.az_count],
        nat_gateways=NatGateways(config.nat_gateways),
        region=config.region,
        tags=config.tags,
    ),
)

data = DataBucket(NAME, DataBucketArgs(protect_data=config.protect_data, tags=config.tags))


def image(name: str, base: ToolImage | None = None) -> ToolImage:
    return ToolImage(
        f"{NAME}-{name}",
        ToolImageArgs(
            context=f"images/{name}",
            platform=config.platform,
            registry_server=registry.proxy_endpoint,
            registry_username=registry.user_name,
            registry_password=registry.password,
            base=base,
            tags=config.tags,
        ),
    )


base_image = image("base")
images = {tool: image(tool, base_image) for tool in TOOLS if tool != "bwa"}
# Alignment is streamed into sorting: bwa's image is samtools' with bwa, so machines that ran the one pull little for the other.
images["bwa"] = image("bwa", images["samtools"])

log_group = aws.cloudwatch.LogGroup(NAME, retention_in_days=config.log_retention_days, tags=config.tags)

permissions = BatchPermissions(
    NAME,
    BatchPermissionsArgs(
        partition=partition,
        account_id=account_id,
        bucket_arn=data.arn,
        repository_arns=[i.repository_arn for i in images.values()],
        log_group_arn=log_group.arn,
        tags=config.tags,
    ),
)

platform = BatchPlatform(
    NAME,
    BatchPlatformArgs(
        subnet_ids=network.private_subnet_ids,
        security_group_id=network.security_group_id,
        instance_profile_arn=permissions.instance_profile_arn,
        job_role_arn=permissions.job_role_arn,
        execution_role_arn=permissions.execution_role_arn,
        log_group=log_group.name,
        region=config.region,
        instance_types=config.instance_types,
        max_vcpus=config.max_vcpus,
        spot=config.spot,
        tools={tool: Tool(image_uri=images[tool].uri, **size) for tool, size in TOOLS.items()},
        tags=config.tags,
    ),
)

pulumi.export("queue_arn", platform.queue_arn)
pulumi.export("on_demand_queue_arn", platform.on_demand_queue_arn)
pulumi.export("job_definition_arns", platform.job_definition_arns)
pulumi.export("image_uris", {tool: i.uri for tool, i in images.items()})
pulumi.export("bucket", data.bucket)
pulumi.export("job_role_arn", permissions.job_role_arn)
pulumi.export("execution_role_arn", permissions.execution_role_arn)
pulumi.export("region", config.region)
pulumi.export("vpc_id", network.vpc_id)
pulumi.export("private_subnet_ids", network.private_subnet_ids)
pulumi.export("public_subnet_ids", network.public_subnet_ids)
pulumi.export("log_group", log_group.name)
pulumi.export("scratch_path", SCRATCH_PATH)
