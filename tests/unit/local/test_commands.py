"""The commands of `python -m local`."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from local import inbox
from local.__main__ import main
from local.errors import LocalError


def test_an_error_is_one_message_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise LocalError("no engine. Install Docker.")

    monkeypatch.setattr("local.stack.lifecycle.up", fail)
    assert main(["up"]) == 1
    assert capsys.readouterr().err == "local: no engine. Install Docker.\n"


def test_an_interrupted_command_shows_the_command_that_cleans_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("local.stack.lifecycle.up", interrupt)
    assert main(["up"]) == 130
    assert "make local-down" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("named", "taken", "words"),
    [
        ([], ["a", "b:1"], "took the machine i-1 from 2 jobs"),
        ([], [], "no job runs. See what runs: aws batch list-jobs"),
        (["a", "b"], [], "none of the jobs a, b runs"),
    ],
)
def test_reclaim_names_the_jobs_that_lost_their_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], named: list[str], taken: list[str], words: str
) -> None:
    asked: list[tuple[int, list[str]]] = []

    def reclaim(port: int, jobs: list[str]) -> tuple[str, list[str]]:
        asked.append((port, jobs))
        return "i-1", taken

    monkeypatch.setattr("local.stack.lifecycle.current", lambda: SimpleNamespace(aws_port=4600))
    monkeypatch.setattr("local.stack.aws_server.reclaim", reclaim)
    assert main(["reclaim", *named]) == (0 if taken else 1)
    printed = capsys.readouterr()
    assert words in printed.out + printed.err
    assert all(f"\n{job}\n" in f"\n{printed.out}" for job in taken)
    assert asked == [(4600, named)]


def test_inbox_prints_every_mail_with_its_head(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("local.stack.lifecycle.current", lambda: SimpleNamespace(aws_port=4600))
    monkeypatch.setattr("local.inbox.PATH", tmp_path / "inbox.jsonl")
    assert main(["inbox"]) == 0
    assert capsys.readouterr().out == "There are no e-mails.\n"
    for text in ("first\nline", "second"):
        mail = inbox.Mail(time="T", sender="S", recipient="lab@example.org", subject="Notice", text=text)
        inbox.add(mail, tmp_path / "inbox.jsonl")
    assert main(["inbox"]) == 0
    head = "T\nFrom: S\nTo: lab@example.org\nSubject: Notice\n\n"
    assert capsys.readouterr().out == f"{head}first\nline\n\n{head}second\n\n"


def test_inbox_needs_a_stack(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("local.record.own", lambda: None)
    assert main(["inbox"]) == 1
    assert "make local-up" in capsys.readouterr().err
