"""What jobs print."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from jobs.aws import Aws
from jobs.refusal import Refused

if TYPE_CHECKING:
    from mypy_boto3_batch.type_defs import JobDetailTypeDef
    from mypy_boto3_logs.type_defs import GetLogEventsRequestTypeDef

#: The images' entrypoint ends the log of every job that ends by itself with its record: as a line of its own, unless the tool's last one
#: has no end.
_RECORD = "job: {"

#: Seconds that the last lines of a job may take to reach the log.
_LOG_DELAY = 5

_POLL_SECONDS = 2


def streams(detail: JobDetailTypeDef) -> list[str]:
    """Log streams of a job, one for each attempt that has begun, the last one last."""
    names = [attempt.get("container", {}).get("logStreamName", "") for attempt in detail.get("attempts", [])]
    names.append(detail.get("container", {}).get("logStreamName", ""))
    return [name for name in dict.fromkeys(names) if name]


def tail(aws: Aws, log_group: str, stream: str, lines: int = 20) -> list[str]:
    """The last lines of a log, less the entrypoint's record; waits a little for them, since they come late."""
    for _ in range(_LOG_DELAY):
        try:
            events = _read(aws, log_group, stream, lines + 1)
        except ClientError as error:
            return [f"(its log cannot be read: {error})"]
        if any(_RECORD in line for line in events):
            break
        time.sleep(1)
    return [line.partition(_RECORD)[0] for line in events if not line.startswith(_RECORD)][-lines:]


def _read(aws: Aws, log_group: str, stream: str, lines: int) -> list[str]:
    try:
        answer = aws.logs.get_log_events(logGroupName=log_group, logStreamName=stream, limit=lines, startFromHead=False)
    except aws.logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"] for event in answer["events"]]


def whole(aws: Aws, log_group: str, job_id: str, follow: bool = False) -> Iterator[str]:
    """All lines of a job, of every attempt.

    Args:
        aws: the clients.
        log_group: the stack's log group.
        job_id: the job.
        follow: True goes on until the job has ended.

    Raises:
        Refused: if there is no such job.
    """
    tokens: dict[str, str | None] = {}
    recorded: set[str] = set()
    late = 0
    while True:
        detail = _describe(aws, job_id)
        names = streams(detail)
        for number, name in enumerate(names, start=1):
            if name not in tokens and len(names) > 1:
                yield f"--- attempt {number}"
            more = True
            while more:
                before = tokens.get(name)
                lines, tokens[name] = _page(aws, log_group, name, before)
                more = tokens[name] != before
                if any(_RECORD in line for line in lines):
                    recorded.add(name)
                yield from lines
        if detail["status"] in ("SUCCEEDED", "FAILED"):
            # The last lines come late; a job that was killed has no record.
            if not names or names[-1] in recorded or late >= _LOG_DELAY:
                break
            late += _POLL_SECONDS
        elif not follow:
            break
        time.sleep(_POLL_SECONDS)
    if not names:
        yield f"--- no log: the job is {detail['status']}; {detail.get('statusReason') or 'it has not begun'}"


def _describe(aws: Aws, job_id: str) -> JobDetailTypeDef:
    described = aws.batch.describe_jobs(jobs=[job_id])["jobs"]
    if not described:
        raise Refused(
            f"{job_id}: Batch knows no such job (it forgets a job some days after its end). "
            "List the queue's: aws batch list-jobs --job-queue QUEUE --job-status SUCCEEDED"
        )
    return described[0]


def _page(aws: Aws, log_group: str, stream: str, token: str | None) -> tuple[list[str], str | None]:
    """The lines behind a token, and the token of what comes next: the same one at the end."""
    request: GetLogEventsRequestTypeDef = {"logGroupName": log_group, "logStreamName": stream, "startFromHead": True}
    if token:
        request["nextToken"] = token
    try:
        answer = aws.logs.get_log_events(**request)
    except aws.logs.exceptions.ResourceNotFoundException:
        # The stream begins with its first line.
        return [], token
    return [event["message"] for event in answer["events"]], answer["nextForwardToken"]
