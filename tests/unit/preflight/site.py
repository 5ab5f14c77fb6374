"""A simulated AWS account with the answers that a test chooses, and the messages of the program."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import grpc  # type: ignore[import-untyped]
from pulumi.runtime import mocks

from tests.unit.recording import Cloud, Recording, record_program

REGION = {"aws:region": "eu-west-9"}

Answer = Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Denied(grpc.RpcError):  # type: ignore[misc]
    """The error that Pulumi's engine returns if AWS denies a look-up."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return "AccessDeniedException: not authorized"


@dataclass
class Account(Cloud):
    """An account with its own answers for some functions. The other functions return the answers of `Cloud`."""

    answers: Mapping[str, Answer] = field(default_factory=dict)
    """Answers by the last part of the function's token."""
    denies: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        name = args.token.rpartition(":")[2]
        self.asked.append(name)
        if name in self.denies:
            raise Denied
        if name not in self.answers:
            return super().call(args)
        answer = self.answers[name]
        return {"id": name, **(answer(args.args) if callable(answer) else answer)}, []


@dataclass(frozen=True)
class Said:
    """The resources that the program registered, and its messages."""

    recording: Recording
    warnings: list[str]
    notes: list[str]


def run(account: Account, **config: str) -> Said:
    """Runs the program in an account."""
    warnings: list[str] = []
    notes: list[str] = []
    with mock.patch("pulumi.log.warn", warnings.append), mock.patch("pulumi.log.info", notes.append):
        return Said(record_program({**REGION, **config}, account), warnings, notes)
