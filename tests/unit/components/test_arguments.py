"""The arguments of every component follow the same rules as the settings. All faults are reported at once. Outputs are not checked."""

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

import components
from components import (
    BatchPermissionsArgs,
    BatchPlatformArgs,
    BucketAccess,
    DataBucketArgs,
    EnginePermissionsArgs,
    ExistingNetworkArgs,
    FlowLogsArgs,
    ImageCacheArgs,
    MonitoringArgs,
    NatGateways,
    NetworkArgs,
    SubmitPermissionsArgs,
    Tool,
    ToolImageArgs,
)
from tests.unit.recording import ROOT, record

ACCOUNT, REGION = "111122223333", "eu-west-1"
KEY, BOUNDARY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1", f"arn:aws:iam::{ACCOUNT}:policy/boundary"
VPC, SUBNET = "vpc-0123456789abcdef0", "subnet-0123456789abcdef0"
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:jobs"
BUCKET = BucketAccess(arn="arn:aws:s3:::genomes", write=True)
TAGS = {"project": "phages"}


def right() -> Mapping[type, Any]:
    """Valid arguments of every kind."""
    tool = Tool(image_uri="ours@sha256:1", vcpus=2, memory_mib=3600, timeout_seconds=60)
    made = [
        BUCKET,
        tool,
        DataBucketArgs(protect_data=True, kms_key_arn=KEY, tags=TAGS),
        ExistingNetworkArgs(vpc_id=VPC, private_subnet_ids=[SUBNET], tags=TAGS),
        FlowLogsArgs(vpc_id=VPC, account_id=ACCOUNT, retention_days=30, permissions_boundary_arn=BOUNDARY),
        MonitoringArgs(
            partition="aws",
            account_id=ACCOUNT,
            region=REGION,
            queue_arns=[f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/main"],
            bucket="genomes",
            log_group="jobs",
            alert_email="lab@example.org",
        ),
        ImageCacheArgs(
            partition="aws",
            account_id=ACCOUNT,
            region=REGION,
            folder="biobatch-1a2b3c4",
            images=["quay.io/biocontainers/*"],
        ),
        NetworkArgs(
            vpc_cidr="10.0.0.0/16", zone_names=["eu-west-1a"], nat_gateways=NatGateways.SINGLE, region=REGION, tags=TAGS
        ),
        ToolImageArgs(
            context=str(ROOT / "images/base"),
            platform="linux/amd64",
            registry_server="registry",
            registry_username="AWS",
            registry_password="token",
            build_args={"VERSION": "1"},
        ),
        BatchPermissionsArgs(
            partition="aws",
            account_id=ACCOUNT,
            buckets=[BUCKET],
            repository_arns=[f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/ours"],
            log_group_arn=LOGS,
        ),
        EnginePermissionsArgs(
            partition="aws",
            account_id=ACCOUNT,
            region=REGION,
            images=["quay.io/biocontainers/*"],
            job_role_arn=f"arn:aws:iam::{ACCOUNT}:role/job",
            execution_role_arn=f"arn:aws:iam::{ACCOUNT}:role/execution",
            log_group="jobs",
            head_role="head",
            submit_policy_arn=f"arn:aws:iam::{ACCOUNT}:policy/submit",
        ),
        SubmitPermissionsArgs(
            partition="aws",
            account_id=ACCOUNT,
            region=REGION,
            queue_arns=[f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/main"],
            job_definition_arns=[f"arn:aws:batch:{REGION}:{ACCOUNT}:job-definition/ours:1"],
            bucket=BUCKET,
            log_group_arn=LOGS,
        ),
        BatchPlatformArgs(
            subnet_ids=[SUBNET],
            security_group_id="sg-1",
            instance_profile_arn=f"arn:aws:iam::{ACCOUNT}:instance-profile/machines",
            job_role_arn=f"arn:aws:iam::{ACCOUNT}:role/job",
            execution_role_arn=f"arn:aws:iam::{ACCOUNT}:role/execution",
            log_group="jobs",
            region=REGION,
            instance_types=["m6i"],
            max_vcpus=2,
            spot=True,
            tools={"ours": tool},
        ),
    ]
    return {type(arguments): arguments for arguments in made}


RIGHT = right()

#: Invalid values by the name of the argument, in every component.
WRONG: dict[str, list[Any]] = {
    "account_id": ["1", "", "11112222333x"],
    "alert_email": ["lab", "lab@example", "a@b.org\n", 1],
    "ami_id": ["ami-1", "al2023"],
    "arn": ["genomes", "arn:aws:iam::111122223333:role/x"],
    "build_args": [{"BASE": "x"}, {"A B": "x"}, {"A": "1\n2"}, {"A": 1}],
    "context": ["/nonexistent"],
    "deletable": [[""], ["work"], ["*/"], ["work/", "work/"]],
    "engine_repository_arn": ["repository/base"],
    "execution_role_arn": ["role"],
    "folder": ["", "a", "a" * 20, "A", "-a", "a/b"],
    "head_job_definition_arns": [["x"]],
    "head_role_arn": ["role"],
    "head_tools": [["theirs"]],
    "image_cache_arns": [["repository/cache/*"]],
    "images": [["*"], ["quay.io/a*", "quay.io/a*"], [f"quay.io/a{i}" for i in range(21)]],
    "instance_profile_arn": ["arn:aws:s3:::genomes"],
    "instance_types": [[], ["m6i", "m6i"], ["m6i large"], ["g5.xlarge"], ["mac2.metal"], ["a1"], ["m6i", "m7g"]],
    "job_definition_arns": [[], ["x"]],
    "job_role_arn": ["role"],
    "kms_key_arn": ["alias/genomes", f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/genomes"],
    "log_group_arn": ["jobs"],
    "max_vcpus": [0, 2**31, True, 1.5],
    "memory_mib": [3, True],
    "monthly_budget_usd": [-1, 1_000_001, 1.5, True],
    "nat_gateways": [NatGateways.NONE, "none", "two"],
    "partition": ["", "aws-x"],
    "permissions_boundary_arn": ["boundary", f"arn:aws:iam::{ACCOUNT}:role/x"],
    "platform": ["amd64"],
    "prefix": ["human", "/human/", "*/", "human/?/", "${aws:username}/", "a\n/", "x" * 200 + "/", 1],
    "private_subnet_ids": [[], [VPC], [SUBNET, SUBNET], [f"{SUBNET[:-2]}{i:02}" for i in range(17)]],
    "queue_arns": [[], ["x"]],
    "region": ["Ireland", ""],
    "repository_arns": [[], ["x"]],
    "buckets": [[]],
    "retention_days": [0, 31, True],
    "scratch_gib": [29, 16_385],
    "shares": [{"a-b": 1}, {"a": 0}, {"a*": 1, "ab": 2}],
    "submit_policy_arn": ["submit", f"arn:aws:iam::{ACCOUNT}:role/x"],
    "subnet_ids": [[], ["subnet-1"], [SUBNET, SUBNET]],
    "tags": [{"aws:x": "y"}, {"x": 1}, {"A": "1", "a": "2"}, {f"t{i}": "" for i in range(41)}],
    "timeout_seconds": [59],
    "tools": [{}, {"STAR": RIGHT[Tool]}, {"base": RIGHT[Tool]}, {"head-bwa": RIGHT[Tool]}],
    "vcpus": [0],
    "vpc_cidr": ["10.0.0.0/23", "8.8.0.0/16", "10.0.0.1/16", "ten", "10.0.0.0/255.255.0.0"],
    "vpc_id": ["vpc-1", SUBNET],
    "work_days": [0, 3651, True],
    "zone_names": [[], ["a"], ["eu-west-1a", "eu-west-1a"], ["us-east-1a"], [f"eu-west-1{z}" for z in "abcdefg"]],
}

#: Arguments that are not checked: names that AWS generates, and choices that their types restrict.
FREE = {
    "approved_definitions",
    "base",
    "bucket",
    "budget_tag",
    "dashboard",
    "engine_image",
    "head",
    "head_role",
    "image_uri",
    "interface_endpoints",
    "log_group",
    "protect_data",
    "registry_password",
    "registry_server",
    "registry_username",
    "security_group_id",
    "spot",
    "write",
}

CASES = [
    (kind, field.name, value)
    for kind in RIGHT
    for field in dataclasses.fields(kind)
    for value in WRONG.get(field.name, [])
]


def test_every_argument_of_every_component_is_checked() -> None:
    public = {kind for name in dir(components.public) if inspect.isclass(kind := getattr(components.public, name))}
    assert {kind for kind in public if dataclasses.is_dataclass(kind)} == set(RIGHT)
    assert {field.name for kind in RIGHT for field in dataclasses.fields(kind)} == WRONG.keys() | FREE


@pytest.mark.parametrize(("kind", "name", "value"), CASES, ids=[f"{k.__name__}.{n}={v!r}"[:60] for k, n, v in CASES])
def test_the_error_for_an_invalid_argument_names_it(kind: type, name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"(^|; ){name}: ") as caught:
        dataclasses.replace(RIGHT[kind], **{name: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", RIGHT)
def test_all_invalid_arguments_are_reported_at_once(kind: type) -> None:
    wrong = {f.name: WRONG[f.name][0] for f in dataclasses.fields(kind) if f.name in WRONG}
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared below
        dataclasses.replace(RIGHT[kind], **wrong)
    assert {told.split(":")[0] for told in str(caught.value).split("; ") if ": " in told} >= wrong.keys()


@pytest.mark.parametrize(
    "name",
    ["kms_key_arn", "permissions_boundary_arn", "prefix", "ami_id", "alert_email", "head_role_arn"],
)
def test_optional_arguments_can_be_empty(name: str) -> None:
    for kind, arguments in RIGHT.items():
        if name in {field.name for field in dataclasses.fields(kind)}:
            assert dataclasses.replace(arguments, **{name: ""})


def test_outputs_are_not_checked() -> None:
    known = {
        kind: [
            field.name
            for field in dataclasses.fields(kind)
            if field.name.endswith(("_arn", "_arns", "arn", "vpc_id", "subnet_ids")) and "Output" in str(field.type)
        ]
        for kind in RIGHT
    }
    assert sum(map(len, known.values())) == 19

    def program() -> None:
        for kind, names in known.items():
            for name in names:
                later: Any = pulumi.Output.from_input("later")
                value = [later] if name.endswith("s") and name != "subnet_ids" else later
                assert dataclasses.replace(RIGHT[kind], **{name: value})

    # The Outputs need a program. Pulumi waits for every Output at the end of the next one.
    record(program)


def test_a_budget_needs_an_address() -> None:
    arguments = RIGHT[MonitoringArgs]
    assert dataclasses.replace(arguments, monthly_budget_usd=100)
    with pytest.raises(ValueError, match=r"^monthly_budget_usd: it needs alert_email\.?"):
        dataclasses.replace(arguments, monthly_budget_usd=100, alert_email="")
