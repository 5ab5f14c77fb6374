"""The whole program with several configurations."""

import json
from pathlib import Path
from typing import Any
from unittest import mock

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks, rpc

import settings
from components.user_data import user_data
from settings import TOOLS
from tests.images_tree import copy_images
from tests.unit.recording import ROOT, ZONES, Cloud, Recording, program, record_program

BASE = {"aws:region": "eu-west-9"}

OUTPUTS = {
    "queue_arn",
    "on_demand_queue_arn",
    "job_definition_arns",
    "engine_job_definition_arns",
    "image_uris",
    "bucket",
    "job_role_arn",
    *(
        "execution_role_arn",
        "submit_policy_arn",
        "region",
        "vpc_id",
        "private_subnet_ids",
        "public_subnet_ids",
        "log_group",
        "scratch_path",
        "max_vcpus",
        "scratch_gib",
        "instance_types",
        "dashboard_url",
    ),
}


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def container(recording: Recording, tool: str) -> dict[str, Any]:
    definition = recording.one("batch/jobDefinition:JobDefinition", f"biobatch-{tool}")
    properties: dict[str, Any] = json.loads(definition.inputs["containerProperties"])
    return properties


def policies(recording: Recording) -> list[dict[str, Any]]:
    texts = [
        r.inputs["policy"] for kind in ("iam/rolePolicy:RolePolicy", "iam/policy:Policy") for r in recording.all(kind)
    ]
    return [statement for text in texts for statement in json.loads(text)["Statement"]]


def role_policies(recording: Recording) -> dict[str, Any]:
    """The inline policies of roles by name."""
    return {r.name: json.loads(r.inputs["policy"]) for r in recording.all("iam/rolePolicy:RolePolicy")}


def test_the_program_exports_exactly_the_expected_outputs() -> None:
    exports = program().exports
    assert set(exports) == OUTPUTS
    assert exports["region"] == "eu-west-9"
    assert exports["scratch_path"] == "/scratch"
    assert set(exports["job_definition_arns"]) == set(exports["image_uris"]) == set(TOOLS)
    assert all("@sha256:" in uri for uri in exports["image_uris"].values())
    assert len(exports["private_subnet_ids"]) == len(exports["public_subnet_ids"]) == 2


def test_every_resource_belongs_to_a_component() -> None:
    loose = [r for r in program().registrations if not r.parent.startswith(("biobatch:", "awsx:"))]
    tops = {r.type for r in loose}
    assert tops == {
        "aws:cloudwatch/logGroup:LogGroup",
        *(f"biobatch:index:{n}" for n in ("Network", "DataBucket", "ToolImage", "BatchPermissions", "BatchPlatform")),
        "biobatch:index:SubmitPermissions",
    }


def test_subnets_have_fixed_ranges_and_the_vpc_has_an_s3_endpoint() -> None:
    vpc = program().one("awsx:ec2:Vpc").inputs
    assert vpc["availabilityZoneNames"] == ZONES[:2]
    assert vpc["subnetStrategy"] == "Auto"
    assert vpc["subnetSpecs"] == [
        {"type": "Public", "cidrBlocks": ["10.0.224.0/22", "10.0.228.0/22"]},
        {"type": "Private", "cidrBlocks": ["10.0.0.0/19", "10.0.32.0/19"]},
    ]
    assert vpc["natGateways"] == {"strategy": "Single"}
    assert vpc["vpcEndpointStrategy"] == "Auto"
    (endpoint,) = vpc["vpcEndpointSpecs"]
    assert (endpoint["serviceName"], endpoint["vpcEndpointType"]) == ("com.amazonaws.eu-west-9.s3", "Gateway")
    assert vpc["enableDnsHostnames"] is True


def test_a_third_zone_does_not_change_the_ranges_of_the_first_two() -> None:
    two, three = (program(azCount=n).one("awsx:ec2:Vpc").inputs for n in ("2", "3"))
    for before, after in zip(two["subnetSpecs"], three["subnetSpecs"], strict=True):
        assert after["cidrBlocks"][:2] == before["cidrBlocks"]


def test_zones_that_require_an_opt_in_get_no_subnet() -> None:
    assert program(azCount="6").one("awsx:ec2:Vpc").inputs["availabilityZoneNames"] == ZONES


def test_zones_may_be_pinned_by_name() -> None:
    pinned = [ZONES[3], ZONES[1], ZONES[0]]
    vpc = program(availabilityZones=json.dumps(pinned)).one("awsx:ec2:Vpc").inputs
    assert vpc["availabilityZoneNames"] == pinned


def test_an_unavailable_pinned_zone_is_refused_before_anything_is_created() -> None:
    with pytest.raises(pulumi.RunError, match="this account cannot use eu-west-9z"):
        record_program({**BASE, "availabilityZones": '["eu-west-9z"]'})


def test_flow_logs_have_a_separate_log_group_and_a_role_that_can_only_write_to_it() -> None:
    recording = program(flowLogs="true", permissionsBoundaryArn=BOUNDARY, kmsKeyArn=KEY, logRetentionDays="7")
    log = recording.one("ec2/flowLog:FlowLog")
    assert (log.inputs["vpcId"], log.inputs["trafficType"]) == ("vpc-1", "ALL")
    assert log.inputs["logDestination"] == log.inputs["iamRoleArn"] == "arn:aws:test:::biobatch-flow"
    assert "aws:iam/rolePolicy:RolePolicy::biobatch-flow" in log.dependencies
    role = recording.one("iam/role:Role", "biobatch-flow").inputs
    assert role["permissionsBoundary"] == BOUNDARY
    (trust,) = json.loads(role["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}
    write = json.loads(recording.one("iam/rolePolicy:RolePolicy", "biobatch-flow").inputs["policy"])["Statement"][0]
    assert write["Resource"] == ["arn:aws:test:::biobatch-flow", "arn:aws:test:::biobatch-flow:log-stream:*"]
    own, jobs = (recording.one("cloudwatch/logGroup:LogGroup", n).inputs for n in ("biobatch-flow", "biobatch"))
    assert own["kmsKeyId"] == KEY
    assert own["retentionInDays"] == jobs["retentionInDays"] == 7
    assert not program().all("ec2/flowLog:FlowLog")


def test_one_per_az_creates_a_nat_gateway_in_each_zone() -> None:
    vpc = program(natGateways="one-per-az").one("awsx:ec2:Vpc").inputs
    assert vpc["natGateways"] == {"strategy": "OnePerAz"}


def endpoints(recording: Recording) -> dict[str, dict[str, Any]]:
    return {r.name: dict(r.inputs) for r in recording.all("ec2/vpcEndpoint:VpcEndpoint")}


def test_without_nat_every_required_service_has_an_interface_endpoint() -> None:
    recording = program(natGateways="none", interfaceEndpoints="true")
    vpc = recording.one("awsx:ec2:Vpc").inputs
    assert vpc["natGateways"] == {"strategy": "None"}
    assert vpc["enableDnsHostnames"] is True, "or the endpoints' private names do not resolve"
    group = recording.one("ec2/securityGroup:SecurityGroup", "biobatch-endpoints")
    (rule,) = group.inputs["ingress"]
    assert (rule["protocol"], rule["fromPort"], rule["toPort"], rule["cidrBlocks"]) == (
        "tcp",
        443,
        443,
        ["10.0.0.0/16"],
    )
    made = endpoints(recording)
    assert {e["serviceName"].removeprefix("com.amazonaws.eu-west-9.") for e in made.values()} == {
        "ecs",
        "ecs-agent",
        "ecs-telemetry",
        "ecr.api",
        "ecr.dkr",
        "logs",
        "ssm",
        "ssmmessages",
    }
    for endpoint in made.values():
        assert endpoint["vpcEndpointType"] == "Interface"
        assert endpoint["privateDnsEnabled"] is True
        assert endpoint["securityGroupIds"] == ["biobatch-endpoints-id"]
        assert endpoint["subnetIds"] == ["subnet-private-0", "subnet-private-1"]


def test_endpoints_are_created_only_on_request_and_can_be_combined_with_nat() -> None:
    assert not endpoints(program())
    recording = program(interfaceEndpoints="true")
    assert len(endpoints(recording)) == 8
    assert recording.one("awsx:ec2:Vpc").inputs["natGateways"] == {"strategy": "Single"}


def test_the_security_group_allows_all_outbound_and_no_inbound_traffic() -> None:
    group = program().one("ec2/securityGroup:SecurityGroup", "biobatch-jobs").inputs
    assert "ingress" not in group
    (out,) = group["egress"]
    assert (out["protocol"], out["fromPort"], out["toPort"], out["cidrBlocks"]) == ("-1", 0, 0, ["0.0.0.0/0"])
    assert not program().all("SecurityGroupIngressRule")


def test_both_environments_can_be_changed_in_place() -> None:
    environments = {r.name: r.inputs for r in program().all("batch/computeEnvironment:ComputeEnvironment")}
    assert set(environments) == {"biobatch-spot", "biobatch-on-demand"}
    for inputs in environments.values():
        # A service role, a fixed name or another strategy would make AWS replace it.
        assert not {"serviceRole", "name", "namePrefix"} & set(inputs)
        assert inputs["type"] == "MANAGED"
        resources = inputs["computeResources"]
        assert resources["allocationStrategy"] in ("SPOT_PRICE_CAPACITY_OPTIMIZED", "BEST_FIT_PROGRESSIVE")
        assert resources["launchTemplate"]["version"] == "1"
        assert "desiredVcpus" not in resources
        assert resources["subnets"] == ["subnet-private-0", "subnet-private-1"]
        assert inputs["updatePolicy"] == {"jobExecutionTimeoutMinutes": 360, "terminateJobsOnUpdate": False}
    assert environments["biobatch-spot"]["computeResources"]["type"] == "SPOT"
    assert environments["biobatch-on-demand"]["computeResources"]["type"] == "EC2"


def order(recording: Recording, queue: str) -> list[str]:
    orders = recording.one("batch/jobQueue:JobQueue", f"biobatch-{queue}").inputs["computeEnvironmentOrders"]
    return [o["computeEnvironment"].split(":")[-1] for o in sorted(orders, key=lambda o: int(o["order"]))]


def test_the_main_queue_uses_spot_first_and_the_on_demand_queue_never_uses_it() -> None:
    assert order(program(), "main") == ["biobatch-spot", "biobatch-on-demand"]
    assert order(program(), "on-demand") == ["biobatch-on-demand"]


def test_without_spot_both_queues_run_on_demand() -> None:
    assert order(program(spot="false"), "main") == order(program(spot="false"), "on-demand") == ["biobatch-on-demand"]


def limit(recording: Recording, tool: str) -> int:
    definition = recording.one("batch/jobDefinition:JobDefinition", f"biobatch-{tool}")
    return int(definition.inputs["timeout"]["attemptDurationSeconds"])


def test_job_definitions_run_unprivileged_with_a_read_only_root() -> None:
    for tool in TOOLS:
        properties = container(program(), tool)
        assert properties["user"] == "10001:10001"
        assert properties["readonlyRootFilesystem"] is True
        assert properties["privileged"] is False
        assert properties["volumes"] == [{"name": "scratch"}]
        assert properties["mountPoints"][0]["containerPath"] == "/scratch"
        assert "@sha256:" in properties["image"]
        assert {variable["name"]: variable["value"] for variable in properties["environment"]} == {
            "AWS_DEFAULT_REGION": "eu-west-9",
            "AWS_REGION": "eu-west-9",
            "JOB_IMAGE": properties["image"],
            "JOB_TIMEOUT_SECONDS": str(limit(program(), tool)),
        }
        assert properties["logConfiguration"] == {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": "biobatch",
                "awslogs-region": "eu-west-9",
                "awslogs-stream-prefix": tool,
                "mode": "non-blocking",
                "max-buffer-size": "25m",
            },
        }
        memory = next(int(r["value"]) for r in properties["resourceRequirements"] if r["type"] == "MEMORY")
        assert memory & (memory - 1) != 0, "a power of two never fits the machine of that size"


def test_jobs_are_retried_and_have_a_time_limit() -> None:
    for definition in program().all("batch/jobDefinition:JobDefinition"):
        assert len(definition.inputs["retryStrategy"]["evaluateOnExits"]) <= 5
        assert definition.inputs["timeout"]["attemptDurationSeconds"] >= 60
        assert definition.inputs["propagateTags"] is True
        assert definition.inputs["deregisterOnNewRevision"] is False


def test_instances_require_imdsv2_and_block_jobs_from_their_credentials() -> None:
    template = program().one("ec2/launchTemplate:LaunchTemplate").inputs
    assert template["metadataOptions"]["httpTokens"] == "required"
    assert template["blockDeviceMappings"][0]["ebs"]["encrypted"] == "true"
    assert template["userData"] == user_data(10001)


def test_only_the_folders_of_engines_allow_deletion_and_the_instance_role_has_no_access_to_s3() -> None:
    deleting = [s for s in policies(program()) if "Delete" in json.dumps(s)]
    assert deleting == 2 * [
        {
            "Effect": "Allow",
            "Sid": "Delete",
            "Action": "s3:DeleteObject",
            "Resource": ["arn:aws:test:::biobatch/work/*", "arn:aws:test:::biobatch/engines/*"],
        }
    ]
    attached = [r.inputs["policyArn"] for r in program().all("iam/rolePolicyAttachment:RolePolicyAttachment")]
    assert attached == []


def test_instances_can_only_join_their_cluster_and_be_reached_by_session_manager() -> None:
    policy = role_policies(program())["biobatch-instance"]
    allowed = {a for s in policy["Statement"] for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])}
    assert {a.split(":")[0] for a in allowed} == {"ecs", "ssm", "ssmmessages"}
    assert not [a for a in allowed if "Parameter" in a or "Deregister" in a or "CreateCluster" in a]


def test_with_engines_instances_can_pull_the_base_image_alone() -> None:
    statements = role_policies(program(engines="true"))["biobatch-instance"]["Statement"]
    images = [s for s in statements if "ecr:" in str(s["Action"])]
    assert [(s["Action"], s["Resource"]) for s in images] == [
        ("ecr:GetAuthorizationToken", "*"),
        (["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "arn:aws:test:::biobatch-base"),
    ]


def test_with_engines_and_without_a_way_to_the_internet_public_images_are_cached() -> None:
    recording = program(engines="true", natGateways="none", interfaceEndpoints="true")
    rules = recording.all("ecr/pullThroughCacheRule:PullThroughCacheRule")
    bucket = recording.exports["bucket"]
    assert {r.inputs["ecrRepositoryPrefix"]: r.inputs["upstreamRegistryUrl"] for r in rules} == {
        f"{bucket}/quay": "quay.io",
        f"{bucket}/ecr-public": "public.ecr.aws",
    }
    address = f"111122223333.dkr.ecr.eu-west-9.amazonaws.com/{bucket}"
    assert recording.exports["image_cache"] == address
    (cache,) = [s for s in role_policies(recording)["biobatch-execution"]["Statement"] if s["Sid"] == "Cache"]
    assert cache["Action"] == ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"]
    assert cache["Resource"] == [f"arn:aws:ecr:eu-west-9:111122223333:repository/{bucket}/quay/biocontainers/*"]


def test_jobs_have_only_images_of_the_configured_patterns_fetched() -> None:
    patterns = ["quay.io/lab/bwa:1.*", "public.ecr.aws/docker/library/debian@sha256:*", "ghcr.io/lab/*"]
    config = {"engines": "true", "natGateways": "none", "interfaceEndpoints": "true"}
    recording = program(**config, engineImages=json.dumps(patterns))
    (cache,) = [s for s in role_policies(recording)["biobatch-execution"]["Statement"] if s["Sid"] == "Cache"]
    folder = f"arn:aws:ecr:eu-west-9:111122223333:repository/{recording.exports['bucket']}"
    assert cache["Resource"] == [f"{folder}/quay/lab/bwa", f"{folder}/ecr-public/docker/library/debian"]
    none = program(**config, engineImages="[]")
    assert "Cache" not in [s["Sid"] for s in role_policies(none)["biobatch-execution"]["Statement"]]


@pytest.mark.parametrize(
    "config", [{"engines": "true"}, {"natGateways": "none", "interfaceEndpoints": "true"}], ids=["NAT", "no engines"]
)
def test_no_other_stack_caches_public_images(config: dict[str, str]) -> None:
    recording = program(**config)
    assert recording.all("ecr/pullThroughCacheRule:PullThroughCacheRule") == []
    assert "image_cache" not in recording.exports
    assert "BatchImportUpstreamImage" not in json.dumps(role_policies(recording))


def test_instances_and_jobs_use_the_intended_roles() -> None:
    for environment in program().all("batch/computeEnvironment:ComputeEnvironment"):
        assert environment.inputs["computeResources"]["instanceRole"] == "arn:aws:test:::biobatch-instance"
    for tool in TOOLS:
        properties = container(program(), tool)
        assert properties["jobRoleArn"] == "arn:aws:test:::biobatch-job"
        assert properties["executionRoleArn"] == "arn:aws:test:::biobatch-execution"


def test_each_policy_is_attached_to_its_role() -> None:
    kinds = ("rolePolicy:RolePolicy", "rolePolicyAttachment:RolePolicyAttachment", "instanceProfile:InstanceProfile")
    recording = program(flowLogs="true")
    assert {r.name: r.inputs["role"] for kind in kinds for r in recording.all(f"iam/{kind}")} == {
        "biobatch-job": "biobatch-job",
        "biobatch-execution": "biobatch-execution",
        "biobatch-instance": "biobatch-instance",
        "biobatch-flow": "biobatch-flow",
    }


def test_only_ec2_can_assume_the_instance_role() -> None:
    (trust,) = json.loads(program().one("iam/role:Role", "biobatch-instance").inputs["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "ec2.amazonaws.com"}


def test_only_tasks_of_this_account_can_assume_the_job_role() -> None:
    trust = json.loads(program().one("iam/role:Role", "biobatch-job").inputs["assumeRolePolicy"])
    (statement,) = trust["Statement"]
    assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "111122223333"}


def test_users_can_submit_only_to_the_stacks_queues_with_its_job_definitions() -> None:
    statements = json.loads(program().one("iam/policy:Policy", "biobatch-submit").inputs["policy"])["Statement"]
    by_sid = {s.get("Sid"): s for s in statements}
    resources = by_sid["Submit"]["Resource"]
    assert len(resources) == 1 + 2 + 2 * len(TOOLS)
    assert not [r for r in resources if "approved" in r]
    assert "arn:aws:batch:eu-west-9:111122223333:job/*" in resources
    assert by_sid["Submit"]["Action"] == ["batch:SubmitJob", "batch:TagResource"]
    assert by_sid["Jobs"]["Resource"] == "arn:aws:batch:eu-west-9:111122223333:job/*"
    assert not [s for s in statements if "PassRole" in json.dumps(s) or "RegisterJobDefinition" in json.dumps(s)]


SHARED = json.dumps(
    [
        {"name": "references", "prefix": "human/"},
        {"name": "results", "access": "read-write", "kmsKeyArn": "arn:aws:kms:eu-west-1:444455556666:key/ab"},
    ]
)


def test_jobs_get_exactly_the_configured_access_to_other_buckets() -> None:
    text = program(dataBuckets=SHARED).one("iam/rolePolicy:RolePolicy", "biobatch-job").inputs["policy"]
    assert json.loads(text)["Statement"] == [
        {
            "Effect": "Allow",
            "Sid": "List",
            "Action": "s3:ListBucket",
            "Resource": ["arn:aws:test:::biobatch", "arn:aws:s3:::results"],
        },
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:aws:s3:::references",
            "Condition": {"StringLike": {"s3:prefix": "human/*"}},
        },
        {
            "Effect": "Allow",
            "Sid": "Read",
            "Action": "s3:GetObject",
            "Resource": ["arn:aws:test:::biobatch/*", "arn:aws:s3:::references/human/*", "arn:aws:s3:::results/*"],
        },
        {
            "Effect": "Allow",
            "Sid": "Write",
            "Action": ["s3:AbortMultipartUpload", "s3:PutObject"],
            "Resource": ["arn:aws:test:::biobatch/*", "arn:aws:s3:::results/*"],
        },
        {
            "Effect": "Allow",
            "Sid": "Delete",
            "Action": "s3:DeleteObject",
            "Resource": ["arn:aws:test:::biobatch/work/*", "arn:aws:test:::biobatch/engines/*"],
        },
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "arn:aws:kms:eu-west-1:444455556666:key/ab",
            "Condition": {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
        },
    ]


class BatchArns(Cloud):
    """Gives queues and job definitions ARNs of AWS's form and length."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        id_, state = super().new_resource(args)
        kinds = {"JobQueue": "job-queue", "JobDefinition": "job-definition"}
        if kind := kinds.get(args.typ.split(":")[-1]):
            revision = ":1" if kind == "job-definition" else ""
            state["arn"] = f"arn:aws:batch:eu-west-9:111122223333:{kind}/{args.name}-1a2b3c4{revision}"
        return id_, state


def test_the_submit_policy_fits_iams_limit_with_the_most_and_longest_tools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_images(tmp_path)
    names = [f"{'t' * 38}{i:02}" for i in range(15)]
    for name in names:
        (tmp_path / "images" / name).mkdir()
        (tmp_path / "images" / name / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    monkeypatch.chdir(tmp_path)
    config = {"tools": json.dumps({name: {} for name in names}), "shares": '{"phages": 1}', "engines": "true"}
    recording = record_program({**BASE, **config}, BatchArns())
    text = recording.one("iam/policy:Policy", "biobatch-submit").inputs["policy"]
    assert all(f"job-definition/biobatch-{kind}{name}-1a2b3c4*" in text for name in names for kind in ("", "engine-"))
    assert "job-definition/biobatch-approved-*" in text
    # Use the partition and the region with the longest names, and the form of a bucket's ARN.
    text = text.replace("arn:aws:", "arn:aws-us-gov:").replace("eu-west-9", "ap-northeast-1")
    text = text.replace("test:::biobatch", "s3:::biobatch-1a2b3c4")
    assert len("".join(text.split())) <= 6_144


def test_endpoints_are_deleted_after_the_security_group_of_the_instances() -> None:
    recording = program(natGateways="none", interfaceEndpoints="true")
    group = recording.one("ec2/securityGroup:SecurityGroup", "biobatch-jobs")
    assert len([d for d in group.dependencies if "vpcEndpoint:VpcEndpoint" in d]) == 8
    for name in ("spot", "on-demand"):
        environment = recording.one("batch/computeEnvironment:ComputeEnvironment", f"biobatch-{name}")
        assert "aws:ec2/securityGroup:SecurityGroup::biobatch-jobs" in environment.dependencies


@pytest.mark.parametrize("prefix", ["p" * 127, "é" * 21])
def test_the_job_policy_fits_iams_limit_with_the_most_and_longest_data_buckets(prefix: str) -> None:
    key = f"arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-{'0' * 32}"
    longest = [
        {"name": f"{i:063}", "access": "read-write", "prefix": f"{prefix}/", "kmsKeyArn": f"{key[:-1]}{i}"}
        for i in range(10)
    ]
    text = program(dataBuckets=json.dumps(longest)).one("iam/rolePolicy:RolePolicy", "biobatch-job").inputs["policy"]
    assert len("".join(text.split())) <= 10_240


BOUNDARY = "arn:aws:iam::111122223333:policy/boundary"
KEY = "arn:aws:kms:eu-west-9:111122223333:key/1234abcd"


def test_every_role_gets_the_permissions_boundary() -> None:
    roles = program(permissionsBoundaryArn=BOUNDARY).all("iam/role:Role")
    assert {r.inputs["permissionsBoundary"] for r in roles} == {BOUNDARY}
    assert not [r for r in program().all("iam/role:Role") if "permissionsBoundary" in r.inputs]


def test_the_kms_key_encrypts_bucket_logs_and_volumes_and_every_user_of_it_gets_permission() -> None:
    recording = program(kmsKeyArn=KEY)
    encryption = recording.one("BucketServerSideEncryptionConfiguration").inputs["rules"][0]
    assert encryption["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY}
    assert encryption["bucketKeyEnabled"] is True
    assert recording.one("cloudwatch/logGroup:LogGroup", "biobatch").inputs["kmsKeyId"] == KEY
    template = recording.one("ec2/launchTemplate:LaunchTemplate").inputs
    assert template["blockDeviceMappings"][0]["ebs"]["kmsKeyId"] == KEY
    jobs, submitters = [s for s in policies(recording) if s["Resource"] == KEY]
    assert jobs == submitters
    assert jobs["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert jobs["Condition"] == {"StringEquals": {"kms:ViaService": "s3.eu-west-9.amazonaws.com"}}
    grant = recording.one("kms/grant:Grant").inputs
    assert grant["keyId"] == KEY
    assert grant["granteePrincipal"].endswith(
        ":role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    )
    # EC2 Auto Scaling's User Guide requires these operations ("Required AWS KMS key policy for use with encrypted volumes": Encrypt, Decrypt,
    # ReEncrypt*, GenerateDataKey*, DescribeKey, CreateGrant). The names are those in the `create-grant` command of the same page.
    assert set(grant["operations"]) == {
        "CreateGrant",
        "Decrypt",
        "DescribeKey",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext",
        "ReEncryptFrom",
        "ReEncryptTo",
    }
    profile = recording.one("iam/instanceProfile:InstanceProfile")
    assert "aws:kms/grant:Grant::biobatch-volumes" in profile.dependencies


def test_without_a_kms_key_aws_managed_keys_encrypt() -> None:
    recording = program()
    assert "kmsKeyId" not in json.dumps([r.inputs for r in recording.registrations])
    assert "kms:" not in json.dumps(policies(recording))


def test_the_role_policies_are_deleted_after_the_compute_environments() -> None:
    profile = program().one("iam/instanceProfile:InstanceProfile")
    assert [d for d in profile.dependencies if "rolePolicy:RolePolicy" in d and d.endswith("::biobatch-instance")]


@pytest.mark.parametrize("protect", [True, False])
def test_protect_data_keeps_the_bucket_and_its_settings_after_a_destroy(protect: bool) -> None:
    recording = program(protectData=str(protect).lower())
    storage = [r for r in recording.registrations if r.type.startswith("aws:s3/")]
    assert len(storage) == 7
    assert {r.retain_on_delete for r in storage} == {protect}
    assert recording.one("s3/bucket:Bucket").inputs.get("forceDestroy", False) is not protect
    # The image resources are always retained, because deleting one does nothing. ECR deletes the images with their repository.
    kept = {r.type for r in recording.registrations if r.retain_on_delete and not r.type.startswith("aws:s3/")}
    assert kept == {"docker:index/image:Image"}


def test_the_bucket_is_private_encrypted_and_versioned() -> None:
    recording = program()
    access = recording.one("s3/bucketPublicAccessBlock:BucketPublicAccessBlock").inputs
    assert [v for k, v in access.items() if k != "bucket"] == [True] * 4
    ownership = recording.one("s3/bucketOwnershipControls:BucketOwnershipControls").inputs
    assert ownership["rule"] == {"objectOwnership": "BucketOwnerEnforced"}, "or others' ACLs count"
    encryption = recording.one("BucketServerSideEncryptionConfiguration").inputs["rules"][0]
    assert encryption["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}
    versioning = recording.one("s3/bucketVersioning:BucketVersioning").inputs
    assert versioning["versioningConfiguration"]["status"] == "Enabled"


def test_bucket_settings_are_created_in_an_order_that_s3_accepts_and_deleted_with_the_bucket() -> None:
    recording = program()
    settings = [r for r in recording.registrations if r.type.startswith("aws:s3/") and r.type != "aws:s3/bucket:Bucket"]
    assert len(settings) == 6
    assert {r.deleted_with for r in settings} == {"aws:s3/bucket:Bucket::biobatch"}
    # Rules for noncurrent versions require versioning, and S3 refuses concurrent changes of the access settings (OperationAborted).
    lifecycle = recording.one("s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
    assert "aws:s3/bucketVersioning:BucketVersioning::biobatch" in lifecycle.dependencies
    policy = recording.one("s3/bucketPolicy:BucketPolicy")
    assert "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock::biobatch" in policy.dependencies


def test_the_registry_password_is_a_secret() -> None:
    images = program().all("docker:index/image:Image")
    assert images
    for image in images:
        assert rpc.is_rpc_secret(image.inputs["registry"])


def test_images_of_tools_use_the_base_image_by_digest() -> None:
    images = {r.name: r.inputs for r in program().all("docker:index/image:Image")}
    assert set(images) == {"biobatch-base", *(f"biobatch-{tool}" for tool in TOOLS)}
    for name, inputs in images.items():
        base = inputs["build"].get("args", {}).get("BASE", "")
        assert ("@sha256:" in base) is (name != "biobatch-base")
        below = {"biobatch-base": "", "biobatch-bwa": "biobatch-samtools"}.get(name, "biobatch-base")
        assert below in base
        assert inputs["build"]["platform"] == "linux/amd64"
        assert len(inputs["imageName"].rsplit(":", 1)[1]) == 16


def test_arm64_sets_the_families_and_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    recording = record_program({**BASE, "architecture": "arm64"})
    environment = recording.all("batch/computeEnvironment:ComputeEnvironment")[0]
    assert environment.inputs["computeResources"]["instanceTypes"] == ["default_arm64"]
    assert {r.inputs["build"]["platform"] for r in recording.all("docker:index/image:Image")} == {"linux/arm64"}


def test_an_architecture_without_an_emulator_is_refused_with_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("preflight.emulation.BINFMT", Path("/nonexistent"))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    with pytest.raises(pulumi.RunError, match="qemu-user-static"):
        record_program({**BASE, "architecture": "arm64"})


def test_awsx_resources_use_the_programs_aws_provider() -> None:
    assert program().one("biobatch:index:Network").transforms == ("own_provider",)


def test_a_docker_engine_that_cannot_build_is_refused_before_anything_is_created(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    cloud = Cloud()
    old = {"ServerVersion": "26.1.5", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}
    with (
        mock.patch.object(cloud, "new_resource", side_effect=AssertionError("something is made")),
        mock.patch.object(cloud, "call", side_effect=AssertionError("AWS is asked")),
        pytest.raises(pulumi.RunError, match=r"Docker 26\.1\.5 with the containerd image store"),
    ):
        record_program(BASE, cloud, old)


def test_tags_apply_to_instances_volumes_and_jobs() -> None:
    recording = program(tags='{"project": "phages"}')
    for environment in recording.all("batch/computeEnvironment:ComputeEnvironment"):
        assert environment.inputs["computeResources"]["tags"]["project"] == "phages"
    template = recording.one("ec2/launchTemplate:LaunchTemplate").inputs
    assert template["tagSpecifications"][0]["tags"]["project"] == "phages"
    untaggable = ("docker:", "biobatch:", "aws:iam/rolePolicy", "aws:s3/bucket", "aws:ecr/lifecyclePolicy", "aws:kms/")
    for r in recording.registrations:
        if not r.type.startswith(untaggable) or r.type == "aws:s3/bucket:Bucket":
            assert r.inputs["tags"]["project"] == "phages", r.type


@pytest.mark.parametrize("stack", ["dev", "local"])
def test_the_configurations_of_the_dev_and_local_stacks_are_valid(stack: str) -> None:
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    assert settings.parse(texts).protect_data is (texts.get("biobatch:protectData") != "false")
    # Users may change the other stack to settings that the local AWS does not support.
    if stack == "local":
        assert record_program(texts).one("s3/bucket:Bucket").inputs["forceDestroy"] is True


def test_an_invalid_setting_creates_nothing() -> None:
    class Nothing(Cloud):
        def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
            raise AssertionError(f"{args.typ} was made")

    with pytest.raises(settings.Refused, match=r"1 setting is invalid\. Nothing was created"):
        record_program({**BASE, "azCount": "7"}, Nothing())


def test_more_zones_than_the_region_has_are_refused_before_anything_is_created(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.unit.recording.ZONES", ["z-a", "z-b"])
    with pytest.raises(pulumi.RunError, match="is more than the 2 zones that this account can use"):
        record_program({**BASE, "azCount": "3"})
