"""The stack in each configuration that a row of docs/changes.md begins with."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from local import environment, program
from local.record import Record
from settings import KEYS
from tests.changes_table import ROWS, Row
from tests.local.command import Result, pulumi, with_only
from tests.local.conftest import OWN_TOOL

#: In the table, and here.
REGIONS = ("eu-west-9", "us-east-1")
VPC = "vpc-0123456789abcdef0"
SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
KMS_KEY = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"

#: Configurations, in the order in which the stack goes through them. Each holds what its rows begin with, and more that none of them
#: touches: every key is changed for good once.
STAGES: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "three zones": {"azCount": 3},
    "zones by name": {"availabilityZones": ["us-east-1a", "us-east-1b"]},
    "the machines and all that is no network": {
        "amiId": "ami-0123456789abcdef0",
        "shares": {"phages": 1},
        "tools": OWN_TOOL,
        "natGateways": "one-per-az",
        "instanceTypes": ["c7i"],
        "maxVcpus": 64,
        "scratchGiB": 500,
        "tags": {"project": "phages"},
        "logRetentionDays": 90,
        "permissionsBoundaryArn": "arn:aws:iam::111122223333:policy/boundary",
        "dataBuckets": [{"name": "genomes", "prefix": "human/"}, {"name": "shared", "access": "read-write"}],
    },
    "another range and endpoints": {
        "vpcCidr": "10.1.0.0/16",
        "interfaceEndpoints": True,
        "kmsKeyArn": KMS_KEY,
        "flowLogs": True,
        "spot": False,
    },
    "an existing network": {"vpcId": VPC, "privateSubnetIds": SUBNETS[:1]},
}


def begins(row: Row, stage: str) -> bool:
    """Whether a stage is what a row begins with, in all that the row names."""
    before, after = map(values, row.configs())
    return all(
        _comparable(STAGES[stage].get(key, KEYS[key].default)) == _comparable(before.get(key, KEYS[key].default))
        for key in before | after
    )


def _comparable(value: Any) -> Any:
    # A tool's own figures change nothing in what becomes of it.
    return sorted(value) if isinstance(value, dict) else value


def values(config: dict[str, str]) -> dict[str, Any]:
    """A row's keys with their values as a stack's file holds them."""
    return {key: yaml.safe_load(text.replace(*REGIONS) or '""') for key, text in config.items()}


#: By stage, the rows that begin there.
ROWS_OF: dict[str, list[Row]] = {stage: [] for stage in STAGES}
for _row in ROWS:
    ROWS_OF[next(stage for stage in STAGES if begins(_row, stage))].append(_row)


@dataclass(frozen=True)
class Stage:
    """The stack in a configuration."""

    arriving: Result
    """The `pulumi up` that led here from the stage before."""
    again: Result
    """What another `up` would do."""
    refreshed: Result
    """What a refresh would find."""
    previews: dict[Row, Result]
    """What each row that begins here would do."""
    outputs: dict[str, Any]


@pytest.fixture(scope="module")
def made(local_stack: Record) -> Iterator[dict[str, str]]:
    """A network and a key that others made: names that stand for them, and those that they have."""
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{i}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for i, zone in enumerate(("us-east-1a", "us-east-1b"))
    ]
    nat = ec2.create_nat_gateway(SubnetId=subnets[0], ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    (found,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    table, everywhere = found["RouteTableId"], "0.0.0.0/0"
    ec2.create_route(RouteTableId=table, DestinationCidrBlock=everywhere, NatGatewayId=nat)
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    yield dict(zip([VPC, *SUBNETS, KMS_KEY], [vpc, *subnets, key], strict=True))
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock=everywhere)
    ec2.delete_nat_gateway(NatGatewayId=nat)
    for subnet in subnets:
        ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


@pytest.fixture(scope="module")
def first_outputs(local_stack: Record, made: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The stack's outputs before all changes; brings its configuration back at the end."""
    yield program.outputs(local_stack)
    result = pulumi("up", "--yes", "--skip-preview")
    assert result.exit_code == 0, result.text


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest,
    local_stack: Record,
    first_outputs: dict[str, Any],
    made: dict[str, str],
    tree: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Stage:
    """The stack at the stage that the test's parameter names."""

    def run(config: dict[str, Any], *command: str) -> Result:
        text = yaml.safe_dump(config)
        for written, id_ in made.items():
            text = text.replace(written, id_)
        file = with_only(tmp_path_factory.mktemp("config"), **yaml.safe_load(text))
        return pulumi(*command, "--stack", environment.STACK, *file, folder=tree)

    config, rows = STAGES[request.param], ROWS_OF[request.param]
    arriving = run(config, "up", "--yes", "--skip-preview")
    # Half of each is one process that imports Pulumi's SDK.
    with ThreadPoolExecutor(max_workers=2) as pool:
        refreshed = pool.submit(run, config, "refresh", "--preview-only", "--expect-no-changes")
        again = pool.submit(run, config, "preview")
        previews = [pool.submit(run, {**config, **values(row.configs()[1])}, "preview") for row in rows]
    return Stage(
        arriving=arriving,
        again=again.result(),
        refreshed=refreshed.result(),
        previews={row: preview.result() for row, preview in zip(rows, previews, strict=True)},
        outputs=program.outputs(local_stack),
    )
