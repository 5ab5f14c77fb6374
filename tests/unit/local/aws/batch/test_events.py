"""Notices: Batch's events reach the inbox by the program's own rules, one for each thing that a person must know."""

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.events.models import EventPattern, events_backends
from moto.sns.models import sns_backends

from biobatch.commands import cancel as commands_cancel
from biobatch.page import job as page_job
from biobatch.run import parts
from biobatch.uris import S3Uri
from components.monitoring import CANCELLED, NOTICES
from local import inbox
from local.aws import sns
from local.aws.batch.tasks import Outcome
from tests.unit.local.aws.batch.world import ACCOUNT, REGION, World, requirements, until

RUN = "20261129-085828-4fef"
ADDRESS = "lab@example.org"
RETRY = {"attempts": 3, "evaluateOnExit": [{"onStatusReason": "Host EC2*", "action": "RETRY"}]}


def tagged(**tags: str) -> dict[str, Any]:
    return {"tags": {"run": RUN, **tags}}


@pytest.fixture
def notices(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The program's rules for the queue `main`, with a subscribed address. Returns the inbox."""
    monkeypatch.setattr(sns.Inbox, "path", tmp_path / "inbox.jsonl")
    sns.PATCHES.install(lambda owner, name, value: monkeypatch.setattr(owner, name, value, raising=False))
    topics, rules = sns_backends[ACCOUNT][REGION], events_backends[ACCOUNT][REGION]
    topic = topics.create_topic("biobatch")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic.arn,
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/biobatch-*"}},
    }
    topics.set_topic_attribute(topic.arn, "policy", json.dumps({"Statement": [statement]}))
    topics.subscribe(topic.arn, ADDRESS, "email")
    [queue] = world.call("DescribeJobQueues", jobQueues=["main"])["jobQueues"]
    for name, notice in NOTICES.items():
        rules.put_rule(f"biobatch-{name}", event_pattern=notice.pattern([queue["jobQueueArn"]]))
        transformer = {"InputPathsMap": dict(notice.values), "InputTemplate": notice.template}
        target = {"Id": "topic", "Arn": topic.arn, "InputTransformer": transformer}
        rules.put_targets(f"biobatch-{name}", None, [target])
    yield tmp_path / "inbox.jsonl"
    topics.reset()
    rules.reset()


def told(path: Path) -> list[str]:
    """The first line of each notice."""
    return [json.loads(mail.text.splitlines()[0]) for mail in [*inbox.mails(path)][1:]]


def text(path: Path) -> list[str]:
    """The lines of the last notice."""
    return [json.loads(line) for line in [*inbox.mails(path)][-1].text.splitlines()]


def test_the_address_is_asked_to_confirm(notices: Path) -> None:
    [mail] = inbox.mails(notices)
    assert (mail.recipient, mail.subject) == (ADDRESS, "AWS Notification - Subscription Confirmation")


def test_a_failed_job_sends_one_notice_that_says_what_to_do(world: World, notices: Path) -> None:
    world.machine.outcome = lambda _: Outcome(
        exit_code=65, reason="OutOfMemoryError", status_reason="Essential container in task exited"
    )
    id_ = world.submit(jobName=f"{RUN}-ada-align", **tagged(sample="ada", step="align"))
    world.ended(id_)
    [mail] = [*inbox.mails(notices)][1:]
    assert (mail.recipient, mail.subject) == (ADDRESS, "AWS Notification Message")
    lines = text(notices)
    assert lines[0] == f"Biobatch: the job {RUN}-ada-align failed."
    assert {
        f"Run: {RUN}",
        "Sample: ada",
        "Step: align",
        "Reason: Essential container in task exited",
        "Container: OutOfMemoryError",
        "Exit code: 65",
        f"Find the cause: biobatch doctor {id_}",
        f"Read the log: biobatch logs {id_}",
    } <= set(lines)
    assert "<" not in mail.text


def test_a_job_without_tags_and_container_sends_a_notice_with_its_name(world: World, notices: Path) -> None:
    world.machine.outcome = lambda _: Outcome(reason="CannotPullContainerError", status_reason="Task failed to start")
    world.ended(world.submit(jobName="mine"))
    assert told(notices) == ["Biobatch: the job mine failed."]
    assert {"Run: ", "Sample: ", "Exit code: "} <= set(text(notices))


def test_a_succeeding_job_sends_none(world: World, notices: Path) -> None:
    world.ended(world.submit(jobName=f"{RUN}-ada-align"))
    world.ended(world.submit(jobName="my-report"))
    assert told(notices) == []


def test_an_attempt_that_batch_retries_sends_none(world: World, notices: Path) -> None:
    world.machine.outcome = lambda task: (
        Outcome(exit_code=137, status_reason="Host EC2 (instance i-1) terminated.")
        if task.number < 3
        else Outcome(exit_code=0)
    )
    job = world.ended(world.submit(retryStrategy=RETRY))
    assert (job["status"], len(job["attempts"])) == ("SUCCEEDED", 3)
    assert told(notices) == []


def test_the_last_failed_attempt_sends_one(world: World, notices: Path) -> None:
    world.machine.outcome = lambda _: Outcome(exit_code=137, status_reason="Host EC2 (instance i-1) terminated.")
    world.ended(world.submit(jobName="reclaimed", retryStrategy=RETRY))
    assert told(notices) == ["Biobatch: the job reclaimed failed."]


def test_dependents_of_a_failed_job_send_none(world: World, notices: Path) -> None:
    world.machine.outcome = lambda _: Outcome(exit_code=1)
    first = world.submit(jobName="first")
    second = world.submit(jobName="second", dependsOn=[{"jobId": first}])
    third = world.submit(jobName="third", dependsOn=[{"jobId": second}])
    assert world.ended(third)["status"] == "FAILED"
    assert told(notices) == ["Biobatch: the job first failed."]


def test_a_job_that_its_user_cancels_sends_none(world: World, notices: Path) -> None:
    world.machine.outcome = lambda _: None
    ids = [world.submit(jobName=name) for name in ("running", "waiting", "too")]
    world.reaches(ids[0], "RUNNING")
    for id_ in ids:
        world.call("TerminateJob", jobId=id_, reason=CANCELLED)
    assert {world.ended(id_)["status"] for id_ in ids} == {"FAILED"}
    assert told(notices) == []
    [cancel] = [*re.findall(r'context\.clients, found, "(.*?)"', inspect.getsource(commands_cancel))]
    assert cancel == CANCELLED


def test_an_array_with_many_failed_children_sends_one(world: World, notices: Path) -> None:
    world.machine.outcome = lambda task: Outcome(exit_code=int(task.job.index % 5 != 0))  # type: ignore[operator]
    id_ = world.submit(jobName=f"{RUN}-align-1", arrayProperties={"size": 50}, **tagged(step="align"))
    world.ended(id_)
    assert told(notices) == [f"Biobatch: the array job {RUN}-align-1 ended. 40 of its 50 jobs failed."]
    assert f"Find the cause: biobatch doctor {id_}" in text(notices)


def test_a_blocked_queue_sends_one(world: World, notices: Path) -> None:
    id_ = world.submit(jobName="huge", containerOverrides=requirements(1, 10_000_000), **tagged(sample="ada"))
    until(lambda: told(notices), "a notice")
    world.pass_time(60)
    assert told(notices) == ["Biobatch: the job huge cannot start. The jobs behind it in the queue wait too."]
    lines = text(notices)
    assert any(line.startswith("Reason: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT") for line in lines)
    assert f"Find the cause: biobatch doctor {id_}" in lines


@pytest.mark.parametrize("attempt", [1, 2])
def test_the_name_of_the_last_job_of_a_run_is_known_to_the_rules(attempt: int) -> None:
    output = S3Uri("genomes", "results/")
    last = page_job.make(run=RUN, bucket="genomes", region=REGION, output_prefix=output, after=())
    [part] = [each.part for each in parts.group(RUN, [last], {}, attempt)]
    event = {"source": "aws.batch", "detail-type": "Batch Job State Change"}
    detail = {"jobQueue": "q", "jobName": part.name, "status": "SUCCEEDED"}
    pattern = EventPattern.load(NOTICES["run-succeeded"].pattern(["q"]))
    assert pattern.matches_event({**event, "detail": detail})  # type: ignore[typeddict-item]
    assert not pattern.matches_event({**event, "detail": {**detail, "jobName": f"{RUN}-ada-call"}})  # type: ignore[typeddict-item]


def test_the_report_of_a_run_sends_the_end_of_the_run(world: World, notices: Path) -> None:
    world.ended(world.submit(jobName=f"{RUN}-page-report", **tagged(step="report")))
    assert told(notices) == [f"Biobatch: the run {RUN} succeeded."]
    assert f"Copy the results to this folder: biobatch fetch {RUN}" in text(notices)


def test_a_run_with_a_failed_job_sends_its_failure_and_that_the_run_is_incomplete(world: World, notices: Path) -> None:
    world.machine.outcome = lambda _: Outcome(exit_code=1)
    align = world.submit(jobName=f"{RUN}-align-1", arrayProperties={"size": 2}, **tagged(step="align"))
    report = world.submit(jobName=f"{RUN}-page-report", dependsOn=[{"jobId": align}], **tagged(step="report"))
    world.ended(report)
    assert told(notices) == [
        f"Biobatch: the array job {RUN}-align-1 ended. 2 of its 2 jobs failed.",
        f"Biobatch: the run {RUN} has failed jobs, so Batch did not start its last job, the report.",
    ]
    assert f"Run again what failed, after you corrected it: biobatch resume {RUN}" in text(notices)


def test_a_report_that_fails_by_itself_is_a_failed_job(world: World, notices: Path) -> None:
    world.machine.outcome = lambda _: Outcome(exit_code=1)
    world.ended(world.submit(jobName=f"{RUN}-page-report"))
    assert told(notices) == [f"Biobatch: the job {RUN}-page-report failed."]


def test_other_queues_and_disabled_rules_send_none(world: World, notices: Path) -> None:
    order = [{"order": 1, "computeEnvironment": "machines"}]
    world.call("CreateJobQueue", jobQueueName="theirs", priority=1, computeEnvironmentOrder=order)
    world.machine.outcome = lambda _: Outcome(exit_code=1)
    world.ended(world.submit(jobQueue="theirs"))
    events_backends[ACCOUNT][REGION].disable_rule("biobatch-job-failed", None)
    world.ended(world.submit())
    assert told(notices) == []


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("policy", '{"Statement": []}'),
        ("policy", None),
        ("kms_master_key_id", "alias/aws/sns"),
    ],
)
def test_a_topic_that_eventbridge_cannot_use_gets_none(
    world: World, notices: Path, attribute: str, value: str | None
) -> None:
    [topic] = sns_backends[ACCOUNT][REGION].topics.values()
    if value is None:  # a policy for the rules of another stack
        value = topic.policy.replace("rule/biobatch-*", "rule/other-*")
        assert value != topic.policy
    setattr(topic, attribute, value)
    world.machine.outcome = lambda _: Outcome(exit_code=1)
    world.ended(world.submit())
    assert told(notices) == []
