"""Which failed attempts are retried."""

import pytest
from moto.batch.exceptions import ClientException

from local.aws.batch import retry
from local.aws.batch.forms import Document

#: The rules of the examples in the Batch User Guide: some reasons are retried, and all other failures are final.
RULES: list[Document] = [
    {"action": "RETRY", "onStatusReason": "Host EC2*"},
    {"action": "RETRY", "onReason": "CannotPullContainerError:*"},
    {"action": "RETRY", "onReason": "AGENT"},
    {"action": "RETRY", "onStatusReason": "Task failed to start"},
    {"action": "EXIT", "onReason": "*"},
]


def _again(
    strategy: Document,
    attempt: int = 1,
    exit_code: int | None = 1,
    reason: str = "",
    status: str = "Essential container in task exited",
) -> bool:
    return retry.parse(strategy).allows_another(attempt, exit_code=exit_code, reason=reason, status_reason=status)


@pytest.mark.parametrize(
    ("exit_code", "reason", "status", "expected"),
    [
        (None, "", "Host EC2 (instance i-0abc) terminated.", True),
        (None, "CannotPullContainerError: no such host", "Task failed to start", True),
        (None, "CannotStartContainerError: no such file", "Task failed to start", True),
        (1, "", "Essential container in task exited", False),
        (
            137,
            "OutOfMemoryError: Container killed due to memory usage",
            "Essential container in task exited",
            False,
        ),
    ],
)
def test_rules_by_reason_retry_failures_of_the_infrastructure(
    exit_code: int | None, reason: str, status: str, expected: bool
) -> None:
    assert _again({"attempts": 4, "evaluateOnExit": RULES}, 1, exit_code, reason, status) is expected


def test_attempts_include_the_first() -> None:
    assert [_again({"attempts": 3}, attempt) for attempt in (1, 2, 3)] == [True, True, False]


def test_a_job_without_a_strategy_has_one_attempt() -> None:
    assert not _again({})


def test_a_failure_that_matches_no_rule_is_retried() -> None:
    assert _again({"attempts": 2, "evaluateOnExit": [{"action": "EXIT", "onExitCode": "2"}]}, exit_code=3)


def test_the_first_rule_that_matches_decides() -> None:
    rules = [{"action": "RETRY", "onExitCode": "1*"}, {"action": "EXIT", "onExitCode": "137"}]
    assert _again({"attempts": 2, "evaluateOnExit": rules}, exit_code=137)


def test_all_conditions_of_a_rule_must_match() -> None:
    rules = [{"action": "EXIT", "onExitCode": "1", "onReason": "Out*"}]
    assert _again({"attempts": 2, "evaluateOnExit": rules}, exit_code=1)
    assert not _again({"attempts": 2, "evaluateOnExit": rules}, exit_code=1, reason="OutOfMemoryError: x")


def test_a_pattern_without_a_star_must_match_the_whole_text() -> None:
    assert _again({"attempts": 2, "evaluateOnExit": [{"action": "EXIT", "onExitCode": "13"}]}, exit_code=137)


def test_an_action_can_have_any_case_and_is_stored_in_lower_case() -> None:
    strategy = retry.parse({"attempts": 2, "evaluateOnExit": [{"action": "Exit", "onReason": "*"}]})
    assert strategy.document()["evaluateOnExit"] == [{"action": "exit", "onReason": "*"}]


@pytest.mark.parametrize(
    ("strategy", "fault"),
    [
        ({"attempts": 0}, "between 1 and 10, not 0"),
        ({"attempts": 11}, "between 1 and 10, not 11"),
        ({"attempts": 2, "evaluateOnExit": [{"action": "EXIT", "onReason": "*"}] * 6}, "At most 5"),
        ({"attempts": 2, "evaluateOnExit": [{"action": "EXIT"}]}, "at least one of"),
        ({"attempts": 2, "evaluateOnExit": [{"action": "EXIT", "onReason": "a*b"}]}, "onReason 'a\\*b'"),
        ({"attempts": 2, "evaluateOnExit": [{"action": "EXIT", "onReason": "Host EC2 (*"}]}, "onReason"),
        ({"attempts": 2, "evaluateOnExit": [{"action": "EXIT", "onExitCode": "1x"}]}, "onExitCode '1x'"),
        ({"attempts": 2, "evaluateOnExit": [{"action": "EXIT", "onStatusReason": "a" * 513}]}, "512"),
    ],
)
def test_a_strategy_that_aws_refuses_is_refused(strategy: Document, fault: str) -> None:
    with pytest.raises(ClientException, match=fault):
        retry.parse(strategy)
