"""The client refuses a job that fits no machine before it submits the job. The message contains the configuration that allows it."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from biobatch import capacity, sizes
from biobatch.aws import Aws
from biobatch.capacity import Capacity
from biobatch.job import Job
from biobatch.sizes import Size
from biobatch.stack_outputs import StackOutputs
from biobatch.uris import parse_folder

FOLDER = parse_folder("s3://data/out")
DEFINITIONS = {"samtools": Size(1, 1900), "bwa": Size(4, 7600)}
GIB = 2**30
STACK = StackOutputs(
    queue_arn="arn:main",
    on_demand_queue_arn="arn:od",
    job_definition_arns={},
    bucket="data",
    region="us-east-1",
    log_group="jobs",
    max_vcpus=256,
    scratch_gib=100,
    instance_types=["default_x86_64"],
)


def made(subject: str = "a", tool: str = "samtools", **changes: Any) -> Job:
    values: dict[str, Any] = {"subject": subject, "step": "job", "command": ("x",)}
    return Job(**(values | {"tool": tool, "output_prefix": FOLDER, "manifest": FOLDER / "m.json"} | changes))


Described = Callable[..., None]


@pytest.fixture
def described(clients: Aws, monkeypatch: pytest.MonkeyPatch) -> Described:
    """Replaces Batch's descriptions of the queue and its compute environments."""

    def describe(*resources: Mapping[str, Any], limits: Sequence[Mapping[str, Any]] = (), **more: Any) -> None:
        environments = [
            {"computeEnvironmentName": f"e{i}", "state": "ENABLED", "status": "VALID", "computeResources": each, **more}
            for i, each in enumerate(resources)
        ]
        queue = {
            "computeEnvironmentOrder": [
                {"computeEnvironment": each["computeEnvironmentName"]} for each in environments
            ],
            "jobStateTimeLimitActions": limits,
        }
        monkeypatch.setattr(clients.batch, "describe_job_queues", lambda jobQueues: {"jobQueues": [queue]})  # noqa: N803
        monkeypatch.setattr(
            clients.batch,
            "describe_compute_environments",
            lambda computeEnvironments: {"computeEnvironments": environments},  # noqa: N803
        )

    return describe


def denied(*_: object, **__: object) -> None:
    raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Describe")


def out_of_reach(*_: object, **__: object) -> None:
    raise ConnectTimeoutError(endpoint_url="https://ec2")


def faults(clients: Aws, held: Capacity, *jobs: Job) -> list[str]:
    return capacity.faults(held, jobs, DEFINITIONS, clients)


def test_the_answer_of_batch_about_the_queue_overrides_an_old_outputs_file(clients: Aws, described: Described) -> None:
    described(
        {"maxvCpus": 8, "instanceTypes": ["m6i.large"]}, {"maxvCpus": 512, "instanceTypes": ["c7i", "r6i.xlarge"]}
    )
    held = capacity.read(clients, STACK, "arn:main")
    assert held.max_vcpus == 512
    assert held.instance_types == ("m6i.large", "c7i", "r6i.xlarge")
    assert {"m6i.large", "r6i.xlarge", "c7i.48xlarge"} <= {each.name for each in held.machines}
    assert not {"m6i.xlarge", "r6i.large"} & {each.name for each in held.machines}


def test_without_permission_to_ask_batch_the_client_uses_the_limits_in_the_outputs(
    clients: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients.batch, "describe_job_queues", denied)
    held = capacity.read(clients, STACK, "arn:main")
    assert (held.max_vcpus, held.scratch_gib) == (256, 100)
    assert {each.name.split(".")[0] for each in held.machines} == {"m6i", "c6i", "r6i", "c7i"}
    other = capacity.read(clients, STACK, "arn:elsewhere")
    assert (other.max_vcpus, other.scratch_gib, other.machines) == (None, None, ())


def test_without_permissions_and_limits_the_client_refuses_no_job(
    clients: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients.batch, "describe_job_queues", denied)
    monkeypatch.setattr(clients.ec2, "get_paginator", denied)
    old = StackOutputs(**{**STACK.__dict__, "max_vcpus": None, "scratch_gib": None, "instance_types": ()})
    held = capacity.read(clients, old, "arn:main")
    assert faults(clients, held, made(vcpus=10_000, memory_mib=10**9, least_bytes=10**15)) == []


def test_other_aws_errors_are_raised(clients: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(**_: object) -> None:
        raise ClientError({"Error": {"Code": "ServerException", "Message": "down"}}, "DescribeJobQueues")

    monkeypatch.setattr(clients.batch, "describe_job_queues", down)
    with pytest.raises(ClientError, match="down"):
        capacity.read(clients, STACK, "arn:main")


def test_the_error_for_more_vcpus_than_max_vcpus_contains_the_command_that_raises_it(
    clients: Aws, described: Described
) -> None:
    described({"maxvCpus": 64, "instanceTypes": ["default_x86_64"]})
    held = capacity.read(clients, STACK, "arn:main")
    assert faults(clients, held, made(vcpus=64)) == []
    (fault,) = faults(clients, held, made(vcpus=65))
    assert "65 vCPUs and 1,900 MiB can never start. maxVcpus is 64." in fault
    assert fault.endswith("allow it: pulumi config set maxVcpus 65 && pulumi up")


def test_the_error_for_a_job_larger_than_every_machine_names_a_larger_type(clients: Aws, described: Described) -> None:
    described({"maxvCpus": 256, "instanceTypes": ["default_x86_64"]})
    held = capacity.read(clients, STACK, "arn:main")
    assert faults(clients, held, made(vcpus=192), made(vcpus=4, memory_mib=1_000_000)) == []
    # Some machine has the vCPUs and another has the memory, but no machine has both.
    (fault,) = faults(clients, held, made(vcpus=192, memory_mib=1_000_000))
    # The command keeps the default set. Otherwise, the new type would be the only one.
    (type_,) = re.findall(
        r"set --path 'instanceTypes\[0\]' default_x86_64 && pulumi config set --path 'instanceTypes\[1\]' (\S+) && pulumi up$",
        fault,
    )
    described({"maxvCpus": 256, "instanceTypes": ["default_x86_64", type_]})
    assert faults(clients, capacity.read(clients, STACK, "arn:main"), made(vcpus=192, memory_mib=1_000_000)) == []


def test_the_printed_configuration_admits_a_job_beyond_both_limits(clients: Aws, described: Described) -> None:
    described({"maxvCpus": 64, "instanceTypes": ["m6i.large", "c6i.large"]})
    job = made(vcpus=100, memory_mib=300_000)
    (fault,) = faults(clients, capacity.read(clients, STACK, "arn:main"), job)
    (most,) = re.findall(r"pulumi config set maxVcpus (\d+) &&", fault)
    (type_,) = re.findall(r"pulumi config set --path 'instanceTypes\[2\]' (\S+) && pulumi up$", fault)
    described({"maxvCpus": int(most), "instanceTypes": ["m6i.large", "c6i.large", type_]})
    assert faults(clients, capacity.read(clients, STACK, "arn:main"), job) == []


def test_the_error_for_an_arm_environment_names_an_arm_type(clients: Aws, described: Described) -> None:
    described({"maxvCpus": 256, "instanceTypes": ["c7g.large"]})
    (fault,) = faults(clients, capacity.read(clients, STACK, "arn:main"), made(vcpus=8))
    (type_,) = re.findall(r"'instanceTypes\[1\]' (\S+) ", fault)
    assert re.match(r"[cmr]\d+g", type_)


def test_the_error_contains_no_command_if_no_type_is_large_enough(clients: Aws, described: Described) -> None:
    described({"maxvCpus": 256, "instanceTypes": ["default_x86_64"]})
    (fault,) = faults(clients, capacity.read(clients, STACK, "arn:main"), made(vcpus=5000))
    assert "pulumi" not in fault
    assert fault.endswith(
        "No other x86_64 type that Spot offers in this region is. Ask for less (--vcpus, --memory-mib)"
    )


def test_jobs_of_one_size_share_one_error(clients: Aws, described: Described) -> None:
    described({"maxvCpus": 2, "instanceTypes": ["m6i"]})
    (fault,) = faults(
        clients, capacity.read(clients, STACK, "arn:main"), *(made(f"s{i}", "bwa") for i in range(5)), made("t")
    )
    assert fault.startswith("s0 job, s1 job, s2 job and 2 more: 4 vCPUs and 7,600 MiB can never start. maxVcpus is 2.")


def test_a_job_that_needs_all_of_a_machines_memory_is_refused_and_nearly_all_gives_a_warning(
    clients: Aws, described: Described
) -> None:
    described({"maxvCpus": 256, "instanceTypes": ["m6i.large"]})
    held = capacity.read(clients, STACK, "arn:main")

    def answers(memory: int) -> tuple[int, int]:
        jobs = [made(memory_mib=memory)]
        return len(faults(clients, held, *jobs)), len(capacity.warnings(held, jobs, DEFINITIONS))

    assert [answers(memory) for memory in (7500, 7600, 8159, 8160)] == [(0, 0), (0, 1), (0, 1), (1, 0)]


@pytest.mark.parametrize(
    ("types", "least", "likely", "refused", "doubted"),
    [
        (["m6i"], 80, 85, False, False),
        (["m6i"], 80, 95, False, True),
        (["m6i"], 101, 101, True, False),
        (["default_x86_64"], 101, 150, True, False),
        # An m6id.large has 110 GiB, and an m6id.32xlarge has 7,600 GB. The client cannot know which machine the job gets.
        (["m6i", "m6id"], 101, 150, False, True),
        (["m6id.large"], 200, 300, True, False),
    ],
)
def test_files_too_large_for_the_disk_are_refused_and_possibly_too_large_files_give_a_warning(
    types: list[str], least: int, likely: int, refused: bool, doubted: bool, clients: Aws, described: Described
) -> None:
    described({"maxvCpus": 256, "instanceTypes": types})
    held = capacity.read(clients, STACK, "arn:main")
    job = made(least_bytes=least * GIB, likely_bytes=likely * GIB)
    found, told = faults(clients, held, job), capacity.warnings(held, [job], DEFINITIONS)
    assert (bool(found), bool(told)) == (refused, doubted)
    for text in found + told:
        (enough,) = re.findall(r"pulumi config set scratchGiB (\d+) && pulumi up$", text)
        larger = capacity.read(clients, StackOutputs(**{**STACK.__dict__, "scratch_gib": int(enough)}), "arn:main")
        assert faults(clients, larger, job) == capacity.warnings(larger, [job], DEFINITIONS) == []


def test_without_an_answer_from_ec2_the_client_assumes_disks_for_families_but_not_for_default_sets(
    clients: Aws, described: Described, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients.ec2, "get_paginator", out_of_reach)
    job = made(least_bytes=101 * GIB, likely_bytes=101 * GIB)
    for types, refused in ((["m6id"], 0), (["default_x86_64"], 1)):
        described({"maxvCpus": 256, "instanceTypes": types})
        held = capacity.read(clients, STACK, "arn:main")
        assert len(faults(clients, held, job)) == refused
        assert len(capacity.warnings(held, [job], DEFINITIONS)) == 1 - refused


def test_an_old_machine_image_gives_one_note(clients: Aws, described: Described) -> None:
    old = {"maxvCpus": 1, "instanceTypes": ["m6i"], "ec2Configuration": [{"batchImageStatus": "UPDATE_AVAILABLE"}]}
    described(old, old)
    (note,) = capacity.read(clients, STACK, "arn:main").notes
    assert "newer machine image" in note
    assert "docs/how-to/monthly-upkeep.md" in note
    assert "pulumi config set amiId" in note
    described({**old, "ec2Configuration": [{"batchImageStatus": "LATEST"}]})
    assert capacity.read(clients, STACK, "arn:main").notes == ()


@pytest.mark.parametrize(("member", "value"), [("status", "INVALID"), ("state", "DISABLED")])
def test_the_note_about_an_unusable_environment_contains_its_reason(
    member: str, value: str, clients: Aws, described: Described
) -> None:
    described({"maxvCpus": 1, "instanceTypes": ["m6i"]}, **{member: value, "statusReason": "CLIENT_ERROR - no role"})
    (note,) = capacity.read(clients, STACK, "arn:main").notes
    assert note == f"the compute environment e0 is {value}, so no job starts there: CLIENT_ERROR - no role"


def test_the_client_reads_the_time_limits_of_the_queue(clients: Aws, described: Described) -> None:
    described(
        {"maxvCpus": 1, "instanceTypes": ["m6i"]},
        limits=[{"reason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", "maxTimeSeconds": 600}],
    )
    limits = capacity.read(clients, STACK, "arn:main").queue.limits
    assert limits == {"MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT": 600}


def test_aligning_needs_at_least_twice_the_size_of_gzipped_reads_and_probably_three_times() -> None:
    least, likely = sizes.align_scratch(0, {"a_R1.fq.gz": 10 * GIB, "a_R2.FASTQ.GZ": 20 * GIB})
    assert (least, likely) == (60 * GIB, 90 * GIB)
    least, likely = sizes.align_scratch(1000, {"a.fq": 10 * GIB})
    assert (least, likely) == (12 * GIB, 16 * GIB + 2750)


def test_a_fargate_environment_has_no_machine_types(clients: Aws, described: Described) -> None:
    described({"maxvCpus": 16, "type": "FARGATE"})
    held = capacity.read(clients, STACK, "arn:elsewhere")
    assert (held.max_vcpus, held.machines) == (16, ())
    assert faults(clients, held, made(memory_mib=10**9)) == []
