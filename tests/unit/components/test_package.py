"""The package of components: its schema matches the arguments, and it creates the same resources as a Python program."""

import dataclasses
import json
import runpy
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import grpc  # type: ignore[import-untyped]
import pulumi
import pytest
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.errors import InputPropertyError
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from biobatch import __version__
from components import BatchPlatform, BatchPlatformArgs, NatGateways, Network, NetworkArgs, Tool
from components.package import COMPONENTS, NAME, Package, arguments_of
from tests.unit.recording import ROOT, ZONES, Recording, record

NETWORK = {
    "vpcCidr": "10.0.0.0/16",
    "zoneNames": ["eu-west-9a", "eu-west-9b"],
    "natGateways": "single",
    "region": "eu-west-9",
}
PLATFORM = {
    "subnetIds": ["subnet-0123456789abcdef0"],
    "securityGroupId": "sg-1",
    "instanceProfileArn": "arn:aws:iam::111122223333:instance-profile/machines",
    "jobRoleArn": "arn:aws:iam::111122223333:role/job",
    "executionRoleArn": "arn:aws:iam::111122223333:role/execution",
    "logGroup": "jobs",
    "region": "eu-west-9",
    "instanceTypes": ["m6i"],
    "maxVcpus": 64.0,
    "spot": True,
    "scratchGib": 500.0,
    "tools": {"ours": {"imageUri": "ours@sha256:1", "vcpus": 2.0, "memoryMib": 3600.0, "timeoutSeconds": 60.0}},
    "shares": {"phages": 0.5},
}


@pytest.fixture(scope="module")
def package() -> Package:
    return Package()


@pytest.fixture(scope="module")
def schema(package: Package) -> dict[str, Any]:
    assert package.schema
    parsed: dict[str, Any] = json.loads(package.schema)
    return parsed


def described(schema: dict[str, Any], component: type[pulumi.ComponentResource]) -> dict[str, Any]:
    found: dict[str, Any] = schema["resources"][f"{NAME}:index:{component.__name__}"]
    return found


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_schema_requires_exactly_the_arguments_without_a_default(schema: dict[str, Any], component: Any) -> None:
    required = {
        field.name
        for field in dataclasses.fields(arguments_of(component))
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    told = described(schema, component)
    assert {_snake(name) for name in told["requiredInputs"]} == required
    assert {_snake(name) for name in told["inputProperties"]} == {
        field.name for field in dataclasses.fields(arguments_of(component))
    }


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_component_argument_and_output_has_its_docstring_as_its_description(
    schema: dict[str, Any], component: Any
) -> None:
    told = described(schema, component)
    assert told["description"] == component.__doc__.strip()
    for properties in (told["inputProperties"], told["properties"]):
        assert properties
        assert [name for name, entry in properties.items() if not entry.get("description")] == []


def test_the_schema_declares_integers_and_enums(schema: dict[str, Any]) -> None:
    assert described(schema, BatchPlatform)["inputProperties"]["maxVcpus"]["type"] == "integer"
    assert [choice["value"] for choice in schema["types"][f"{NAME}:index:NatGateways"]["enum"]] == [
        mode.value for mode in NatGateways
    ]


def constructed(package: Package, kind: str, inputs: dict[str, Any]) -> tuple[Recording, dict[str, Any]]:
    states: list[dict[str, Any]] = []
    recording = record(lambda: states.append(dict(package.construct("lab", f"{NAME}:index:{kind}", inputs).state)))
    return recording, states[0]


def test_another_program_gets_the_same_platform_as_a_python_program(package: Package) -> None:
    recording, state = constructed(package, "BatchPlatform", PLATFORM)
    direct = record(
        lambda: BatchPlatform(
            "lab",
            BatchPlatformArgs(
                subnet_ids=["subnet-0123456789abcdef0"],
                security_group_id="sg-1",
                instance_profile_arn="arn:aws:iam::111122223333:instance-profile/machines",
                job_role_arn="arn:aws:iam::111122223333:role/job",
                execution_role_arn="arn:aws:iam::111122223333:role/execution",
                log_group="jobs",
                region="eu-west-9",
                instance_types=["m6i"],
                max_vcpus=64,
                spot=True,
                scratch_gib=500,
                tools={"ours": Tool(image_uri="ours@sha256:1", vcpus=2, memory_mib=3600, timeout_seconds=60)},
                shares={"phages": 0.5},
            ),
        )
    )
    assert set(map(repr, recording.registrations)) == set(map(repr, direct.registrations))
    assert {"queueArn", "onDemandQueueArn", "fairShareQueueArn", "jobDefinitionArns"} | {
        "engineJobDefinitionArns",
        "headJobDefinitionArns",
    } == set(state)


def test_another_program_gets_the_same_network_as_a_python_program(package: Package) -> None:
    recording, state = constructed(package, "Network", NETWORK)
    arguments = NetworkArgs(
        vpc_cidr="10.0.0.0/16",
        zone_names=["eu-west-9a", "eu-west-9b"],
        nat_gateways=NatGateways.SINGLE,
        region="eu-west-9",
    )
    direct = record(lambda: Network("lab", arguments))
    assert set(map(repr, recording.registrations)) == set(map(repr, direct.registrations))
    assert set(state) == {"vpcId", "privateSubnetIds", "publicSubnetIds", "securityGroupId"}


def test_the_package_passes_on_the_error_messages_of_arguments(package: Package) -> None:
    with pytest.raises(InputPropertyError, match="scratch_gib: 5 is outside 30 to 16384"):
        package.construct("lab", f"{NAME}:index:BatchPlatform", {**PLATFORM, "scratchGib": 5.0})


@pytest.fixture
def plugin() -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    """Starts the host as Pulumi does, with the folder and the engine's address as arguments."""
    command = [sys.executable, "-W", "ignore", str(ROOT / "components"), "127.0.0.1:1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/") as process:
        assert process.stdout
        with grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
        process.terminate()


def test_the_host_starts_in_any_folder_and_returns_the_schema(plugin: Any, package: Package) -> None:
    assert plugin.GetSchema(provider_pb2.GetSchemaRequest()).schema == package.schema
    assert plugin.GetPluginInfo(empty_pb2.Empty()).version == __version__


def test_the_example_creates_a_network_and_queues_for_an_existing_image() -> None:
    config = {
        f"own-image:{key}": f"arn:aws:iam::111122223333:{key}"
        for key in ("jobRoleArn", "executionRoleArn", "instanceProfileArn")
    }
    program = str(ROOT / "examples/own-image/__main__.py")
    recording = record(
        lambda: runpy.run_path(program, run_name="__main__"),
        {**config, "own-image:image": "ours@sha256:1"},
        project="own-image",
    )
    definition = json.loads(
        recording.one("batch/jobDefinition:JobDefinition", "lab-ours").inputs["containerProperties"]
    )
    assert definition["image"] == "ours@sha256:1"
    assert recording.one("awsx:ec2:Vpc").inputs["availabilityZoneNames"] == ZONES[:2]
    assert not recording.all("docker:index/image:Image")
    assert not recording.all("iam/role:Role")
    assert set(recording.exports) == {"queue_arn", "job_definition_arns"}


def test_the_example_names_missing_settings() -> None:
    program = str(ROOT / "examples/own-image/__main__.py")
    with pytest.raises(pulumi.RunError, match="pulumi config set instanceProfileArn"):
        record(lambda: runpy.run_path(program, run_name="__main__"), project="own-image")


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
