"""Finds the effect of a change of configuration on a running stack. The program runs with the old and the new configuration, and the code
compares the results as the providers do."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pulumi.runtime import mocks
from pulumi.runtime.proto import provider_pb2

from local.plugins.awsx.arguments import read
from local.plugins.awsx.vpc import Vpc
from local.plugins.common import UNKNOWN, from_struct, to_struct
from local.plugins.docker.provider import TOKEN as IMAGE
from local.plugins.docker.provider import Provider as Docker
from tests.changes_table import starts_new_instances
from tests.unit.local.plugins.pulumi_engine import Context, Engine, ResourceState
from tests.unit.recording import Cloud, Registration, record, record_program

#: Type and name of a resource, which identify it.
Key = tuple[str, str]

#: The parent's type and the key. A URN contains both, so a resource with another parent is removed and added.
Place = tuple[str, Key]


@dataclass
class Changes:
    """Names of resources by type, such as `Subnet`, for each kind of change."""

    in_place: dict[str, set[str]] = field(default_factory=dict)
    replaced: dict[str, set[str]] = field(default_factory=dict)
    added: dict[str, set[str]] = field(default_factory=dict)
    removed: dict[str, set[str]] = field(default_factory=dict)
    starts_new_instances: bool = False
    """True: a changed environment starts new instances, so running jobs have the update's time limit to finish."""

    def counted(self, kind: str) -> Counter[str]:
        """Returns the number of resources of each type."""
        return Counter({type_: len(names) for type_, names in getattr(self, kind).items()})


class Evolving(Cloud):
    """A fake AWS in which replaced resources get another ID, and changed content gets another digest or version."""

    def __init__(self, replaced: frozenset[Key]) -> None:
        super().__init__()
        self._replaced = replaced

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        id_, state = super().new_resource(args)
        content = hashlib.sha256(json.dumps(args.inputs, sort_keys=True, default=str).encode()).hexdigest()
        if args.typ == "awsx:ec2:Vpc" and args.inputs:
            state["vpcId"] = self._id("aws:ec2/vpc:Vpc", args.name)
            for kind in ("private", "public"):
                count = len(state[f"{kind}SubnetIds"])
                names = [f"{args.name}-{kind}-{number}" for number in range(1, count + 1)]
                state[f"{kind}SubnetIds"] = [self._id("aws:ec2/subnet:Subnet", name) for name in names]
        elif args.typ == IMAGE:
            state["repoDigest"] = f"{state['repoDigest'].split('@')[0]}@sha256:{content}"
        elif args.typ == "aws:ec2/launchTemplate:LaunchTemplate":
            state["latestVersion"] = int(content[:6], 16)
        if (args.typ, args.name) in self._replaced:
            state["arn"] = f"{state.get('arn')}-again"
        return self._id(args.typ, args.name) if id_ else id_, state

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        """Also answers lookups about an existing network. All subnets belong to it and have a route to a NAT gateway."""
        given = {f["name"]: f["values"] for f in args.args.get("filters") or []}
        network: dict[str, dict[str, Any]] = {
            "aws:ec2/getSubnets:getSubnets": {"ids": given.get("subnet-id"), "id": "s"},
            "aws:ec2/getRouteTables:getRouteTables": {"ids": ["rtb-1"], "id": "r"},
            "aws:ec2/getRouteTable:getRouteTable": {
                "routes": [{"cidrBlock": "0.0.0.0/0", "natGatewayId": "nat-1"}],
                "id": "rtb-1",
            },
        }
        return (network[args.token], []) if args.token in network else super().call(args)

    def _id(self, type_: str, name: str) -> str:
        return f"{name}-id-again" if (type_, name) in self._replaced else f"{name}-id"


def changes(engine: Engine, old: Mapping[str, str], new: Mapping[str, str]) -> Changes:
    """Returns the changes that `pulumi up` would make to a stack after a change of its configuration.

    A replaced resource gets another ID, which can change or replace the resources that refer to it. The function therefore records the new
    program again until it finds no more replacements.

    Args:
        engine: calls the local AWS provider, which has the replacement rules of the real provider.
        old: configuration of the running stack.
        new: the new configuration.
    """
    before = resources(old, frozenset())
    replaced: frozenset[Key] = frozenset()
    while True:
        after = resources(new, replaced)
        found = Changes()
        added = {key for _, key in after.keys() - before.keys()}
        removed = {key for _, key in before.keys() - after.keys()}
        for key in added:
            _put(found.added, key)
        for key in removed:
            _put(found.removed, key)
        again = added & removed
        for place in (p for p in before.keys() & after.keys() if before[p].inputs != after[p].inputs):
            _, key = place
            answer = _diff(engine, before[place], after[place])
            if answer.replaces:
                again.add(key)
                _put(found.replaced, key)
            elif answer.diffs:
                _put(found.in_place, key)
                if key[0].endswith(":ComputeEnvironment"):
                    found.starts_new_instances |= starts_new_instances(answer.detailedDiff)
        if again <= replaced:
            return found
        replaced |= again


@cache
def _network(name: str, inputs: str, replaced: frozenset[Key]) -> tuple[Registration, ...]:
    """Returns the resources that awsx creates for a network."""
    return record(lambda: Vpc(name, read(json.loads(inputs))), cloud=Evolving(replaced)).registrations


def resources(config: Mapping[str, str], replaced: frozenset[Key] = frozenset()) -> dict[Place, Registration]:
    """Returns the resources that the providers create: those of the program, and those that awsx creates for a network.

    Args:
        config: the stack's configuration.
        replaced: the resources that get a new ID.
    """
    return _recorded(tuple(sorted(config.items())), replaced)


def _put(into: dict[str, set[str]], key: Key) -> None:
    into.setdefault(key[0].split(":")[-1], set()).add(key[1])


@cache
def _recorded(config: tuple[tuple[str, str], ...], replaced: frozenset[Key]) -> dict[Place, Registration]:
    program = record_program(dict(config), Evolving(replaced))
    network = [r for vpc in program.all("ec2:Vpc") for r in _network(vpc.name, json.dumps(vpc.inputs), replaced)]
    found = [*program.registrations, *network]
    return {
        (r.parent.split("::")[0], (r.type, r.name)): r for r in found if r.type.startswith("aws:") or r.type == IMAGE
    }


def _diff(engine: Engine, old: Registration, new: Registration) -> Any:
    if old.type == IMAGE:
        return _image_diff(old, new)
    before = engine.inputs(old.type, old.name, old.inputs)
    state = {k: v for k, v in engine.preview(old.type, old.name, old.inputs).items() if v is not UNKNOWN}
    return engine.diff(ResourceState(engine.urn(old.type, old.name), before, "id", state), new.inputs)


def _image_diff(old: Registration, new: Registration) -> Any:
    docker, urn = Docker(), f"urn:pulumi:local::biobatch::{IMAGE}::{old.name}"
    before, after = (
        from_struct(docker.Check(provider_pb2.CheckRequest(urn=urn, news=to_struct(r.inputs)), Context()).inputs)
        for r in (old, new)
    )
    request = provider_pb2.DiffRequest(urn=urn, olds=to_struct({"__inputs": before}), news=to_struct(after))
    return docker.Diff(request, Context())
