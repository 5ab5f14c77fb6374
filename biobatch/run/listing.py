"""The runs of a stack, each with its state, in few calls."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from rich.table import Table

from biobatch.aws import Aws, describe_jobs
from biobatch.refusal import Refused
from biobatch.run import ending, record
from biobatch.run.ending import Ending
from biobatch.run.job_state import WORDS
from biobatch.run.record import Run
from biobatch.run.state import RunState
from biobatch.words import age

#: How the states of runs begin whose jobs have not all ended.
_NOT_ENDED = ("running", "half submitted", "not submitted")

#: Records that are read at a time.
_AT_A_TIME = 16


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A run of the list."""

    run: Run
    words: Counter[str]
    """Jobs by the word for their state. Batch counts jobs that were not run as failed."""
    submitted_parts: int
    """Parts of the last attempt that were submitted."""
    ending: Ending | None

    @property
    def state(self) -> str:
        """The state in a few words."""
        # Of a resumed run, jobs that were submitted again have a place in two parts.
        total = sum(part.size for part in self.run.parts) if self.run.attempt == 1 else self.words.total()
        failed = self.words["failed"] + self.words["not run"]
        parts = sum(part.attempt == self.run.attempt for part in self.run.parts)
        live = sum(self.words[word] for word in ("waiting", "queued", "starting", "running"))
        if not self.ending and not self.words:
            return "not known" if self.submitted_parts else "not submitted"
        if live:
            share = 100 * (self.words["done"] + failed) // max(1, total)
            return f"running {share} %" + (f", {failed:,} failed" if failed else "")
        if self.submitted_parts < parts:
            return f"half submitted, {self.submitted_parts} of {parts} parts"
        if not failed:
            return "done"
        return f"{failed:,} of {total:,} jobs failed"

    def as_json(self) -> dict[str, Any]:
        """The run for programs."""
        run = self.run
        return {
            "run": run.run,
            "command": run.command,
            "user": run.user,
            "submitted": run.submitted,
            "ended": self.ending.ended if self.ending else None,
            "samples": run.samples,
            "output_prefix": run.output_prefix,
            "state": self.state,
            "jobs": sum(part.size for part in run.parts),
            "jobs_by_state": dict(self.words),
        }


def runs(aws: Aws, bucket: str, most: int | None, user: str | None) -> list[Listed]:
    """The runs of a stack, newest first.

    Args:
        aws: the clients.
        bucket: the stack's bucket.
        most: runs to list at most. None lists all.
        user: ARN of the user whose runs are listed. None lists those of all users.
    """
    chosen: list[Run] = []
    with ThreadPoolExecutor(max_workers=_AT_A_TIME) as pool:
        for run in _read(pool, aws, bucket):
            if user is None or run.user == user:
                chosen.append(run)
                if len(chosen) == most:
                    break
        endings = list(pool.map(lambda run: ending.read(aws.s3, run), chosen))
        ids = list(
            pool.map(lambda pair: {} if pair[1] else record.job_ids(aws, pair[0]), zip(chosen, endings, strict=True))
        )
        details = {
            detail["jobId"]: detail for detail in describe_jobs(aws.batch, [id for own in ids for id in own.values()])
        }
        listed = [_listed(run, ended, own, details) for run, ended, own in zip(chosen, endings, ids, strict=True)]
        return list(pool.map(lambda each: _with_ending(aws, each), listed))


def _listed(run: Run, ended: Ending | None, ids: dict[str, str], details: dict[str, Any]) -> Listed:
    return Listed(
        run=run,
        words=sum(ended.steps.values(), Counter()) if ended else _words(run, ids, details),
        submitted_parts=sum(
            part.attempt == run.attempt and (part.name in ids or ended is not None) for part in run.parts
        ),
        ending=ended,
    )


def _with_ending(aws: Aws, listed: Listed) -> Listed:
    """The run with its ending, if it has ended and nobody has written that down yet."""
    if listed.ending or listed.state.startswith(_NOT_ENDED):
        return listed
    RunState(aws, listed.run).refresh(aws)
    ended = ending.read(aws.s3, listed.run)
    if ended is None:
        return listed
    return replace(listed, words=sum(ended.steps.values(), Counter()), ending=ended)


def _read(pool: ThreadPoolExecutor, aws: Aws, bucket: str) -> Iterator[Run]:
    """The records of the runs, newest first, read some at a time."""
    names = record.names(aws.s3, bucket)

    def read(name: str) -> Run | None:
        try:
            return record.read(aws.s3, bucket, name)
        except (Refused, ValueError, KeyError, TypeError):
            # A newer client wrote the record, or something else lies there. The other runs are listed.
            return None

    for start in range(0, len(names), 2 * _AT_A_TIME):
        yield from (run for run in pool.map(read, names[start : start + 2 * _AT_A_TIME]) if run)


def _words(run: Run, ids: dict[str, str], details: dict[str, Any]) -> Counter[str]:
    """Jobs by the word for their state. Of a resumed run, failures of earlier attempts do not count: they were submitted again."""
    words: Counter[str] = Counter()
    for part in run.parts:
        detail = details.get(ids.get(part.name, ""))
        if detail is None:
            continue
        if part.size == 1:
            statuses = {detail["status"]: 1}
        else:
            statuses = dict(detail.get("arrayProperties", {}).get("statusSummary", {}))
            rest = part.size - sum(statuses.values())
            statuses[detail["status"]] = statuses.get(detail["status"], 0) + rest
        for status, count in statuses.items():
            if status in WORDS and not (status == "FAILED" and part.attempt < run.attempt):
                words[WORDS[status]] += count
    return +words


def table(listed: Sequence[Listed]) -> Table:
    """The runs for a person to read."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("run", "age", "who", "command", "samples", "state", "output prefix"):
        made.add_column(
            title,
            justify="right" if title == "samples" else "left",
            no_wrap=title in ("run", "age", "state"),
            overflow="fold",
        )
    now = time.time()
    for each in listed:
        run = each.run
        made.add_row(
            *(run.run, age(now - run.submitted), who(run.user), run.command),
            *(f"{run.samples:,}" if run.samples else "", each.state, run.output_prefix),
        )
    return made


def who(arn: str) -> str:
    """The part of a user's ARN that a person knows: the name, or the name of the session of a role."""
    return arn.rpartition("/")[2] or arn.rpartition(":")[2]


def lines(listed: Iterable[Listed]) -> Iterator[str]:
    """The runs with tabs between the columns, where no terminal is."""
    now = time.time()
    for each in listed:
        run = each.run
        columns = (run.run, age(now - run.submitted), who(run.user), run.command, str(run.samples), each.state)
        yield "\t".join((*columns, run.output_prefix))
