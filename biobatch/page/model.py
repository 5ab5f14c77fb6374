"""What the page says of a run, as plain values. None stands for a figure that is not known, and an empty tuple for nothing found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: States of a job. `reused`: an earlier run had finished the same work. `unknown`: there is no record of an end.
SUCCEEDED, REUSED, FAILED, NOT_RUN, ACTIVE, UNKNOWN = "succeeded", "reused", "failed", "not run", "active", "unknown"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """An attempt that did not succeed."""

    seconds: float | None = None
    """How long its container existed."""
    exit_code: int | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class JobFigures:
    """One job. Times are in seconds of the epoch."""

    id: str
    """Empty if it was not submitted."""
    batch_name: str
    """Name of its part."""
    subject: str
    step: str
    part: str = ""
    tool: str
    required: bool = True
    state: str = UNKNOWN
    reason: str = ""
    exit_code: int | None = None
    log: tuple[str, ...] = ()
    """The last lines of the log of a failed job."""
    kept: str = ""
    """URI of the folder with the files that it left."""
    lost_attempts: tuple[Attempt, ...] = ()
    """Attempts that did not succeed, the last one of a failed job among them."""
    submitted: float | None = None
    started: float | None = None
    finished: float | None = None
    waiting_seconds: float | None = None
    staging_seconds: float | None = None
    work_seconds: float | None = None
    vcpus: float = 0
    """Granted vCPUs, or those that it asked for."""
    memory_mib: float = 0
    """Granted memory, or the memory that it asked for."""
    peak_memory_bytes: int | None = None
    cpu_seconds: float | None = None
    bytes_in: int | None = None
    bytes_out: int | None = None
    version: str = ""
    """Version of the tool."""
    image: str = ""
    instance_type: str = ""
    """Of the machine. Empty if it is not known."""

    @property
    def ran(self) -> bool:
        """Whether a container of the job existed, as far as it is known."""
        return bool(self.lost_attempts) or self.started is not None or self.work_seconds is not None

    @property
    def title(self) -> str:
        """The job's name in sentences."""
        return " ".join(word for word in (self.subject, self.step, self.part) if word)

    @property
    def seconds(self) -> float | None:
        """How long the container of the attempt that succeeded existed."""
        if self.started is not None and self.finished is not None:
            return max(0.0, self.finished - self.started)
        if self.work_seconds is None:
            return None
        return (self.staging_seconds or 0) + self.work_seconds

    @property
    def lost_seconds(self) -> float:
        """How long the containers of the attempts that did not succeed existed, as far as it is known."""
        return sum(attempt.seconds or 0 for attempt in self.lost_attempts)


@dataclass(frozen=True, kw_only=True)
class SampleFigures:
    """What the tools measured of one sample."""

    name: str
    reads: int | None = None
    mapped_percent: float | None = None
    """Primary reads that map."""
    duplicates_percent: float | None = None
    insert_size: float | None = None
    """Mean, in bases."""
    depth: float | None = None
    """Mean of the reference, of reads that are not duplicates unless duplicates count."""
    covered_percent: float | None = None
    """Bases of the reference with at least one read."""
    callable_percent: float | None = None
    snps: int | None = None
    """Calls that passed the filters."""
    indels: int | None = None
    other_variants: int | None = None
    filtered: Mapping[str, int] = field(default_factory=dict)
    """Calls that did not pass, by filter."""
    ts_tv: float | None = None
    precision: float | None = None
    """Of the substitutions, against known variants."""
    recall: float | None = None
    fastqc: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """FastQC's verdicts (PASS, WARN, FAIL) by file of reads and module."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunFigures:
    """A run."""

    run: str
    command: str
    arguments: tuple[str, ...]
    client: str
    user: str
    stack: str
    queue: str
    output_prefix: str
    submitted: float
    made: float
    """When these figures were read."""
    jobs: tuple[JobFigures, ...]
    samples: tuple[SampleFigures, ...]
    notes: tuple[str, ...] = ()
    """What could not be read, in sentences."""
    multiqc: str = ""
    """Path of MultiQC's report, relative to the page. Empty if there is none."""
