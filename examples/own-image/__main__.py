"""A program that uses two of Biobatch's components: a network and queues, for an existing image and existing roles.

To deploy it, run these commands in this folder: pulumi install, pulumi stack init, pulumi config set image … (and the same for the three roles),
pulumi up.
"""

import sys
from pathlib import Path

import pulumi
import pulumi_aws as aws

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from components import BatchPlatform, BatchPlatformArgs, NatGateways, Network, NetworkArgs, Tool

config = pulumi.Config()


def required(key: str) -> str:
    value = config.get(key)
    if not value:
        raise pulumi.RunError(f"{key} is required. Set it: pulumi config set {key} …")
    return value


region = aws.get_region().region
zones = aws.get_availability_zones(filters=[{"name": "opt-in-status", "values": ["opt-in-not-required"]}]).names

network = Network(
    "lab",
    NetworkArgs(vpc_cidr="10.1.0.0/16", zone_names=zones[:2], nat_gateways=NatGateways.SINGLE, region=region),
)
log_group = aws.cloudwatch.LogGroup("lab", retention_in_days=30)
platform = BatchPlatform(
    "lab",
    BatchPlatformArgs(
        subnet_ids=network.private_subnet_ids,
        security_group_id=network.security_group_id,
        instance_profile_arn=required("instanceProfileArn"),
        job_role_arn=required("jobRoleArn"),
        execution_role_arn=required("executionRoleArn"),
        log_group=log_group.name,
        region=region,
        instance_types=["default_x86_64"],
        max_vcpus=64,
        spot=True,
        tools={"ours": Tool(image_uri=required("image"), vcpus=2, memory_mib=3600, timeout_seconds=3600)},
    ),
)

pulumi.export("queue_arn", platform.queue_arn)
pulumi.export("job_definition_arns", platform.job_definition_arns)
