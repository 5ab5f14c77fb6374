"""The output of a container in a log stream."""

import uuid
from datetime import datetime, timedelta, timezone

import pytest
from moto.logs.models import logs_backends

from local.aws.batch import log_streams
from tests.unit.local.aws.batch.world import ACCOUNT, REGION


@pytest.fixture
def stream() -> log_streams.LogStream:
    return log_streams.LogStream(ACCOUNT, REGION, "group", str(uuid.uuid4()), create_group=True)


def _events(stream: log_streams.LogStream) -> list[tuple[int, str]]:
    backend = logs_backends[ACCOUNT][REGION]
    events = backend.groups["group"].streams[stream.name].events
    start = int(_START.timestamp() * 1000)
    return [(event.timestamp - start, event.message) for event in events]


#: CloudWatch Logs accepts no events older than 14 days.
_START = datetime.now(timezone.utc).replace(microsecond=0)


def _frame(text: str, second: int = 1) -> bytes:
    moment = _START + timedelta(seconds=second)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.123456789Z {text}".encode()


def test_a_line_is_an_event_at_the_time_when_it_was_written(stream: log_streams.LogStream) -> None:
    stream.append(_frame("one\n", 1))
    stream.append(_frame("two\n", 2))
    assert _events(stream) == [(1123, "one"), (2123, "two")]


def test_a_line_can_be_read_at_once(stream: log_streams.LogStream) -> None:
    stream.append(_frame("one\n"))
    assert _events(stream) == [(1123, "one")]


def test_parts_of_a_line_are_put_together(stream: log_streams.LogStream) -> None:
    stream.append(_frame("on", 1))
    stream.append(_frame("e\n", 2))
    assert _events(stream) == [(1123, "one")]


def test_a_last_line_without_newline_is_kept(stream: log_streams.LogStream) -> None:
    stream.append(_frame("one"))
    assert _events(stream) == []
    stream.flush()
    assert _events(stream) == [(1123, "one")]


def test_empty_lines_are_left_out(stream: log_streams.LogStream) -> None:
    for text in ("\n", "\r\n", "one\r\n"):
        stream.append(_frame(text))
    assert _events(stream) == [(1123, "one")]


def test_a_line_too_long_for_an_event_is_split(stream: log_streams.LogStream) -> None:
    longest = 262_144 - 26
    for _ in range(20):
        stream.append(_frame("x" * 16_384))
    stream.append(_frame("\n"))
    assert [len(message) for _, message in _events(stream)] == [longest, 20 * 16_384 - longest]


def test_invalid_utf_8_is_replaced_and_the_rest_is_kept(stream: log_streams.LogStream) -> None:
    stream.append(_frame("a") + b"\xff\n")
    assert _events(stream) == [(1123, "a\ufffd")]


def test_a_deleted_log_group_does_not_stop_the_job(stream: log_streams.LogStream) -> None:
    logs_backends[ACCOUNT][REGION].delete_log_group("group")
    stream.append(_frame("one\n"))


def test_a_missing_group_is_created_only_on_request() -> None:
    with pytest.raises(LookupError):
        log_streams.LogStream(ACCOUNT, REGION, "none", "stream", create_group=False)


def test_jobs_without_a_log_configuration_write_to_the_default_group_of_batch() -> None:
    assert log_streams.options({}) == {"awslogs-group": "/aws/batch/job"}


def test_another_log_driver_writes_to_no_group() -> None:
    assert log_streams.options({"logConfiguration": {"logDriver": "json-file"}}) is None
