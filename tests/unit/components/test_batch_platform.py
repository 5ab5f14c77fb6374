"""A platform checks its arguments before AWS would refuse them."""

import dataclasses
from typing import Any

import pytest

from components import BatchPlatformArgs, Tool
from components.limits import SHARE_WEIGHTS

TOOL = Tool(image_uri="ours@sha256:1", vcpus=2, memory_mib=3600, timeout_seconds=60)
ARGUMENTS = BatchPlatformArgs(
    subnet_ids=["subnet-0123456789abcdef0"],
    security_group_id="sg-1",
    instance_profile_arn="arn:aws:iam::111122223333:instance-profile/machines",
    job_role_arn="arn:aws:iam::111122223333:role/job",
    execution_role_arn="arn:aws:iam::111122223333:role/execution",
    log_group="jobs",
    region="eu-west-9",
    instance_types=["m6i"],
    max_vcpus=2,
    spot=True,
    tools={"ours": TOOL},
)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"scratch_gib": 29}, "scratch_gib: 29 is outside 30 to 16384"),
        ({"scratch_gib": 16_385}, "scratch_gib: 16385 is outside 30 to 16384"),
        ({"max_vcpus": 0}, "max_vcpus: 0 is outside 1 to 2147483647"),
        ({"max_vcpus": 2**31}, "max_vcpus: 2147483648 is outside 1 to 2147483647"),
        ({"instance_types": []}, "instance_types: it must list at least 1"),
        ({"tools": {}}, "tools: it must have at least 1 tool"),
        ({"max_vcpus": 1}, "tools: ours has 2 vcpus, more than max_vcpus, 1"),
        ({"shares": {"phages": 0}}, "shares: phages: the weight 0 is not a number from 0.0001 to 999.9999"),
        ({"shares": {"phages": 1000.0}}, "shares: phages: the weight 1000.0 is not a number"),
        ({"shares": {"a-b": 1}}, "shares: 'a-b' is not a share"),
        ({"shares": {"*": 1}}, "shares: '*' is not a share"),
        ({"shares": {"yeast*": 1, "yeastA": 2}}, "shares: 'yeast*' overlaps with 'yeastA'"),
        ({"shares": {f"s{i}": 1 for i in range(501)}}, "shares: there are 501 shares, but the limit is 500"),
    ],
)
def test_the_error_for_values_that_aws_refuses_names_the_argument(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared below
        dataclasses.replace(ARGUMENTS, **changed)
    assert words in str(caught.value)


def test_all_faults_of_the_arguments_are_reported_at_once() -> None:
    with pytest.raises(ValueError, match=r"^max_vcpus: .*; scratch_gib: .*; tools: .*; shares: [^;]*$"):
        dataclasses.replace(ARGUMENTS, scratch_gib=5, max_vcpus=0, tools={}, shares={"*": 1})


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"vcpus": 0}, "vcpus: 0 is not an integer of 1 or more"),
        ({"memory_mib": 3}, "memory_mib: 3 is not an integer of 4 or more"),
        ({"timeout_seconds": 59}, "timeout_seconds: 59 is not an integer of 60 or more"),
        (
            {"vcpus": 0, "memory_mib": 3},
            "vcpus: 0 is not an integer of 1 or more; memory_mib: 3 is not an integer of 4 or more",
        ),
    ],
)
def test_a_tool_below_the_minimum_of_batch_is_refused(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"^{words}$"):
        dataclasses.replace(TOOL, **changed)


def test_values_at_the_limits_are_accepted() -> None:
    for weight in SHARE_WEIGHTS:
        assert dataclasses.replace(ARGUMENTS, shares={"phages": weight, "yeast*": 1}).shares["phages"] == weight
    for gib in (30, 16_384):
        assert dataclasses.replace(ARGUMENTS, scratch_gib=gib).scratch_gib == gib
