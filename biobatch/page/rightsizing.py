"""Compares what jobs used with what they were granted, and advises smaller or larger sizes where that is safe."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from biobatch.page import cost
from biobatch.page.cost import Amount
from biobatch.page.model import SUCCEEDED, JobFigures
from biobatch.page.prices import Prices

#: Jobs of one step and size, at least, before any advice.
LEAST_JOBS = 5

#: Seconds of work of a job that tell something about its use. Shorter jobs are mostly their start.
LEAST_SECONDS = 1.0

#: Advised memory for each byte of the highest peak. The rest is for a larger sample and for the page cache.
MEMORY_MARGIN = 1.3

#: Share of the granted memory above which more memory is advised.
TIGHT = 0.9

#: How much longer a job may take with fewer vCPUs, at most.
SLOWER = 0.05

#: Share of the cost that an advice saves at least.
LEAST_SAVING = 0.05

#: Advised memory is a multiple of this, in MiB.
_STEP_MIB = 100

#: Steps of call-variants whose size follows from the job definition of bwa and from the sizes of the inputs. The memory is not
#: configured, because a larger sample or reference would need more.
_SIZED = ("align", "call")

#: Steps whose size follows from their inputs alone.
_COMPUTED = ("index",)


@dataclass(frozen=True, kw_only=True)
class Use:
    """Use against grant of the jobs of one step and size."""

    step: str
    tool: str
    vcpus: float
    memory_mib: float
    jobs: int
    cpu: float | None
    """Median share of the granted vCPUs that was used during the work. 1 is all."""
    cpu_max: float | None
    memory: float | None
    """Median share of the granted memory at its peak."""
    memory_max: float | None
    memory_peak_mib: float | None
    """Highest peak."""


@dataclass(frozen=True, kw_only=True)
class Advice:
    """Another size for the jobs of a step."""

    step: str
    tool: str
    jobs: int
    from_vcpus: float
    from_memory_mib: float
    vcpus: int
    memory_mib: int
    why: str
    saving: Amount
    """What the jobs of this run would have cost less. Negative if the advice is to ask for more."""
    lines: tuple[str, ...]
    """What to paste: commands, or options of `biobatch submit`."""


def uses(jobs: Iterable[JobFigures]) -> list[Use]:
    """Use against grant by step and size, of the jobs whose figures are known."""
    return [_use(group) for group in _groups(jobs)]


def advise(prices: Prices, command: str, jobs: Iterable[JobFigures]) -> list[Advice]:
    """Sizes that fit the jobs better.

    Args:
        prices: prices, for the saving.
        command: the command of the run, which decides how the size of a job is set.
        jobs: all jobs of the run.
    """
    groups = _groups(jobs)
    found = []
    # The steps of one tool may share one setting, which must be safe for all of them.
    cores: dict[tuple[str, float], int] = {}
    for group in groups:
        key = _setting(command, group[0])
        cores[key] = max(cores.get(key, 1), fewest_vcpus(group))
    for group in groups:
        if len(group) < LEAST_JOBS or _setting(command, group[0])[0] == "":
            continue
        advice = _advice(prices, command, group, cores[_setting(command, group[0])])
        if advice:
            found.append(advice)
    return found


def _groups(jobs: Iterable[JobFigures]) -> list[Sequence[JobFigures]]:
    groups: dict[tuple[str, str, float, float], list[JobFigures]] = {}
    for job in jobs:
        if job.state == SUCCEEDED and job.peak_memory_bytes and (job.work_seconds or 0) > 0 and job.vcpus:
            groups.setdefault((job.step, job.tool, job.vcpus, job.memory_mib), []).append(job)
    return list(groups.values())


def _use(group: Sequence[JobFigures]) -> Use:
    first = group[0]
    cpu = [cores_used(job) / job.vcpus for job in group if job.cpu_seconds is not None]
    peaks = [(job.peak_memory_bytes or 0) / 2**20 for job in group]
    granted = first.memory_mib
    return Use(
        step=first.step,
        tool=first.tool,
        vcpus=first.vcpus,
        memory_mib=granted,
        jobs=len(group),
        cpu=median(cpu) if cpu else None,
        cpu_max=max(cpu, default=None),
        memory=median(peaks) / granted if granted else None,
        memory_max=max(peaks) / granted if granted else None,
        memory_peak_mib=max(peaks),
    )


def cores_used(job: JobFigures) -> float:
    """CPU seconds for each second of the work."""
    return (job.cpu_seconds or 0.0) / (job.work_seconds or 1.0)


def slowdown(cores: float, vcpus: float, fewer: int) -> float:
    """By which share a job takes longer, at most, with fewer vCPUs.

    The job is taken to have used either all vCPUs or, for the rest of the time, one. A job that used less than 0.8 vCPUs on average also
    waited, so it is taken to have used all vCPUs or none.

    Args:
        cores: vCPUs that it used on average.
        vcpus: granted vCPUs.
        fewer: fewer vCPUs, at least 1.
    """
    if fewer >= vcpus:
        return 0.0
    if cores < 0.8:
        return cores * (1 / fewer - 1 / vcpus)
    return max(0.0, cores - 1) / (vcpus - 1) * (vcpus / fewer - 1)


def fewest_vcpus(group: Sequence[JobFigures]) -> int:
    """The smallest number of vCPUs with which no job of a group takes longer than `SLOWER` allows."""
    vcpus = math.ceil(group[0].vcpus)
    measured = [job for job in group if job.cpu_seconds is not None and (job.work_seconds or 0) >= LEAST_SECONDS]
    if len(measured) < len(group) or len(group) < LEAST_JOBS:
        return vcpus
    return next(
        (
            fewer
            for fewer in range(1, vcpus)
            if all(slowdown(cores_used(job), job.vcpus, fewer) <= SLOWER for job in measured)
        ),
        vcpus,
    )


def _setting(command: str, job: JobFigures) -> tuple[str, float]:
    """What sets the size of a job: the tool of a job definition with its vCPUs, or nothing."""
    if command == "submit":
        return f"submit {job.tool}", job.vcpus
    if job.step in _COMPUTED:
        return "", 0.0
    return ("bwa" if job.step in _SIZED else job.tool), job.vcpus


def _advice(prices: Prices, command: str, group: Sequence[JobFigures], vcpus: int) -> Advice | None:
    first, use = group[0], _use(group)
    granted, peak = first.memory_mib, use.memory_peak_mib or 0.0
    fits = math.ceil(max(peak * MEMORY_MARGIN, 256) / _STEP_MIB) * _STEP_MIB
    sized = command != "submit" and first.step in _SIZED
    memory = math.ceil(granted * vcpus / first.vcpus) if sized else min(fits, int(granted))
    why = []
    if vcpus < first.vcpus:
        used = max(map(cores_used, group))
        why.append(f"no job used more than {used:.1f} of {first.vcpus:g} vCPUs on average")
    tight = bool(granted) and peak > TIGHT * granted
    if tight and sized:
        return None
    if tight:
        memory = fits
        why.append(
            f"the highest peak of memory was {100 * peak / granted:.0f} % of the grant, so a larger sample may be killed"
        )
    elif memory < granted and not sized:
        why.append(f"no job used more than {peak:,.0f} of {granted:,.0f} MiB")
    if sized and peak * MEMORY_MARGIN > memory:
        return None
    saving, total = Amount(), Amount()
    for job in group:
        seconds = job.seconds or 0.0
        now = cost.of_seconds(prices, job, seconds)
        hours = seconds / 3600
        rate = cost.hourly(prices, vcpus, memory, job.instance_type)
        total += now
        saving += Amount(spot=now.spot - rate.spot * hours, on_demand=now.on_demand - rate.on_demand * hours)
    if not tight and saving.on_demand < LEAST_SAVING * total.on_demand:
        return None
    return Advice(
        step=first.step,
        tool=first.tool,
        jobs=len(group),
        from_vcpus=first.vcpus,
        from_memory_mib=granted,
        vcpus=vcpus,
        memory_mib=memory,
        why=", and ".join(why),
        saving=saving,
        lines=_lines(command, first, vcpus, memory),
    )


def _lines(command: str, job: JobFigures, vcpus: int, memory: int) -> tuple[str, ...]:
    if command == "submit":
        return (f"--vcpus {vcpus} --memory-mib {memory}",)
    tool = "bwa" if job.step in _SIZED else job.tool
    return (
        f"pulumi config set --path 'biobatch:tools.{tool}.vcpus' {vcpus}",
        f"pulumi config set --path 'biobatch:tools.{tool}.memoryMib' {memory}",
    )
