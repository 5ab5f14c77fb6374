"""What an engine with the program's policies can do, shown by true calls to the local AWS."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.iam.conftest import ACCOUNT, REGION, Policies
from tests.iam.local import DEFINITION, LOG_GROUP, QUEUE, SUFFIX, Platform, container, here, is_refused, platform
from tests.iam.matrix import ENGINES


@pytest.fixture(scope="session", params=["aws"])
def partition(request: pytest.FixtureRequest) -> str:
    """The partition of the local AWS."""
    return str(request.param)


Registers = Callable[..., str]

IMAGE = "quay.io/biocontainers/bwa:0.7.18"
JOB_ROLE, EXECUTION_ROLE, INSTANCE_ROLE = (
    here(f"arn:aws:iam::{ACCOUNT}:role/biobatch-{kind}-{SUFFIX}") for kind in ("job", "execution", "instance")
)


@pytest.fixture(scope="module")
def stack() -> Iterator[Platform]:
    """A local AWS for this module."""
    with platform() as started:
        yield started


@pytest.fixture(scope="module")
def keys(stack: Platform, engines: Policies) -> dict[str, str]:
    """The keys of a user with the submit policy and the engine policy."""
    return stack.keys(engines.of("engine"))


@pytest.fixture(scope="module")
def engine(stack: Platform, keys: dict[str, str]) -> Any:
    """Batch for an engine with the submit policy and the engine policy."""
    return stack.client("batch", **keys)


@pytest.fixture(scope="module")
def submitter(stack: Platform, engines: Policies) -> Any:
    """Batch for a user with the submit policy alone."""
    return stack.client("batch", **stack.keys(engines.of("submit")))


def register(batch: Any, name: str = "nf-quay-io-biocontainers-bwa", **changes: Any) -> str:
    """Registers a definition as Nextflow does with `containerOptions = '--user 10001:10001'`, with other values for some of its members. None
    leaves a member out."""
    members: dict[str, Any] = {
        "image": IMAGE,
        "user": "10001:10001",
        "jobRoleArn": JOB_ROLE,
        "executionRoleArn": EXECUTION_ROLE,
        "volumes": [{"name": "aws-cli", "host": {"sourcePath": "/opt/biobatch"}}],
        "mountPoints": [{"sourceVolume": "aws-cli", "containerPath": "/opt/biobatch", "readOnly": True}],
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": LOG_GROUP, "awslogs-region": REGION}},
        **changes,
    }
    kept = {key: value for key, value in members.items() if value is not None}
    tags = {"nextflow.io/version": "25.10.0", "nextflow.io/createdAt": "2026-11-29T12:00:00Z"}
    made = batch.register_job_definition(
        jobDefinitionName=name,
        type="container",
        parameters={"nf-token": "d8b7"},
        containerProperties=container(**kept),
        tags=tags,
    )
    return str(made["jobDefinitionArn"])


def refusal(call: Callable[[], Any]) -> str:
    """The words with which AWS refuses a call."""
    with pytest.raises(ClientError) as caught:
        call()
    assert is_refused(caught.value), caught.value
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    return str(caught.value.response["Error"]["Message"])


def test_an_engine_registers_submits_ends_and_deregisters_a_definition_that_does_not_run_as_root(engine: Any) -> None:
    definition = register(engine)
    described = engine.describe_job_definitions(jobDefinitionName="nf-quay-io-biocontainers-bwa", status="ACTIVE")
    assert definition in [each["jobDefinitionArn"] for each in described["jobDefinitions"]]
    overrides = {"command": ["bash", "-c", "true"], "resourceRequirements": [{"type": "MEMORY", "value": "2048"}]}
    job = engine.submit_job(
        jobName="nf-task",
        jobQueue=QUEUE,
        jobDefinition=definition,
        containerOverrides=overrides,
        tags={"pipeline": "rnaseq"},
        propagateTags=True,
    )["jobId"]
    assert engine.describe_jobs(jobs=[job])["jobs"][0]["container"]["user"] == "10001:10001"
    engine.list_jobs(jobQueue=QUEUE)
    engine.get_job_queue_snapshot(jobQueue=QUEUE)
    engine.terminate_job(jobId=job, reason="the run was ended")
    assert engine.terminate_jobs(jobs=[job], reason="the run was ended")["successful"] == [job]
    engine.tag_resource(resourceArn=definition, tags={"team": "a"})
    engine.deregister_job_definition(jobDefinition=definition)
    # The stack's own definitions are for submission only.
    engine.submit_job(jobName="own", jobQueue=QUEUE, jobDefinition=DEFINITION, tags={"pipeline": "rnaseq"})
    assert "batch:DeregisterJobDefinition" in refusal(
        lambda: engine.deregister_job_definition(jobDefinition=f"{DEFINITION}:1")
    )


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"user": None}, id="root, by default"),
        pytest.param({"user": "root"}, id="root"),
        pytest.param({"user": "0:0"}, id="root, by number"),
        pytest.param({"user": "10001:992"}, id="docker's group"),
        pytest.param({"privileged": True}, id="privileged"),
        pytest.param({"image": "docker.io/evil"}, id="a foreign image"),
        pytest.param({"image": "quay.io/biocontainers-evil/bwa"}, id="an image with a similar name"),
        pytest.param({"name": DEFINITION}, id="the name of a definition of the stack"),
        pytest.param({"name": "snakejob-def-bwa"}, id="a foreign name"),
        pytest.param({"logConfiguration": None}, id="the default log group"),
        pytest.param(
            {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "other"}}},
            id="a foreign log group",
        ),
        pytest.param({"logConfiguration": {"logDriver": "json-file"}}, id="a foreign log driver"),
    ],
)
def test_a_definition_with_more_rights_is_refused(engine: Any, changes: dict[str, Any]) -> None:
    name = changes.get("name", "nf-quay-io-biocontainers-bwa")
    words = refusal(lambda: register(engine, **changes))
    arn = here(f"arn:aws:batch:{REGION}:{ACCOUNT}:job-definition/{name}")
    assert words.startswith(here(f"User: arn:aws:sts::{ACCOUNT}:assumed-role/caller-"))
    assert f"/session is not authorized to perform: batch:RegisterJobDefinition on resource: {arn} because" in words
    assert words.endswith("because no identity-based policy allows the batch:RegisterJobDefinition action")


def test_images_of_the_accounts_registry_and_privileges_that_are_ruled_out_are_allowed(engine: Any) -> None:
    register(engine, image=here(f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/lab/bwa:1"), privileged=False)


def _container(context: Mapping[str, str]) -> dict[str, Any]:
    """The container of a registration that has this context."""
    options = {"awslogs-group": context["batch:AWSLogsGroup"]} if "batch:AWSLogsGroup" in context else {}
    driver = {"logDriver": context["batch:LogDriver"]} if "batch:LogDriver" in context else {}
    members = {
        "image": context.get("batch:Image"),
        "user": context.get("batch:User"),
        "privileged": {"true": True, "false": False}.get(context.get("batch:Privileged", "")),
        "logConfiguration": {**driver, "options": options} if driver else None,
    }
    moved: dict[str, Any] = json.loads(here(json.dumps(members)))
    return moved


def test_the_matrixs_registrations_and_passed_roles_hold_for_true_calls(stack: Platform, engines: Policies) -> None:
    service = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    rows = [row for row in ENGINES if row[1] == "batch:RegisterJobDefinition" or dict(row[3]) == service]
    # The client checks that a request has a log driver, so a true call cannot leave it out.
    rows = [
        row for row in rows if row[3] == service or "batch:LogDriver" in row[3] or not row[3].get("batch:AWSLogsGroup")
    ]
    clients = {who: stack.client("batch", **stack.keys(engines.of(who))) for who in {row[0] for row in rows}}
    wrong = []
    for row in rows:
        who, action, resource, context, allowed = row
        passes = action == "iam:PassRole"
        changes = {"jobRoleArn": here(resource)} if passes else _container(context)
        name = {} if passes else {"name": resource.rpartition("/")[2]}
        try:
            register(clients[who], **name, **changes)
            done = True
        except ClientError as error:
            if not is_refused(error):
                raise
            done = False
        if done is not allowed:
            wrong.append(row)
    assert wrong == []
    assert len(rows) > 50


@pytest.mark.parametrize("member", ["jobRoleArn", "executionRoleArn"])
def test_a_foreign_role_cannot_be_passed(engine: Any, member: str) -> None:
    words = refusal(lambda: register(engine, **{member: INSTANCE_ROLE}))
    assert f"is not authorized to perform: iam:PassRole on resource: {INSTANCE_ROLE}" in words


def test_foreign_queues_and_definitions_cannot_be_used(engine: Any) -> None:
    foreign = here(f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/other")
    job = {"jobName": "task", "jobQueue": QUEUE, "jobDefinition": DEFINITION}
    assert f"batch:SubmitJob on resource: {foreign}" in refusal(
        lambda: engine.submit_job(**{**job, "jobQueue": "other"})
    )
    assert "job-definition/other" in refusal(lambda: engine.submit_job(**{**job, "jobDefinition": "other"}))
    assert "job-definition/other:1" in refusal(lambda: engine.submit_job(**{**job, "jobDefinition": "other:1"}))
    assert "batch:TagResource" in refusal(lambda: engine.tag_resource(resourceArn=foreign, tags={"a": "b"}))
    assert "batch:UpdateJobQueue" in refusal(lambda: engine.update_job_queue(jobQueue=QUEUE, state="DISABLED"))


def test_an_engine_reads_the_logs_of_the_stacks_jobs_only(stack: Platform, keys: dict[str, str]) -> None:
    logs = stack.client("logs", **keys)
    stream = "nf/default/1"
    assert logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=stream)["events"] == []
    for operation, request in {
        "get_log_events": {"logGroupName": "other", "logStreamName": stream},
        "filter_log_events": {"logGroupName": LOG_GROUP},
        "describe_log_streams": {"logGroupName": LOG_GROUP},
        "delete_log_group": {"logGroupName": LOG_GROUP},
    }.items():
        with pytest.raises(ClientError, match=r"AccessDeniedException.*is not authorized to perform: logs:"):
            getattr(logs, operation)(**request)


def test_the_submit_policy_alone_allows_none_of_it(submitter: Any, engine: Any) -> None:
    definition = register(engine)
    assert "batch:RegisterJobDefinition" in refusal(lambda: register(submitter))
    for name in (definition, "nf-quay-io-biocontainers-bwa"):
        assert "batch:SubmitJob" in refusal(
            lambda name=name: submitter.submit_job(jobName="a", jobQueue=QUEUE, jobDefinition=name)  # type: ignore[misc]
        )
    assert "batch:TagResource" in refusal(lambda: submitter.tag_resource(resourceArn=definition, tags={"a": "b"}))
    assert "batch:DeregisterJobDefinition" in refusal(
        lambda: submitter.deregister_job_definition(jobDefinition=definition)
    )
    submitter.submit_job(jobName="own", jobQueue=QUEUE, jobDefinition=DEFINITION, tags={"a": "b"})


def test_the_head_of_an_engine_may_do_what_an_engine_may(stack: Platform, engines: Policies) -> None:
    head = stack.client("batch", **stack.keys(engines.of("head")))
    definition = register(head)
    head.submit_job(jobName="nf-task", jobQueue=QUEUE, jobDefinition=definition, tags={"pipeline": "rnaseq"})
    assert "batch:RegisterJobDefinition" in refusal(lambda: register(head, user="root"))


def test_tags_of_new_jobs_and_definitions_need_the_permission_to_tag(stack: Platform) -> None:
    actions = ["batch:SubmitJob", "batch:RegisterJobDefinition", "iam:PassRole"]
    allowed = [{"Effect": "Allow", "Action": actions, "Resource": "*"}]
    job = {"jobName": "task", "jobQueue": QUEUE, "jobDefinition": DEFINITION}

    def batch(*statements: dict[str, Any]) -> Any:
        document = {"Version": "2012-10-17", "Statement": [*allowed, *statements]}
        return stack.client("batch", **stack.keys([document]))

    plain = batch()
    plain.submit_job(**job)
    assert "batch:TagResource on resource: arn:aws:batch:" in refusal(lambda: plain.submit_job(**job, tags={"a": "b"}))
    assert "batch:TagResource on resource: arn:aws:batch:" in refusal(lambda: register(plain))
    one_tag = {"ForAllValues:StringEquals": {"aws:TagKeys": "team"}, "StringLike": {"aws:RequestTag/team": "lab-*"}}
    tags = batch({"Effect": "Allow", "Action": "batch:TagResource", "Resource": "*", "Condition": one_tag})
    tags.submit_job(**job, tags={"team": "lab-a"})
    others: Sequence[dict[str, str]] = ({"team": "other"}, {"team": "lab-a", "run": "1"}, {"run": "1"})
    for each in others:
        refusal(partial(tags.submit_job, **job, tags=each))


def test_jobs_can_be_ended_by_their_tags(stack: Platform, engine: Any) -> None:
    own = {"StringEquals": {"aws:ResourceTag/pipeline": "rnaseq"}}
    statement = {"Effect": "Allow", "Action": "batch:TerminateJob", "Resource": "*", "Condition": own}
    batch = stack.client("batch", **stack.keys([{"Version": "2012-10-17", "Statement": [statement]}]))
    mine, other = (
        engine.submit_job(jobName="task", jobQueue=QUEUE, jobDefinition=DEFINITION, tags={"pipeline": pipeline})[
            "jobId"
        ]
        for pipeline in ("rnaseq", "sarek")
    )
    batch.terminate_job(jobId=mine, reason="test")
    refusal(lambda: batch.terminate_job(jobId=other, reason="test"))
    # "This operation requires `batch:TerminateJob` permission for each job" (API TerminateJobs).
    words = refusal(lambda: batch.terminate_jobs(jobs=[mine, other], reason="test"))
    assert f"batch:TerminateJob on resource: {here(f'arn:aws:batch:{REGION}:{ACCOUNT}:job/{other}')}" in words
