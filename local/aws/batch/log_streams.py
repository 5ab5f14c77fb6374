"""Copies the output of containers to log streams of CloudWatch Logs."""

import contextlib
from datetime import datetime, timezone
from typing import Any

from moto.logs.exceptions import ResourceNotFoundException
from moto.logs.models import logs_backends

from local.aws.batch.forms import Document

#: The log group of jobs that name none. Batch creates it.
DEFAULT_GROUP = "/aws/batch/job"
#: Maximum length of an event in CloudWatch Logs, in bytes, without the 26 bytes that it adds.
_LONGEST_EVENT = 262_144 - 26
#: Docker writes a time of fixed width, with nanoseconds, before each line.
_TIMESTAMP_LENGTH = len("2006-01-02T15:04:05.000000000Z")


class LogStream:
    """A new log stream, to which lines are appended as they arrive.

    Args:
        account: the account id.
        region: the region of the log group.
        group: the name of the log group.
        name: the name of the stream.
        create_group: whether to create the group if it does not exist.

    Raises:
        LookupError: if the group does not exist.
    """

    def __init__(self, account: str, region: str, group: str, name: str, *, create_group: bool) -> None:
        self._logs: Any = logs_backends[account][region]
        self._group, self.name = group, name
        if create_group:
            self._logs.ensure_log_group(group)
        if group not in self._logs.groups:
            raise LookupError(group)
        self._logs.ensure_log_stream(group, name)
        self._unfinished = b""
        self._unfinished_since = 0

    def append(self, output: bytes) -> None:
        """Writes output of a container.

        Args:
            output: a frame of the log of Docker: a time, a space, and a line or, without a newline at its end, a part of a line.
        """
        stamp, text = output[:_TIMESTAMP_LENGTH], output[_TIMESTAMP_LENGTH + 1 :]
        if not self._unfinished:
            self._unfinished_since = _milliseconds(stamp)
        self._unfinished += text
        while len(self._unfinished) > _LONGEST_EVENT:
            self._put(self._unfinished[:_LONGEST_EVENT])
            self._unfinished = self._unfinished[_LONGEST_EVENT:]
        if text.endswith(b"\n"):
            self.flush()

    def flush(self) -> None:
        """Writes a last line that has no newline. Empty lines are left out, as by the log driver of AWS."""
        line, self._unfinished = self._unfinished.rstrip(b"\r\n"), b""
        if line:
            self._put(line)

    def _put(self, line: bytes) -> None:
        # A user can delete the group or the stream while the job runs.
        with contextlib.suppress(ResourceNotFoundException):
            event = {"timestamp": self._unfinished_since, "message": line.decode(errors="replace")}
            self._logs.put_log_events(self._group, self.name, [event])


def options(container: Document) -> Document | None:
    """The options of the log driver, or None if the driver is not that of CloudWatch.

    Args:
        container: properties of a job's container.
    """
    configuration = container.get("logConfiguration", {})
    if configuration.get("logDriver", "awslogs") != "awslogs":
        return None
    return {"awslogs-group": DEFAULT_GROUP, **configuration.get("options", {})}


def _milliseconds(stamp: bytes) -> int:
    moment = datetime.fromisoformat(stamp[:26].decode()).replace(tzinfo=timezone.utc)
    return int(moment.timestamp() * 1000)
