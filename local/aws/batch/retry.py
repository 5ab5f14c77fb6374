"""Retry strategies: whether a failed attempt of a job is retried (Batch User Guide, "Automated job retries")."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from local.aws.batch.forms import Document, refusal

MOST_ATTEMPTS = 10
_MOST_RULES = 5
_TEXT_PATTERN = re.compile(r"[A-Za-z0-9.:\s]*\*?")
_CODE_PATTERN = re.compile(r"[0-9]*\*?")
_LONGEST_PATTERN = 512


@dataclass(frozen=True, kw_only=True)
class RetryStrategy:
    """How many attempts a job has, and which failures are retried."""

    attempts: int = 1
    """The number of attempts, including the first."""
    rules: Sequence[Document] = ()
    """The entries of `evaluateOnExit`. The first entry whose conditions all match decides."""

    def allows_another(self, attempt: int, *, exit_code: int | None, reason: str, status_reason: str) -> bool:
        """Whether a failed attempt is retried.

        Args:
            attempt: its number, from 1.
            exit_code: the exit code of the container, or None if it never ran.
            reason: the reason of the container, such as `OutOfMemoryError: ...`, or empty.
            status_reason: the status reason of the attempt.
        """
        if attempt >= self.attempts:
            return False
        seen = {
            "onExitCode": "" if exit_code is None else str(exit_code),
            "onReason": reason,
            "onStatusReason": status_reason,
        }
        for rule in self.rules:
            if all(_matches(rule[condition], text) for condition, text in seen.items() if condition in rule):
                return str(rule["action"]).upper() == "RETRY"
        return True

    def document(self) -> Document:
        """The strategy as the API shows it."""
        return {"attempts": self.attempts, "evaluateOnExit": list(self.rules)}


def _matches(pattern: str, text: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def parse(strategy: Document) -> RetryStrategy:
    """Reads a `retryStrategy`.

    Raises:
        ClientException: if AWS would refuse it.
    """
    attempts, rules = strategy.get("attempts", 1), strategy.get("evaluateOnExit", [])
    if not 1 <= attempts <= MOST_ATTEMPTS:
        raise refusal(f"Retry attempts must be between 1 and {MOST_ATTEMPTS}, not {attempts}")
    if len(rules) > _MOST_RULES:
        raise refusal(f"At most {_MOST_RULES} evaluateOnExit conditions can be specified, not {len(rules)}")
    for rule in rules:
        _check_rule(rule)
    return RetryStrategy(attempts=attempts, rules=[{**rule, "action": rule["action"].lower()} for rule in rules])


def _check_rule(rule: Document) -> None:
    if not {"onExitCode", "onReason", "onStatusReason"} & rule.keys():
        raise refusal("evaluateOnExit needs at least one of onStatusReason, onReason and onExitCode")
    for condition, form in (
        ("onExitCode", _CODE_PATTERN),
        ("onReason", _TEXT_PATTERN),
        ("onStatusReason", _TEXT_PATTERN),
    ):
        pattern = rule.get(condition, "*")
        if not pattern or len(pattern) > _LONGEST_PATTERN or not form.fullmatch(pattern):
            raise refusal(
                f"{condition} {pattern!r} does not match {form.pattern} of up to {_LONGEST_PATTERN} characters"
            )
