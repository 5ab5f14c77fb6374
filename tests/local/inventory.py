"""The resources in the local AWS."""

from collections.abc import Mapping, Sequence
from typing import Any

import boto3


def inventory() -> dict[str, set[str]]:
    """All resources of the kinds that a stack can create and a destroy must remove, by kind. Kinds without resources are left out."""
    ec2, batch, iam = boto3.client("ec2"), boto3.client("batch"), boto3.client("iam")

    def names(things: Sequence[Mapping[str, Any]], key: str) -> set[str]:
        return {str(thing[key]) for thing in things}

    gateways = [gateway for gateway in ec2.describe_nat_gateways()["NatGateways"] if gateway["State"] != "deleted"]
    found = {
        "buckets": names(boto3.client("s3").list_buckets()["Buckets"], "Name"),
        "repositories": names(boto3.client("ecr").describe_repositories()["repositories"], "repositoryName"),
        "log groups": names(boto3.client("logs").describe_log_groups()["logGroups"], "logGroupName"),
        "queues": names(batch.describe_job_queues()["jobQueues"], "jobQueueArn"),
        "environments": names(batch.describe_compute_environments()["computeEnvironments"], "computeEnvironmentArn"),
        "job definitions": names(batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"], "jobDefinitionArn"),
        "networks": names(ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["false"]}])["Vpcs"], "VpcId"),
        "addresses": names(ec2.describe_addresses()["Addresses"], "AllocationId"),
        "NAT gateways": names(gateways, "NatGatewayId"),
        "launch templates": names(ec2.describe_launch_templates()["LaunchTemplates"], "LaunchTemplateId"),
        # Batch created its service-linked role. On AWS, it stays too.
        "roles": names(
            [role for role in iam.list_roles()["Roles"] if not role["Path"].startswith("/aws-service-role/")], "Arn"
        ),
        "instance profiles": names(iam.list_instance_profiles()["InstanceProfiles"], "Arn"),
        "policies": names(iam.list_policies(Scope="Local")["Policies"], "Arn"),
    }
    return {kind: things for kind, things in found.items() if things}
