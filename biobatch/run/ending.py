"""How a run ended, kept beside its record. Batch forgets a job seven days after its end, and the bucket does not.

`end.json` is written by the client that first sees that all jobs have ended:

```json
{"format": 1, "parts": 4, "ended": 1796000000, "succeeded": 39, "failed": 1, "steps": {"align": {"done": 9, "failed": 1}}, "jobs": [{}]}
```

`parts` is the number of parts that had been submitted. If the run has more, it was resumed, and the ending counts no longer. `failed` also
counts the jobs that were not run. `jobs` has each job of a small run, and the jobs that did not succeed of a large one.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from biobatch import objects
from biobatch.refusal import Refused
from biobatch.run.job_state import JobState, from_record
from biobatch.run.record import Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_FORMAT = 1
_NAME = "end.json"


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a run ended."""

    ended: int
    """Seconds of the epoch at which the last job ended."""
    steps: Mapping[str, Counter[str]]
    """Jobs by step and by the word for their state."""
    jobs: Sequence[JobState]
    """Each job of a small run, and those that did not succeed of a large one."""


def write(s3: S3Client, run: Run, ending: Ending) -> None:
    """Writes how a run ended. A user who may not write it does not need it."""
    total: Counter[str] = sum(ending.steps.values(), Counter())
    values = {
        "format": _FORMAT,
        "parts": len(run.parts),
        "ended": ending.ended,
        "succeeded": total["done"],
        "failed": total["failed"] + total["not run"],
        "steps": ending.steps,
        "jobs": [job.record() for job in ending.jobs],
    }
    place = run.object(_NAME)
    with contextlib.suppress(ClientError):
        s3.put_object(Bucket=place.bucket, Key=place.key, Body=f"{json.dumps(values)}\n".encode())


def read(s3: S3Client, run: Run) -> Ending | None:
    """How a run ended. None if it has not ended, was resumed since, or if a newer client wrote it."""
    try:
        text = objects.read_text(s3, run.object(_NAME))
    except Refused:
        return None
    values: dict[str, Any] = json.loads(text) if text else {}
    if values.get("format") != _FORMAT or values["parts"] != len(run.parts):
        return None
    return Ending(
        ended=values["ended"],
        steps={step: Counter(counts) for step, counts in values["steps"].items()},
        jobs=[from_record(each) for each in values["jobs"]],
    )
