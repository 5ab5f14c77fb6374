"""A container's output, on its way to a log stream."""

import contextlib
from datetime import datetime, timezone
from typing import Any

from moto.logs.exceptions import ResourceNotFoundException
from moto.logs.models import logs_backends

from local.aws.batch.forms import Document

#: Where jobs write that name no group; Batch makes it.
DEFAULT_GROUP = "/aws/batch/job"
#: Longest event that CloudWatch Logs takes, in bytes without its own share of 26.
_LONGEST_EVENT = 262_144 - 26
#: Docker writes nanoseconds in a fixed width before each line.
_TIMESTAMP_LENGTH = len("2006-01-02T15:04:05.000000000Z")


class LogStream:
    """A new stream that lines are appended to as they come.

    Args:
        account: account id.
        region: region of the log group.
        group: its name.
        name: of the stream.
        create_group: whether to make the group if it is missing.

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
        """Writes what a container wrote.

        Args:
            output: a frame of Docker's log: a timestamp, a space and a line, or a part of one where it lacks the newline.
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
        """Writes what was begun and not ended by a newline. Empty lines are left out, as by AWS's log driver."""
        line, self._unfinished = self._unfinished.rstrip(b"\r\n"), b""
        if line:
            self._put(line)

    def _put(self, line: bytes) -> None:
        # The user may delete the group or the stream while the job runs.
        with contextlib.suppress(ResourceNotFoundException):
            event = {"timestamp": self._unfinished_since, "message": line.decode(errors="replace")}
            self._logs.put_log_events(self._group, self.name, [event])


def options(container: Document) -> Document | None:
    """Options of the log driver; None if it is another than CloudWatch's.

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
