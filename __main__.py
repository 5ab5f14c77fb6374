"""The Pulumi program: checks the configuration, creates the components one after the other, and exports the stack's outputs.

Read it from top to bottom. Each step uses the results of the steps before it:

1. `settings` parses and checks the stack's configuration.
2. `preflight` looks up what only AWS and this machine know. It stops or warns before anything is created.
3. `components` creates the resources: network, data bucket, images, permissions, queues, the policy for users who submit jobs, and notices.
4. `pulumi.export` makes the outputs that scripts and the client read.
"""

import pulumi
import pulumi_aws as aws

import biobatch
import settings
from components import (
    BatchPermissions,
    BatchPermissionsArgs,
    BatchPlatform,
    BatchPlatformArgs,
    BucketAccess,
    DataBucket,
    DataBucketArgs,
    EnginePermissions,
    EnginePermissionsArgs,
    ExistingNetwork,
    ExistingNetworkArgs,
    FlowLogs,
    FlowLogsArgs,
    ImageCache,
    ImageCacheArgs,
    Monitoring,
    MonitoringArgs,
    NatGateways,
    Network,
    NetworkArgs,
    SubmitPermissions,
    SubmitPermissionsArgs,
    Tool,
    ToolImage,
    ToolImageArgs,
)
from components.data_bucket import ENGINES_FOLDER, WORK_FOLDER
from components.job_definition import SCRATCH_PATH
from components.limits import STACK_TAG
from components.network import own_provider
from preflight import existing_network, instance_types, quotas, volume_key, zones
from preflight.docker_engine import require_engine
from preflight.emulation import require_builder
from preflight.refusals import refusals

#: The prefix of all resource names. The deploy policy allows only resources with this prefix.
NAME = "biobatch"

# 1. and 2. Configuration and checks. A failed check ends the program with one error message.
with refusals():
    config = settings.parse(pulumi.runtime.config.CONFIG.get() or {})
    require_engine()
    require_builder(config.platform)

    partition = aws.get_partition().partition
    account_id = aws.get_caller_identity().account_id
    open_zones = zones.open_zones()
    offered = instance_types.offered(open_zones)
    instance_types.check(config.instance_types, config.region, set().union(*offered.values()))
    if config.vpc_id:
        existing_network.check(
            config.vpc_id, config.private_subnet_ids, config.region, types=config.instance_types, offered=offered
        )
    else:
        zone_names = zones.choose(
            named=config.availability_zones,
            count=config.az_count,
            types=config.instance_types,
            region=config.region,
            zones=open_zones,
            offered=offered,
        )
    quotas.check(
        max_vcpus=config.max_vcpus, spot=config.spot, instance_types=config.instance_types, region=config.region
    )
    if not config.kms_key_arn:
        volume_key.check(partition=partition, account_id=account_id, region=config.region)

# The budget counts the cost of the resources with this tag.
stack_tag = (STACK_TAG, pulumi.get_stack())
tags = {**config.tags, **(dict([stack_tag]) if config.monthly_budget_usd else {})}

# 3. The network in which the instances run: a new one, or the subnets of an existing one.
network: Network | ExistingNetwork
if config.vpc_id:
    network = ExistingNetwork(
        NAME,
        ExistingNetworkArgs(vpc_id=config.vpc_id, private_subnet_ids=config.private_subnet_ids, tags=tags),
    )
else:
    network = Network(
        NAME,
        NetworkArgs(
            vpc_cidr=config.vpc_cidr,
            zone_names=zone_names,
            nat_gateways=NatGateways(config.nat_gateways),
            region=config.region,
            interface_endpoints=config.interface_endpoints,
            tags=tags,
        ),
        pulumi.ResourceOptions(transforms=[own_provider]),
    )
if config.flow_logs:
    FlowLogs(
        NAME,
        FlowLogsArgs(
            vpc_id=network.vpc_id,
            account_id=account_id,
            retention_days=config.log_retention_days,
            kms_key_arn=config.kms_key_arn,
            permissions_boundary_arn=config.permissions_boundary_arn,
            tags=tags,
        ),
    )

# The bucket for inputs and results, and the log group of the jobs.
data = DataBucket(
    NAME,
    DataBucketArgs(
        protect_data=config.protect_data, work_days=config.work_days, kms_key_arn=config.kms_key_arn, tags=tags
    ),
)
log_group = aws.cloudwatch.LogGroup(
    NAME, retention_in_days=config.log_retention_days, kms_key_id=config.kms_key_arn or None, tags=tags
)

# The container images, one for each tool. Each is built on the shared base image or on the image of another tool.
registry = aws.ecr.get_authorization_token_output()


def image(name: str, base: ToolImage | None = None, build_args: dict[str, str] | None = None) -> ToolImage:
    """Builds and pushes the image of the folder `images/<name>`."""
    return ToolImage(
        f"{NAME}-{name}",
        ToolImageArgs(
            context=f"images/{name}",
            platform=config.platform,
            registry_server=registry.proxy_endpoint,
            registry_username=registry.user_name,
            registry_password=registry.password,
            base=base,
            build_args=build_args or {},
            tags=tags,
        ),
    )


# The tool images are built on the base, so a change of these arguments builds all images again.
base_image = image(
    "base",
    build_args={"BIOBATCH_VERSION": biobatch.__version__}
    | ({"IMAGE_DATE": config.image_date} if config.image_date else {}),
)
images: dict[str, ToolImage] = {}
for name, tool in config.tools.items():
    images[name] = image(name, images[tool.base] if tool.base else base_image, tool.build_args)

# Without a way to the internet, containers of engines come from the registry of this account. ECR has no such caches in other partitions.
image_cache: ImageCache | None = None
if config.engines and not config.vpc_id and config.nat_gateways == NatGateways.NONE and partition == "aws":
    image_cache = ImageCache(
        NAME,
        ImageCacheArgs(
            partition=partition,
            account_id=account_id,
            region=config.region,
            folder=data.bucket,
            images=config.engine_images,
        ),
    )

# The roles of jobs and instances.
own_bucket = BucketAccess(
    arn=data.arn, write=True, deletable=[WORK_FOLDER, ENGINES_FOLDER], kms_key_arn=config.kms_key_arn
)
other_buckets = [
    BucketAccess(
        arn=f"arn:{partition}:s3:::{bucket.name}",
        write=bucket.write,
        prefix=bucket.prefix,
        kms_key_arn=bucket.kms_key_arn,
    )
    for bucket in config.data_buckets
]
permissions = BatchPermissions(
    NAME,
    BatchPermissionsArgs(
        partition=partition,
        account_id=account_id,
        buckets=[own_bucket, *other_buckets],
        # Engines can run every image in the registry of this account and region.
        repository_arns=[
            *(i.repository_arn for i in images.values()),
            *([f"arn:{partition}:ecr:{config.region}:{account_id}:repository/*"] if config.engines else []),
        ],
        head=config.engines,
        engine_repository_arn=base_image.repository_arn if config.engines else "",
        image_cache_arns=image_cache.repository_arns if image_cache else [],
        log_group_arn=log_group.arn,
        permissions_boundary_arn=config.permissions_boundary_arn,
        kms_key_arn=config.kms_key_arn,
        tags=tags,
    ),
)

# The compute environments, the queues, and a job definition for each tool.
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
        kms_key_arn=config.kms_key_arn,
        instance_types=config.instance_types,
        max_vcpus=config.max_vcpus,
        spot=config.spot,
        tools={
            name: Tool(
                image_uri=images[name].uri,
                vcpus=tool.vcpus,
                memory_mib=tool.memory_mib,
                timeout_seconds=tool.timeout_seconds,
            )
            for name, tool in config.tools.items()
        },
        head_role_arn="" if permissions.head_role_arn is None else permissions.head_role_arn,
        # The built-in tools are not engines.
        head_tools=[name for name in config.tools if name not in settings.TOOLS],
        engine_image=base_image.uri if config.engines else "",
        scratch_gib=config.scratch_gib,
        ami_id=config.ami_id,
        shares=config.shares,
        tags=tags,
    ),
)

# The policy for users who submit jobs to these queues.
queue_arns = [platform.queue_arn, platform.on_demand_queue_arn]
if platform.fair_share_queue_arn:
    queue_arns.append(platform.fair_share_queue_arn)
submit = SubmitPermissions(
    NAME,
    SubmitPermissionsArgs(
        partition=partition,
        account_id=account_id,
        region=config.region,
        queue_arns=queue_arns,
        job_definition_arns=[
            *platform.job_definition_arns.values(),
            *platform.engine_job_definition_arns.values(),
        ],
        # `biobatch engines approve` gives definitions such names.
        approved_definitions=[pulumi.Output.concat(data.bucket, "-approved-")] if config.engines else [],
        bucket=own_bucket,
        log_group_arn=log_group.arn,
        tags=tags,
    ),
)

# The policy for engines that register job definitions of their own, and the role of their heads.
engines: EnginePermissions | None = None
if permissions.head_role is not None:
    engines = EnginePermissions(
        NAME,
        EnginePermissionsArgs(
            partition=partition,
            account_id=account_id,
            region=config.region,
            images=config.engine_images,
            job_role_arn=permissions.job_role_arn,
            execution_role_arn=permissions.execution_role_arn,
            log_group=log_group.name,
            head_role=permissions.head_role,
            head_job_definition_arns=list(platform.head_job_definition_arns.values()),
            submit_policy_arn=submit.policy_arn,
            tags=tags,
        ),
    )

# E-mails about runs, jobs and cost, and a dashboard.
dashboard_url: pulumi.Output[str] | str = ""
if config.alert_email or config.dashboard:
    dashboard_url = Monitoring(
        NAME,
        MonitoringArgs(
            partition=partition,
            account_id=account_id,
            region=config.region,
            queue_arns=queue_arns,
            bucket=data.bucket,
            log_group=log_group.name,
            alert_email=config.alert_email,
            dashboard=config.dashboard,
            monthly_budget_usd=config.monthly_budget_usd,
            budget_tag=stack_tag,
            kms_key_arn=config.kms_key_arn,
            tags=tags,
        ),
    ).dashboard_url

# 4. The outputs. Scripts and the client depend on these names.
pulumi.export("queue_arn", platform.queue_arn)
pulumi.export("on_demand_queue_arn", platform.on_demand_queue_arn)
if platform.fair_share_queue_arn:
    pulumi.export("fair_share_queue_arn", platform.fair_share_queue_arn)
pulumi.export("job_definition_arns", platform.job_definition_arns)
pulumi.export("engine_job_definition_arns", platform.engine_job_definition_arns)
if engines:
    pulumi.export("head_job_definition_arns", platform.head_job_definition_arns)
pulumi.export("image_uris", {tool: i.uri for tool, i in images.items()})
pulumi.export("bucket", data.bucket)
pulumi.export("job_role_arn", permissions.job_role_arn)
pulumi.export("execution_role_arn", permissions.execution_role_arn)
pulumi.export("submit_policy_arn", submit.policy_arn)
if engines:
    pulumi.export("engine_policy_arn", engines.policy_arn)
if image_cache:
    pulumi.export("image_cache", image_cache.address)
pulumi.export("region", config.region)
pulumi.export("vpc_id", network.vpc_id)
pulumi.export("private_subnet_ids", network.private_subnet_ids)
pulumi.export("public_subnet_ids", network.public_subnet_ids)
pulumi.export("log_group", log_group.name)
pulumi.export("scratch_path", SCRATCH_PATH)
pulumi.export("max_vcpus", config.max_vcpus)
pulumi.export("scratch_gib", config.scratch_gib)
pulumi.export("instance_types", list(config.instance_types))
pulumi.export("dashboard_url", dashboard_url)
