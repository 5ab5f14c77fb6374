"""The aws provider: its configuration, data sources and process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from local.plugins.aws.provider import VERSION, Provider
from local.plugins.aws.resource import Resource
from local.plugins.common import UNKNOWN, Secret, from_struct, holds_unknown, to_struct
from tests.unit.local.plugins.pulumi_engine import Aborted, Context, Engine

ROOT = Path(__file__).parents[4]


def configure(arguments: dict[str, Any]) -> Provider:
    provider = Provider()
    answer = provider.Configure(provider_pb2.ConfigureRequest(args=to_struct(arguments)), Context())
    assert answer.supportsPreview
    return provider


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:5000", "http://localhost:5000", "http://[::1]:5000"])
def test_an_endpoint_on_this_machine_is_accepted(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert configure({"region": "eu-west-1"}).api.region == "eu-west-1"


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "https://ec2.us-east-1.amazonaws.com",
        "http://127.0.0.1.example.org",
        "http://10.0.0.1:5000",
        "127.0.0.1:5000",
    ],
)
def test_any_other_endpoint_is_refused_with_a_message(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(Aborted, match=r"^AWS_ENDPOINT_URL is .*make local-env"):
        configure({"region": "us-east-1"})


def test_a_missing_region_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    answer = Provider().CheckConfig(provider_pb2.CheckRequest(news=to_struct({})), Context())
    assert [(f.property, f.reason) for f in answer.failures] == [
        ("region", "is not set. Set it: pulumi config set aws:region us-east-1")
    ]
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    answer = Provider().CheckConfig(provider_pb2.CheckRequest(news=to_struct({})), Context())
    assert from_struct(answer.inputs) == {"region": "eu-west-1"}


def test_a_change_of_configuration_is_never_a_replacement() -> None:
    request = provider_pb2.DiffRequest(
        olds=to_struct({"region": "us-east-1", "version": "1"}), news=to_struct({"region": "eu-west-1", "version": "2"})
    )
    answer = Provider().DiffConfig(request, Context())
    assert (list(answer.diffs), list(answer.replaces)) == (["region"], [])


def test_default_tags_reach_every_resource_but_not_its_own_tags(
    monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    provider = configure({"region": "us-east-1", "defaultTags": '{"tags": {"lab": "x"}}'})
    monkeypatch.delenv("AWS_ENDPOINT_URL")  # moto receives the calls to AWS
    tagged = Engine(provider)
    inputs = tagged.inputs("aws:ec2/vpc:Vpc", "v", {"cidrBlock": "10.0.0.0/16", "tags": {"a": "b"}})
    assert inputs["tagsAll"] == {"lab": "x", "a": "b"}
    made = tagged.create("aws:ec2/vpc:Vpc", "v", {"cidrBlock": "10.0.0.0/16", "tags": {"a": "b"}})
    assert made.properties["tagsAll"] == {"lab": "x", "a": "b"}
    assert made.properties["tags"] == {"a": "b"}


def test_data_sources_answer_the_questions_of_the_program(engine: Engine) -> None:
    zones = engine.invoke(
        "aws:index/getAvailabilityZones:getAvailabilityZones",
        {
            "state": "available",
            "filters": [{"name": "opt-in-status", "values": ["opt-in-not-required"]}],
            "excludeNames": None,
        },
    )
    assert zones["names"] == sorted(zones["names"])
    assert len(zones["names"]) == len(zones["zoneIds"]) == 6
    fewer = engine.invoke(
        "aws:index/getAvailabilityZones:getAvailabilityZones",
        {"excludeNames": ["us-east-1a"], "excludeZoneIds": zones["zoneIds"][1:2]},
    )
    assert fewer["names"] == [name for name in zones["names"][2:] if name != "us-east-1a"]
    local = engine.invoke(
        "aws:index/getAvailabilityZones:getAvailabilityZones",
        {"filters": [{"name": "opt-in-status", "values": ["opted-in"]}]},
    )
    assert local["names"] == []
    assert engine.invoke("aws:index/getCallerIdentity:getCallerIdentity", {})["accountId"] == "123456789012"
    assert engine.invoke("aws:index/getPartition:getPartition", {}) == {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }
    assert engine.invoke("aws:index/getRegion:getRegion", {})["region"] == "us-east-1"
    token = engine.invoke("aws:ecr/getAuthorizationToken:getAuthorizationToken", {})
    assert (token["userName"], bool(token["password"])) == ("AWS", True)


def test_unsupported_types_and_functions_are_refused_with_a_list_of_the_supported_ones(offline: Engine) -> None:
    with pytest.raises(
        Aborted, match=r"aws:sqs/queue:Queue: the local AWS does not support this resource type. It supports aws:batch/"
    ):
        offline.check("aws:sqs/queue:Queue", "q", {})
    with pytest.raises(
        Aborted, match=r"getAmi: the local AWS does not support this function. It supports aws:ebs/getDefaultKmsKey"
    ):
        offline.invoke("aws:ec2/getAmi:getAmi", {})


def test_a_bug_of_the_plugin_is_reported_in_one_line_with_its_place(
    offline: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing: dict[str, Any] = {}
    monkeypatch.setattr(Resource, "check", lambda *_: nothing["missing"])
    with pytest.raises(
        Aborted, match=r"^bug in a local provider plugin \(test_provider\.py, line \d+\): KeyError: 'missing'$"
    ):
        offline.check("aws:ec2/vpc:Vpc", "v", {})


def test_values_survive_the_conversion_to_the_wire_and_back() -> None:
    values = {"a": 1, "b": [True, None, "x", UNKNOWN, {"c": 1.5}], "s": Secret({"k": UNKNOWN})}
    assert from_struct(to_struct(values), keep_secrets=True) == values
    plain = from_struct(to_struct(values))
    assert plain["s"] == {"k": UNKNOWN}
    assert isinstance(plain["a"], int)
    assert holds_unknown(plain["s"])
    assert not holds_unknown({"a": [1]})


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """The process of the plugin, started as by the engine."""
    command = [sys.executable, "-m", "local.plugins.aws", "127.0.0.1:1"]
    started = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    )
    yield started
    started.kill()
    started.communicate()


def test_the_plugin_serves_on_the_port_it_prints_and_ends_on_cancel(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        assert stub.GetPluginInfo(empty_pb2.Empty()).version == VERSION
        start = time.monotonic()
        stub.Cancel(empty_pb2.Empty())
        assert process.wait(timeout=10) == 0
        assert time.monotonic() - start < 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_plugin_ends_on_a_signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(number)
    assert process.wait(timeout=2) == 0


@pytest.mark.parametrize("plugin", ["aws", "docker"])
def test_a_plugin_starts_without_the_whole_sdk(plugin: str) -> None:
    """The SDK takes longer to import than everything else that the plugin needs."""
    script = f"import sys, local.plugins.{plugin}.provider; sys.exit('pulumi' in sys.modules or 'boto3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
