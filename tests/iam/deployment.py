"""`pulumi up`, `refresh` and `destroy` of the whole program in a separate process: `python -m tests.iam.deployment CONFIG` prints
every call that they make, and the names of the created resources, as JSON.

The local plugin for the AWS provider creates the resources of the program in the patched moto of the local AWS.
"""

import json
import os
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import boto3
import pulumi
from moto import mock_aws
from pulumi.runtime import mocks

from components.network import JOB_SERVICES, endpoint_service
from local.aws import server
from local.aws.batch import api as batch
from local.aws.batch.capacity import Capacity, Size
from local.aws.batch.scheduler import Scheduler
from local.plugins.aws.api import Api
from local.plugins.aws.provider import Provider
from local.plugins.awsx.arguments import read
from local.plugins.awsx.vpc import Vpc
from tests.unit.local.aws.registry import MemoryRegistry
from tests.unit.local.plugins.pulumi_engine import Engine, ResourceState
from tests.unit.recording import Cloud, record, record_program

REGION = "us-east-1"

Call = tuple[str, str, Mapping[str, Any]]


class Deployment(NamedTuple):
    """All calls of an `up`, a `refresh` and a `destroy`, in order."""

    calls: list[Call]
    names: dict[str, str]
    """The tag `Name` of EC2 resources, by ID."""
    key: str
    """ARN of the KMS key of the stack, or ""."""


@dataclass
class RecordingApi(Api):
    """An API that records every call, in order. It sends one call after the other, as the server of the local AWS does for EC2 and IAM,
    because moto iterates over collections that a concurrent call can change."""

    calls: list[Call] = field(default_factory=list)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        with self._turn:
            self.calls.append((service, operation, parameters))
            return super().call(service, operation, parameters)


class Planned(Cloud):
    """Answers look-ups only."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        return self.engine.invoke(args.token, args.args), []


class Deployed(Planned):
    """Creates every registered resource. The network already exists."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.made: list[ResourceState] = []
        self.network: dict[str, Any] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if args.typ == "awsx:ec2:Vpc" and args.inputs:
            return args.name, self.network
        if not args.typ.startswith("aws:"):
            return super().new_resource(args)
        made = self.engine.create(args.typ, args.name, args.inputs)
        self.made.append(made)
        return made.id, made.properties


def deploy(config: Mapping[str, str]) -> Deployment:
    """Runs an `up`, a `refresh`, and a `destroy` after a job has written an object to the bucket.

    Args:
        config: keys and values. With any `vpcId` or `kmsKeyArn`, the function first creates the network or the key.
    """
    existing = _existing_network() if "vpcId" in config else {}
    key = _existing_key() if "kmsKeyArn" in config else ""
    full = {"aws:region": REGION, **config, **existing, **({"kmsKeyArn": key} if key else {})}
    api = RecordingApi(region=REGION)
    engine = Engine(Provider(api))
    cloud = Deployed(engine)
    if not existing:
        _make_network(full, engine, cloud)
    recording = record_program(full, cloud)
    bucket = recording.exports["bucket"]
    boto3.client("s3", region_name=REGION).put_object(Bucket=bucket, Key="results/a.bam", Body=b"a")
    kept = {(each.type, each.name) for each in recording.registrations if each.retain_on_delete}
    names = _names()
    for made in cloud.made:
        engine.read(made)
    for made in reversed(cloud.made):
        if (made.token, made.name) not in kept:
            engine.delete(made)
    return Deployment(api.calls, names, key)


def _names() -> dict[str, str]:
    ec2 = boto3.client("ec2", region_name=REGION)
    tags = ec2.describe_tags(Filters=[{"Name": "key", "Values": ["Name"]}])["Tags"]
    names = {tag["ResourceId"]: tag["Value"] for tag in tags}
    for table in ec2.describe_route_tables()["RouteTables"]:
        for association in table["Associations"]:  # AWS checks the tags of its table
            if table["RouteTableId"] in names:
                names[association["RouteTableAssociationId"]] = names[table["RouteTableId"]]
    return names


def _make_network(config: Mapping[str, str], engine: Engine, cloud: Deployed) -> None:
    vpc = record_program(config, Planned(engine)).one("awsx:ec2:Vpc")
    state = record(lambda: pulumi.export("state", Vpc(vpc.name, read(vpc.inputs)).state), cloud=cloud).exports["state"]
    # The SDK would take resources in these outputs for its own resources. The program does not use them.
    cloud.network = {name: value if "Id" in name else [] for name, value in state.items() if isinstance(value, list)}
    cloud.network["vpcId"] = state["vpcId"]


def _existing_key() -> str:
    arn: str = boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]["Arn"]
    return arn


def _existing_network() -> dict[str, str]:
    """The config keys of an existing network without a default route, which has endpoints."""
    ec2 = boto3.client("ec2", region_name=REGION)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": "theirs"}])
    # Without a zone, moto chooses one at random, and one of them offers no current instance types.
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/20", AvailabilityZone=f"{REGION}a")["Subnet"]["SubnetId"]
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName=endpoint_service(REGION, "s3"), RouteTableIds=[table["RouteTableId"]]
    )
    for service in JOB_SERVICES:
        name = endpoint_service(REGION, service)
        ec2.create_vpc_endpoint(
            VpcId=vpc, ServiceName=name, VpcEndpointType="Interface", SubnetIds=[subnet], PrivateDnsEnabled=True
        )
    return {"vpcId": vpc, "privateSubnetIds": json.dumps([subnet])}


if __name__ == "__main__":
    os.environ.update(server.SETTINGS, AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing")
    with mock_aws(), socket.create_server(("127.0.0.1", 0)) as listener, server.serving(MemoryRegistry(), listener):
        server.patch_moto(f"127.0.0.1:{listener.getsockname()[1]}")
        batch.take_over(Scheduler(Capacity(Size(vcpus=1, memory_mib=1)), runner=None))  # type: ignore[arg-type]  # runs no job
        print(json.dumps(deploy(json.loads(sys.argv[1])), default=str))
