"""A stack that gets four changes of its configuration, each with a preview, an `up`, a refresh and a second preview."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from local.machine import docker_engine
from local.record import Record
from local.stack import emulator, environment, program
from tests import own_tool
from tests.changes_table import ROWS, Row
from tests.local.command import Result, pulumi, with_config


def row(key: str, change: str = "") -> Row:
    """The first row of docs/explanation/updating-a-stack.md for a key, or for a change of it that begins with this text."""
    return next(row for row in ROWS if row.key == key and row.change.startswith(change))


#: The local stack already has the last value of this row, so the change goes in the other direction.
_END = {"protectData": 0}

#: Further keys that a row needs on the local stack, because its instance types are of one architecture.
_WITH: dict[str, dict[str, Any]] = {"architecture": {"instanceTypes": []}}

#: Keys of the network of the stack, which another change covers, and two keys with which `up` would build all images, which takes long. With
#: engines, an own tool has one more job definition than its row says, so they are in a change without an own tool.
APART = (
    "availabilityZones",
    "vpcCidr",
    "vpcId",
    "privateSubnetIds",
    "architecture",
    "imageDate",
    "engines",
    "engineImages",
)

EVERY_KEY = "every key changed that leaves the network where it is"
BACK = "and back"
RANGE = "another range, by zones with names"
EXISTING = "an existing network, other figures for a tool, and engines"

#: The changes in their order, each with the rows of docs/explanation/updating-a-stack.md that it combines.
CHANGES: dict[str, Sequence[Row]] = {
    EVERY_KEY: [
        *(row(key) for key in dict.fromkeys(r.key for r in ROWS) if key not in (*APART, "tools")),
        # Of three zones, two get a separate gateway.
        row("natGateways"),
        row("tools", '`{}` → `{"seqtk"'),
    ],
    BACK: [],
    RANGE: [row("vpcCidr"), row("availabilityZones")],
    EXISTING: [row("vpcId"), row("tools", '`{}` → `{"bwa": {"memoryMib"'), row("engines")],
}

_DEFAULTS = {key: row(key).configs()[0][key] for key in dict.fromkeys(r.key for r in ROWS)}

#: Rows whose first value the local stack has before all changes. They are previewed one by one, except two that need each other. The
#: first value of named zones is the list of zones that the stack chooses.
SHOWN_FIRST: dict[str, Sequence[Row]] = {
    **{
        str(r): [r]
        for r in ROWS
        if r.key != "privateSubnetIds" and (r.key == "availabilityZones" or r.configs()[0].items() <= _DEFAULTS.items())
    },
    "no way to the internet": [row("interfaceEndpoints"), row("natGateways", "`single` → `none`")],
}

#: Rows whose first value a change sets. They are previewed after that change.
SHOWN_LATER: dict[str, dict[str, Sequence[Row]]] = {
    EVERY_KEY: {
        **{str(r): [r] for r in ROWS if r.key in ("amiId", "tools", "shares") and str(r) not in SHOWN_FIRST},
        # Of three zones, two lose their separate gateway.
        "one gateway": [row("natGateways", "`one-per-az`")] * 2,
    },
    EXISTING: {"another subnet": [row("privateSubnetIds")]},
}


@dataclass(frozen=True)
class Change:
    """A change of the configuration after its `up`."""

    rows: Sequence[Row]
    """What docs/explanation/updating-a-stack.md says of it."""
    preview: Result
    """What was shown of it before."""
    up: Result
    """What was done."""
    again: Result
    """What a refresh would find after it, and another `up` would do."""
    outputs: dict[str, Any]


@dataclass
class ChangingStack:
    """The stack, with the changes so far."""

    record: Record
    tree: Path
    """The program's, with a tool of the lab's own."""
    made: dict[str, str]
    """Ids in the table to those of what there is."""
    config: Path
    """Folder for the file of the configuration."""
    outputs: dict[str, Any]
    """Before all changes."""
    changes: dict[str, Change] = field(default_factory=dict)

    def change(self, name: str) -> Change:
        """Makes a change, after all changes before it."""
        for each in CHANGES:
            if each not in self.changes:
                self.changes[each] = self._carry_out(CHANGES[each])
            if each == name:
                break
        return self.changes[name]

    def preview(self, rows: Sequence[Row]) -> Result:
        """Previews a change to the last values of rows."""
        return pulumi("preview", "--diff", *self._options(rows), folder=self.tree)

    def _carry_out(self, rows: Sequence[Row]) -> Change:
        options = self._options(rows)
        return Change(
            rows=rows,
            preview=self.preview(rows),
            up=pulumi("up", "--yes", "--skip-preview", *options, folder=self.tree),
            again=pulumi("preview", "--refresh", *options, folder=self.tree),
            outputs=program.outputs(self.record),
        )

    def _options(self, rows: Sequence[Row]) -> tuple[str, ...]:
        return "--stack", environment.STACK, *with_config(self.config, **self._values(rows))

    def _values(self, rows: Sequence[Row]) -> dict[str, Any]:
        """The configuration with the last values of rows."""
        values = {}
        for key, text in (item for row in rows for item in row.configs()[_END.get(row.key, 1)].items()):
            for written, id_ in self.made.items():
                text = text.replace(written, id_)
            values[key] = own_tool.ENTRY if own_tool.NAME in text else yaml.safe_load(text)
            values.update(_WITH.get(key, {}))
        return values


@pytest.fixture(scope="module")
def made(local_stack: Record) -> Iterator[dict[str, str]]:
    """An existing network, key and permissions boundary: their placeholders in the table, and their ids."""
    ec2, everywhere = boto3.client("ec2"), "0.0.0.0/0"
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    # Without a zone, moto chooses one at random, and one of them offers no current instance types.
    subnet, another = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=f"{environment.REGION}{zone}")["Subnet"][
            "SubnetId"
        ]
        for cidr, zone in (("10.9.0.0/24", "a"), ("10.9.1.0/24", "b"))
    )
    nat = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock=everywhere, NatGatewayId=nat)
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    iam = boto3.client("iam")
    statement = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    boundary = iam.create_policy(
        PolicyName="boundary", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )["Policy"]["Arn"]
    yield {
        "vpc-0123456789abcdef0": vpc,
        "subnet-0123456789abcdef0": subnet,
        "subnet-0123456789abcdef1": another,
        row("kmsKeyArn").configs()[1]["kmsKeyArn"]: key,
        row("permissionsBoundaryArn").configs()[1]["permissionsBoundaryArn"]: boundary,
        "eu-west-9": environment.REGION,
    }
    ec2.delete_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock=everywhere)
    ec2.delete_nat_gateway(NatGatewayId=nat)
    for each in (subnet, another):
        ec2.delete_subnet(SubnetId=each)
    ec2.delete_vpc(VpcId=vpc)
    iam.delete_policy(PolicyArn=boundary)


@pytest.fixture(scope="module")
def changing_stack(
    local_stack: Record, made: dict[str, str], tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ChangingStack]:
    """The stack before all changes, on a machine that builds for every architecture. Restores its configuration at the end."""
    with docker_engine.client(local_stack.docker_host) as client:
        emulator.register(client, "linux/arm64")
    yield ChangingStack(local_stack, tree, made, tmp_path_factory.mktemp("config"), program.outputs(local_stack))
    result = pulumi("up", "--yes", "--skip-preview")
    assert result.exit_code == 0, result.text


@pytest.fixture
def change(request: pytest.FixtureRequest, changing_stack: ChangingStack) -> Change:
    """The change that the parameter of the test names, after its `up`."""
    change = changing_stack.change(request.param)
    assert change.up.exit_code == 0, change.up.text
    return change
