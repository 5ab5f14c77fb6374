"""The logs of jobs, in CloudWatch Logs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from biobatch.aws import Aws
from biobatch.refusal import Refused
from biobatch.words import duration, volume

if TYPE_CHECKING:
    from mypy_boto3_batch.type_defs import JobDetailTypeDef, JobSummaryTypeDef
    from mypy_boto3_logs.type_defs import GetLogEventsRequestTypeDef

#: Beginning of the record with which the images' entrypoint ends the log of every job that it sees end. The record is on a separate
#: line, unless the tool's last line has no line end.
_RECORD = "job: {"

#: The reason that Batch gives for every job whose command ended, with success or without.
_ENDED = "Essential container in task exited"

#: Seconds that the last lines of a job can take to reach the log.
_LOG_DELAY = 5

_POLL_SECONDS = 2


def streams(detail: Mapping[str, Any] | JobDetailTypeDef | JobSummaryTypeDef) -> list[str]:
    """The log streams of a job, one for each attempt that has started, in their order."""
    known: Mapping[str, Any] = detail
    names = [attempt.get("container", {}).get("logStreamName", "") for attempt in known.get("attempts", [])]
    names.append(known.get("container", {}).get("logStreamName", ""))
    return [name for name in dict.fromkeys(names) if name]


def reason(detail: Mapping[str, Any] | JobDetailTypeDef | JobSummaryTypeDef) -> str:
    """Why a job ended or waits, in Batch's words, with the container's reason before the job's. Empty if the exit code is the reason."""
    container = detail.get("container", {})
    # While a job waits, the container is that of an earlier attempt.
    own = "" if detail["status"] == "RUNNABLE" else container.get("reason", "")
    said = dict.fromkeys([own, detail.get("statusReason", "")])
    return "; ".join(each for each in said if each and (each != _ENDED or "exitCode" not in container))


def tail(aws: Aws, log_group: str, stream: str, lines: int = 20) -> list[str]:
    """The last lines of a log, without the entrypoint's record. Waits up to 5 seconds for them, since they arrive late."""
    for _ in range(_LOG_DELAY):
        try:
            events = _read(aws, log_group, stream, lines + 1)
        except ClientError as error:
            return [f"(the log cannot be read: {error})"]
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
    """All lines of a job's log, attempt by attempt.

    Args:
        aws: the clients.
        log_group: the stack's log group.
        job_id: the job's ID.
        follow: wait for new lines until the job has ended.

    Raises:
        Refused: if Batch does not know the job.
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
            # The last lines arrive late. A job that was killed has no record.
            if not names or names[-1] in recorded or late >= _LOG_DELAY:
                break
            late += _POLL_SECONDS
        elif not follow:
            break
        time.sleep(_POLL_SECONDS)
    if not names:
        yield (
            "--- no log: the job has not started"
            if detail["status"] != "FAILED"
            else "--- no log: the job never started"
        )


def readable(line: str) -> Iterator[str]:
    """A line of a log for a person to read. The entrypoint's record becomes sentences."""
    text, found, rest = line.partition(_RECORD)
    try:
        record: dict[str, Any] = json.loads("{" + rest) if found else {}
    except ValueError:
        record = {}
    if "exit_code" not in record:
        yield line
        return
    if text:
        yield text
    tool = " ".join(str(record[name]) for name in ("tool", "version") if record.get(name)) or "the command"
    work = "done by an earlier attempt" if record.get("resumed") else duration(record.get("work_seconds", 0))
    yield (
        f"--- {tool}: {work}, exit code {record['exit_code']}. Staging: {volume(record.get('bytes_in', 0))} in, "
        f"{volume(record.get('bytes_out', 0))} out, {duration(record.get('staging_seconds', 0))}"
    )
    peak, granted = record.get("peak_memory_bytes", 0), record.get("memory_bytes", 0)
    cpu, vcpus = record.get("cpu_seconds", 0), record.get("vcpus", 0)
    if peak:
        yield (
            f"--- peak memory: {volume(peak)}{f' of {volume(granted)}' if granted else ''}. CPU: {duration(cpu)}"
            f"{f' on {vcpus:g} vCPUs' if vcpus else ''}"
        )


def ending(aws: Aws, job_id: str) -> Iterator[str]:
    """A line with a job's state, exit code and run time, and why it ended or waits."""
    detail = _describe(aws, job_id)
    container = detail.get("container", {})
    begun, ended = detail.get("startedAt"), detail.get("stoppedAt")
    ran = f", ran {duration(((ended or time.time() * 1000) - begun) / 1000)}" if begun else ""
    code = f", exit code {container['exitCode']}" if "exitCode" in container else ""
    attempts = f", attempt {len(detail['attempts'])}" if len(detail.get("attempts", [])) > 1 else ""
    why = f": {said}" if (said := reason(detail)) else ""
    yield f"--- {detail['jobName']} {detail['status']}{attempts}{code}{ran}{why}"


def _describe(aws: Aws, job_id: str) -> JobDetailTypeDef:
    described = aws.batch.describe_jobs(jobs=[job_id])["jobs"]
    if not described:
        raise Refused(
            f"{job_id!r}: Batch does not know this job. Batch forgets a job some days after its end. List the runs: biobatch list"
        )
    return described[0]


def _page(aws: Aws, log_group: str, stream: str, token: str | None) -> tuple[list[str], str | None]:
    """The lines after a token, and the next token, which is the same one at the end of the log."""
    request: GetLogEventsRequestTypeDef = {"logGroupName": log_group, "logStreamName": stream, "startFromHead": True}
    if token:
        request["nextToken"] = token
    try:
        answer = aws.logs.get_log_events(**request)
    except aws.logs.exceptions.ResourceNotFoundException:
        # CloudWatch creates the stream with its first line.
        return [], token
    return [event["message"] for event in answer["events"]], answer["nextForwardToken"]
