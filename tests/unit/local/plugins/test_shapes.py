"""Conversion of Pulumi's names and forms to those of the API, and of its answers to Pulumi's."""

from typing import Any

import pytest

from local.plugins.aws.shapes import Refused, from_api, member, to_api
from local.plugins.common import UNKNOWN
from tests.unit.local.plugins.pulumi_engine import Engine


def shape(offline: Engine, service: str, operation: str, name: str) -> Any:
    return offline.provider.api.input_shape(service, operation).members[name]


@pytest.mark.parametrize(
    ("name", "members", "found"),
    [
        ("maxVcpus", ["maxvCpus"], "maxvCpus"),
        ("evaluateOnExits", ["evaluateOnExit"], "evaluateOnExit"),
        ("enableResourceNameDnsAaaaRecordOnLaunch", ["EnableResourceNameDnsAAAARecordOnLaunch"], "EnableResourceNameDnsAAAARecordOnLaunch"),
        ("policies", ["Policy"], "Policy"),
        ("tags", ["TagSpecifications"], None),
    ],
)  # fmt: skip
def test_a_name_is_found_by_case_and_plural(name: str, members: list[str], found: str | None) -> None:
    assert member(name, members) == found


def test_nested_objects_lists_and_tags_take_the_apis_form(offline: Engine) -> None:
    data = shape(offline, "ec2", "CreateLaunchTemplate", "LaunchTemplateData")
    given = {
        "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"volumeSize": 100, "encrypted": "true"}}],
        "tagSpecifications": [{"resourceType": "volume", "tags": {"Name": "job"}}],
        "monitoring": None,
    }
    assert to_api(given, data, "launchTemplateData") == {
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 100, "Encrypted": True}}],
        "TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "job"}]}],
    }


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"maxVcpus": 1.5}, "computeResources.maxVcpus"),
        ({"maxVcpus": True}, "computeResources.maxVcpus"),
        ({"subnets": "subnet-1"}, "computeResources.subnets"),
        ({"subnets": [1]}, "computeResources.subnets[0]"),
        ({"type": "spot"}, "computeResources.type"),
        ({"tags": {"a": 1}}, "computeResources.tags['a']"),
        ({"launchTemplate": {"launchTemplate": "lt-1"}}, "computeResources.launchTemplate.launchTemplate"),
        ("m5", "computeResources"),
    ],
)
def test_a_value_that_the_model_refuses_is_named_by_its_path(offline: Engine, value: Any, path: str) -> None:
    with pytest.raises(Refused) as refused:
        to_api(value, shape(offline, "batch", "CreateComputeEnvironment", "computeResources"), "computeResources")
    assert refused.value.path == path


def test_unknown_values_are_passed_on(offline: Engine) -> None:
    resources = shape(offline, "batch", "CreateComputeEnvironment", "computeResources")
    assert to_api({"subnets": UNKNOWN}, resources, "computeResources") == {"subnets": UNKNOWN}


def test_an_answer_is_reduced_to_the_form_and_members_of_the_sent_value() -> None:
    answer = {
        "minvCpus": 0,
        "maxvCpus": 8,
        "subnets": ["b", "a"],
        "launchTemplate": {"version": "2", "userdataType": "X"},
    }
    sent = {"maxVcpus": 4, "subnets": ["a", "b"], "launchTemplate": {"version": "1"}, "tags": {"a": "b"}}
    assert from_api(answer, sent, unordered=frozenset({"subnets"})) == {
        "maxVcpus": 8,
        "subnets": ["a", "b"],
        "launchTemplate": {"version": "2"},
        "tags": {"a": "b"},
    }


def test_values_without_a_previous_value_are_read_as_a_whole() -> None:
    answer = [{"Tags": [{"Key": "a", "Value": "b"}]}, {"Ebs": {"Encrypted": True}}]
    assert from_api(answer, []) == [{"tags": {"a": "b"}}, {"ebs": {"encrypted": True}}]
    assert from_api(answer[1], {"ebs": {"encrypted": "false"}}) == {"ebs": {"encrypted": "true"}}
