"""The local Batch, with a separate AWS for the tests."""

from collections.abc import Iterator
from typing import Any

import pytest
from moto.ec2.models import EC2Backend, ec2_backends
from moto.iam.models import IAMBackend, iam_backends

from tests.unit.local.aws.batch.world import ACCOUNT, REGION, World


@pytest.fixture
def iam() -> IAMBackend:
    """IAM with an instance profile `machine`."""
    iam: IAMBackend = iam_backends[ACCOUNT]["aws"]
    if not any(profile.name == "machine" for profile in iam.get_instance_profiles()):
        iam.create_instance_profile("machine", "/", [])
    return iam


@pytest.fixture
def ec2() -> EC2Backend:
    """EC2 with its default network."""
    ec2: EC2Backend = ec2_backends[ACCOUNT][REGION]
    return ec2


@pytest.fixture
def resources(iam: IAMBackend, ec2: EC2Backend) -> dict[str, Any]:
    """Compute resources that AWS accepts."""
    return {
        "type": "EC2",
        "allocationStrategy": "BEST_FIT_PROGRESSIVE",
        "maxvCpus": 16,
        "instanceTypes": ["default_x86_64"],
        "instanceRole": "machine",
        "subnets": [next(subnet.id for subnet in ec2.describe_subnets())],
        "securityGroupIds": [next(group.id for group in ec2.describe_security_groups())],
    }


@pytest.fixture
def world(resources: dict[str, Any]) -> Iterator[World]:
    """A compute environment `machines`, a queue `main` on it and a definition `tool`."""
    world = World()
    world.call(
        "CreateComputeEnvironment", computeEnvironmentName="machines", type="MANAGED", computeResources=resources
    )
    order = [{"order": 1, "computeEnvironment": "machines"}]
    world.call("CreateJobQueue", jobQueueName="main", priority=1, computeEnvironmentOrder=order)
    world.define()
    yield world
    world.scheduler.stop(5)
