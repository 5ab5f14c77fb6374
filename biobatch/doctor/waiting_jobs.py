"""Why jobs wait: the reason that Batch gives, the job at the head of the queue, and the jobs that they depend on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from biobatch.doctor.finding import Finding, LeftOut, Unanswered
from biobatch.doctor.view import View, short
from biobatch.waiting import Queue, advice
from biobatch.words import few

#: Reasons behind which the other checks find more.
_VAGUE = ("ACTION_REQUIRED", "UNDETERMINED", "MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS")

#: Waiting jobs of a queue that are described.
_MOST = 100


def is_vague(reason: str) -> bool:
    """Whether a reason only says that something is wrong."""
    return not reason or reason.startswith(_VAGUE)


def by_reason(view: View, reason: str, titles: list[str]) -> Finding:
    """The finding for jobs that wait for a reason."""
    limits = {
        each["reason"]: each["maxTimeSeconds"]
        for queue in view.queues
        for each in queue.get("jobStateTimeLimitActions", [])
    }
    text = advice(reason, Queue(region=view.region, limits=limits))
    return Finding(
        cause=f"{few(titles)}: {reason.rstrip('.')}",
        evidence=(f"DescribeJobs: status RUNNABLE, statusReason {reason}",),
        remedy=text or "Look at the other findings",
    )


def check_waiting(view: View) -> Iterator[Finding | LeftOut]:
    """Jobs in RUNNABLE, by the reason that Batch gives. Batch gives one to the jobs at the head of a queue."""
    reasons: dict[str, list[str]] = {}
    for queue in view.queues:
        arn = queue["jobQueueArn"]
        listed = view.ask("batch", "list_jobs", jobQueue=arn, jobStatus="RUNNABLE", maxResults=_MOST)
        ids = [each["jobId"] for each in listed["jobSummaryList"]]
        try:
            ids = [*_front(view, arn), *ids] if ids else []
        except Unanswered as unanswered:
            yield LeftOut("the head of the queue", unanswered.action, unanswered.why)
        ids = list(dict.fromkeys(ids))[:_MOST]
        for each in view.items("batch", "describe_jobs", "jobs", jobs=ids) if ids else []:
            if each["status"] == "RUNNABLE" and (reason := each.get("statusReason", "")):
                reasons.setdefault(reason, []).append(each["jobName"])
    for reason, titles in reasons.items():
        yield by_reason(view, reason, titles)


def _front(view: View, queue: str) -> list[str]:
    """IDs of the jobs at the head of a queue, in their order."""
    answer = view.ask("batch", "get_job_queue_snapshot", jobQueue=queue)
    return [short(each["jobArn"]) for each in answer.get("frontOfQueue", {}).get("jobs", [])]


def check_head(view: View, detail: Any) -> Iterator[Finding]:
    """The job at the head of the queue, if it is another one."""
    ids = _front(view, detail["jobQueue"])
    if not ids or ids[0] == detail["jobId"]:
        return
    place = f"at place {ids.index(detail['jobId']) + 1}" if detail["jobId"] in ids else f"behind the first {len(ids)}"
    described = view.items("batch", "describe_jobs", "jobs", jobs=[ids[0]])
    head: dict[str, Any] = next(iter(described), {})
    name, reason = head.get("jobName", ids[0]), head.get("statusReason", "")
    evidence = (f"GetJobQueueSnapshot, {short(detail['jobQueue'])}: {name} ({ids[0]}) is at the head",)
    if reason:
        text = advice(reason, Queue(region=view.region))
        yield Finding(
            cause=f"{name} is at the head of the queue and blocks it: {reason.rstrip('.')}",
            evidence=(*evidence, f"DescribeJobs, {ids[0]}: statusReason {reason}"),
            remedy=f"{text} To end it: aws batch terminate-job --region {view.region} --job-id {ids[0]} --reason unwanted".strip(),
        )
    else:
        yield Finding(
            cause=f"{detail['jobName']} waits {place} of its queue. {name} is at the head",
            evidence=evidence,
            remedy="Wait, or raise the limit so that more jobs run at once: pulumi config set maxVcpus N && pulumi up",
            warning=True,
        )


def check_dependencies(view: View, detail: Any) -> Iterator[Finding]:
    """The jobs that a job waits for, before it may have a machine."""
    ids = [each["jobId"] for each in detail.get("dependsOn", []) if each.get("jobId")]
    others = view.items("batch", "describe_jobs", "jobs", jobs=ids[:_MOST]) if ids else []
    live = [each for each in others if each["status"] not in ("SUCCEEDED", "FAILED")]
    for each in live:
        yield Finding(
            cause=f"{detail['jobName']} waits for {each['jobName']}, which is {each['status']}",
            evidence=(
                f"DescribeJobs, {each['jobId']}: status {each['status']}, statusReason {each.get('statusReason') or '(none)'}",
            ),
            remedy=f"Nothing is wrong with this job itself. Look at the other one: biobatch doctor {each['jobId']}",
            warning=True,
        )
