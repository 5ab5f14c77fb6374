"""Runs Pulumi programs without an engine, and records the type, name, parent, inputs and options of every resource."""

import asyncio
import gc
import runpy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from pulumi.runtime import mocks, rpc, set_all_config, stack
from pulumi.runtime.proto import callback_pb2, source_pb2
from pulumi.runtime.settings import set_root_resource

ROOT = Path(__file__).parents[2]

OFFERED = [f"{family}.{size}" for family in ("c6i", "m6i", "m7g", "r6i") for size in ("large", "xlarge", "2xlarge")]

REGION = "eu-west-9"

ZONES = [f"{REGION}{letter}" for letter in "abcdef"]

#: One that the account opted into: first by name, and left out only where the filter asks for it.
LOCAL_ZONE = "eu-west-9-ath-1a"

#: The description of a Docker engine that can build the images.
ENGINE = {"ServerVersion": "29.1.2", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}


@dataclass(frozen=True)
class Registration:
    """One resource as the program registered it."""

    type: str
    name: str
    parent: str
    """Type and name of the parent, `type::name`, or "" for none."""
    inputs: Mapping[str, Any]
    protect: bool
    retain_on_delete: bool
    deleted_with: str
    """`type::name` of the resource whose deletion also deletes this one, or "" for none."""
    dependencies: frozenset[str]
    """`type::name` of every resource that this one depends on."""
    transforms: tuple[str, ...] = ()
    """Names of the transforms, which change this resource and its children before they are created."""


class Cloud(mocks.Mocks):
    """Answers as AWS would. The state of a resource is its inputs, an ID, and the outputs that the program reads."""

    region = REGION
    """The region of the zones."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        state = dict(args.inputs)
        arn = f"arn:aws:test:::{args.name}"
        if args.typ == "awsx:ec2:Vpc" and state:
            # Only a program's component has inputs, not the one of the local awsx. The state has lists, because the input `natGateways` is an object.
            count = len(args.inputs["availabilityZoneNames"])
            state = {
                "vpcId": "vpc-1",
                "privateSubnetIds": [f"subnet-private-{i}" for i in range(count)],
                "publicSubnetIds": [f"subnet-public-{i}" for i in range(count)],
                "natGateways": [],
                "eips": [],
                "routeTables": [],
            }
        elif args.typ == "docker:index/image:Image":
            state["repoDigest"] = f"{args.inputs['imageName'].rsplit(':', 1)[0]}@sha256:{'0' * 64}"
        elif args.typ == "aws:ecr/repository:Repository":
            state |= {"repositoryUrl": f"registry.test/{args.name}", "name": args.name, "arn": arn}
        elif args.typ == "aws:ec2/launchTemplate:LaunchTemplate":
            state |= {"latestVersion": 1}
        else:
            state |= {"arn": arn, "name": state.get("name", args.name), "bucket": state.get("bucket", args.name)}
        return f"{args.name}-id", state

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        filters = {f["name"]: f["values"] for f in args.args.get("filters") or []}
        zones = ZONES if filters.get("opt-in-status") == ["opt-in-not-required"] else [LOCAL_ZONE, *ZONES]
        zones = [zone.replace(REGION, self.region) for zone in zones]
        answers: dict[str, dict[str, Any]] = {
            "aws:index/getPartition:getPartition": {"partition": "aws", "id": "aws"},
            "aws:index/getRegion:getRegion": {"region": "eu-west-9", "id": "eu-west-9"},
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": "111122223333", "id": "1"},
            "aws:index/getAvailabilityZones:getAvailabilityZones": {"names": zones, "id": "z"},
            "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": {
                "instanceTypes": [kind for kind in OFFERED for _ in zones],
                "locations": [zone for _ in OFFERED for zone in zones],
                "id": "o",
            },
            "aws:servicequotas/getServiceQuota:getServiceQuota": {"value": 1152.0, "id": "q"},
            "aws:ebs/getDefaultKmsKey:getDefaultKmsKey": {"keyArn": "alias/aws/ebs", "id": "k"},
            "aws:ecr/getAuthorizationToken:getAuthorizationToken": {
                "proxyEndpoint": "https://registry.test",
                "userName": "AWS",
                "password": "token",
                "id": "t",
            },
        }
        return answers[args.token], []


class RecordingMonitor(mocks.MockMonitor):
    """A monitor that records every registration. Pulumi's mocks do not show options and parents."""

    def __init__(self, cloud: Cloud | None = None) -> None:
        super().__init__(cloud or Cloud())
        self.registrations: list[Registration] = []
        self.exports: dict[str, Any] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        self.registrations.append(
            Registration(
                type=request.type,
                name=request.name,
                parent=_short(request.parent),
                inputs=rpc.deserialize_properties(request.object),
                protect=request.protect,
                retain_on_delete=request.retainOnDelete,
                deleted_with=_short(request.deletedWith),
                dependencies=frozenset(_short(urn) for urn in request.dependencies),
                transforms=tuple(transform.token for transform in request.transforms),
            )
        )
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        # A component's URN names the stack's type too, as its parent's, and its outputs may come after the stack's.
        if _short(request.urn).startswith("pulumi:pulumi:Stack::"):
            self.exports = rpc.deserialize_properties(request.outputs)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Recording:
    """What a program registered and exported."""

    registrations: tuple[Registration, ...]
    exports: Mapping[str, Any]

    def all(self, type_: str) -> list[Registration]:
        """Every registration whose type ends so, such as `batch/jobQueue:JobQueue`."""
        return [r for r in self.registrations if r.type.endswith(type_)]

    def one(self, type_: str, name: str | None = None) -> Registration:
        """The only registration of a type, or the one of that name."""
        found = [r for r in self.all(type_) if name in (None, r.name)]
        assert len(found) == 1, f"{len(found)} of {type_} {name}: {[r.name for r in self.all(type_)]}"
        return found[0]


def record(
    build: Callable[[], Any],
    config: Mapping[str, str] | None = None,
    cloud: Cloud | None = None,
    project: str = "biobatch",
) -> Recording:
    """Runs `build` as a Pulumi program under a configuration of full keys and values."""
    monitor = RecordingMonitor(cloud)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    mocks.set_mocks(monitor.mocks, project=project, stack="test", preview=False, monitor=monitor)
    set_root_resource(None)  # type: ignore[arg-type]  # set_mocks made a stack of its own
    set_all_config(dict(config or {}))

    def run() -> None:
        build()

    # A recording creates hundreds of thousands of objects in a short time. Collecting garbage can wait until its end.
    gc.disable()
    try:
        # The SDK finds the source line of each resource for the engine's messages. There is no engine here, and this would take a third of the time.
        with (
            mock.patch("pulumi.runtime.resource._get_stack_trace", source_pb2.StackTrace),
            mock.patch("pulumi.runtime.resource._get_callbacks", _no_engine_calls_back),
        ):
            loop.run_until_complete(stack.run_in_stack(run))
    finally:
        gc.enable()
        loop.close()
    registrations = tuple(r for r in monitor.registrations if r.type != "pulumi:pulumi:Stack")
    return Recording(registrations, monitor.exports)


class _Transforms:
    def register_transform(self, transform: Callable[..., Any]) -> callback_pb2.Callback:
        return callback_pb2.Callback(token=transform.__name__)


async def _no_engine_calls_back() -> _Transforms:
    return _Transforms()


def record_program(
    config: Mapping[str, str], cloud: Cloud | None = None, engine: Mapping[str, Any] = ENGINE
) -> Recording:
    """Runs `__main__.py` completely. Keys without a namespace belong to the project.

    Args:
        config: the stack's configuration.
        cloud: answers the program's calls in place of AWS.
        engine: the description of the Docker engine.

    Raises:
        Exception: the refusal, if the program ends with one.
    """
    full = {key if ":" in key else f"biobatch:{key}": value for key, value in config.items()}
    cloud = cloud or Cloud()
    cloud.region = full.get("aws:region", REGION)
    with mock.patch("preflight.docker_engine.describe", return_value=engine):
        try:
            return record(lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__"), full, cloud)
        except SystemExit as ended:
            if ended.__cause__ is None:
                raise
            raise ended.__cause__ from None


@cache
def program(**config: str) -> Recording:
    """The program with the defaults and `config`, recorded once. The working folder must be the project's."""
    return record_program({"aws:region": "eu-west-9", **config})


def _short(urn: str) -> str:
    if not urn:
        return ""
    type_, name = urn.split("::")[2:4]
    return f"{type_.split('$')[-1]}::{name}"
