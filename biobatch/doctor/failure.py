"""Why a job failed: from its attempts, exit code, reasons and log, and from what its reasons point at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from biobatch import logs
from biobatch.doctor import images, inputs, log
from biobatch.doctor.finding import Finding, LeftOut, Unanswered
from biobatch.doctor.firewall import check_firewall
from biobatch.doctor.network import check_network
from biobatch.doctor.roles import check_roles
from biobatch.doctor.storage import check_storage
from biobatch.doctor.view import View
from biobatch.stack_outputs import ALLOW_ENGINES
from biobatch.waiting import Queue, advice

Answers = Iterable[Finding | LeftOut]

#: A reason for which a job waited until its queue cancelled it.
_WAITED = re.compile(r"(CAPACITY|MISCONFIGURATION|ACTION_REQUIRED|UNDETERMINED)[:A-Z0-9_]*")

_LARGER_DISK = "pulumi config set scratchGiB N && pulumi up"

#: What exit codes of the images' `job` and of shells mean (docs/reference/exit-codes.md), and what to do.
_CODES = {
    64: ("a JOB_… variable or the command is wrong", "Correct the submission, as docs/reference/job-environment.md says"),
    65: ("an input is damaged, or was overwritten after the job that made it", "Upload the input again, and repeat the command"),
    66: ("an input, its bucket or its manifest cannot be found, or is archived", "Put the input where the job looks for it, and repeat the command"),
    69: ("S3 or the agent of the machine did not answer", "Repeat the command. If it fails again, look at the network: biobatch doctor"),
    71: ("other jobs of the machine filled the scratch volume", f"Use a larger volume: {_LARGER_DISK}"),
    73: ("an output pattern matches nothing, or the output cannot be made", "Correct --output, or the command that makes the files"),
    74: ("S3 or the scratch volume failed", "Repeat the command. Look at AWS's health page if it fails again: https://health.aws.amazon.com"),
    77: ("S3 refused a request of the job", "Let jobs use the bucket: the setting dataBuckets, then pulumi up (docs/how-to/existing-buckets.md)"),
    78: ("the scratch volume is too small for the job", f"Use a larger volume: {_LARGER_DISK}"),
    126: ("the command cannot be run", "Make the file executable, or correct the command"),
    127: ("the command does not exist in the image", "Correct the command, or use the tool that has it (docs/how-to/add-a-tool.md)"),
    139: ("the command crashed with a segmentation fault", "Look at its inputs and its version. biobatch logs JOB prints the whole log"),
    143: ("the job was told to end, usually because its machine shut down", "Repeat the command, or use the queue without Spot: --queue on-demand"),
}  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """What Batch says about a failed job."""

    detail: Any
    title: str
    status_reason: str
    container_reason: str
    code: int | None
    lines: list[str]
    """The end of the log."""

    @property
    def text(self) -> str:
        """Both reasons."""
        return f"{self.container_reason} {self.status_reason}"

    @property
    def evidence(self) -> tuple[str, ...]:
        """Batch's words, and the log."""
        said = f"DescribeJobs, {self.title}: statusReason {self.status_reason or '(none)'}"
        if self.container_reason:
            said += f", reason {self.container_reason}"
        if self.code is not None:
            said += f", exitCode {self.code}"
        return (said, *log.excerpt(self.lines))


def explain(view: View, detail: Any, title: str = "") -> Iterator[Finding | LeftOut]:
    """Why a job failed, the surest cause first.

    Args:
        view: the stack, with the job's queue and definition.
        detail: Batch's description of the job.
        title: how to call the job. Default: its name.
    """
    container = detail.get("container", {})
    last: dict[str, Any] = next(reversed(detail.get("attempts", [])), {})
    lines: list[str] = []
    try:
        lines = log.tail(view, detail)
    except Unanswered as unanswered:
        yield LeftOut("log", unanswered.action, unanswered.why)
    facts = Facts(
        detail=detail,
        title=title or detail["jobName"],
        status_reason=detail.get("statusReason") or last.get("statusReason", ""),
        container_reason=container.get("reason") or last.get("container", {}).get("reason", ""),
        code=container.get("exitCode", last.get("container", {}).get("exitCode")),
        lines=lines,
    )
    for rule in _RULES:
        if (found := rule(view, facts)) is not None:
            yield from found
            break
    yield from _interruptions(facts)


def _also(facts: Facts, specific: Answers, general: Finding) -> Iterator[Finding | LeftOut]:
    """The faults that checks find behind a reason, else what the reason says."""
    found = list(specific)
    faults = [each for each in found if isinstance(each, Finding) and not each.warning]
    for each in faults:
        yield replace(each, evidence=(*facts.evidence[:1], *each.evidence))
    if not faults:
        yield general
    yield from (each for each in found if each not in faults)


def _dependency(view: View, facts: Facts) -> Answers | None:
    if not facts.status_reason.startswith("Dependent Job failed"):
        return None
    ids = [each["jobId"] for each in facts.detail.get("dependsOn", []) if each.get("jobId")]
    others = view.items("batch", "describe_jobs", "jobs", jobs=ids[:100]) if ids else []
    failed = [each for each in others if each["status"] == "FAILED"]

    def answers() -> Iterator[Finding | LeftOut]:
        for other in failed[:3]:
            for answer in explain(_scope_of(view, other), other):
                if isinstance(answer, Finding):
                    yield replace(
                        answer, cause=f"{facts.title} was not run because {other['jobName']} failed: {answer.cause}"
                    )
                else:
                    yield answer
        if not failed:
            yield Finding(
                cause=f"{facts.title} was not run because a job that it depends on failed",
                evidence=(*facts.evidence, f"dependsOn {', '.join(ids) or '(none)'}"),
                remedy="Batch forgets jobs some days after their end. Repeat the command",
            )

    return answers()


def _scope_of(view: View, detail: Any) -> View:
    """The view on the definition of another job."""
    return replace(view, definition_arns={detail["jobName"]: detail["jobDefinition"]})


def _ended_by_somebody(_: View, facts: Facts) -> Answers | None:
    if _WAITED.search(facts.status_reason) or not (facts.detail.get("isTerminated") or facts.detail.get("isCancelled")):
        return None
    if "exceeded timeout" in facts.status_reason:
        return None
    return [
        Finding(
            cause=f"Somebody ended {facts.title}: {facts.status_reason or 'no reason given'}",
            evidence=facts.evidence[:1],
            remedy="Submit it again if it is still wanted. CloudTrail's event TerminateJob or CancelJob says who it was",
        )
    ]


def _cancelled(view: View, facts: Facts) -> Answers | None:
    found = _WAITED.search(facts.status_reason)
    if not found:
        return None
    text = advice(facts.status_reason[found.start() :], Queue(region=view.region))
    return [
        Finding(
            cause=f"{facts.title} waited in vain for a machine, and its queue cancelled it: {found[0]}",
            evidence=facts.evidence[:1],
            remedy=text or "Look at the stack: biobatch doctor",
        )
    ]


def _overrides(_: View, facts: Facts) -> Answers | None:
    if "Overrides length" not in facts.status_reason:
        return None
    return [
        Finding(
            cause=f"The submission of {facts.title} is too long for Batch",
            evidence=facts.evidence[:1],
            remedy="Submit it with biobatch, which puts a long script into S3, or use JOB_SCRIPT_FROM and JOB_INPUTS_FROM "
            "(docs/reference/job-environment.md)",
        )
    ]


def _timeout(_: View, facts: Facts) -> Answers | None:
    if "exceeded timeout" not in facts.status_reason:
        return None
    seconds = facts.detail.get("timeout", {}).get("attemptDurationSeconds", 0)
    return [
        Finding(
            cause=f"{facts.title} took longer than its limit{f' of {seconds / 3600:g} hours' if seconds else ''}",
            evidence=facts.evidence,
            remedy=f"Give it more time: --timeout-hours {max(1, -(-2 * seconds // 3600))}. For all jobs of the tool: timeoutSeconds in tools",
        )
    ]


def _pull(view: View, facts: Facts) -> Answers | None:
    if "CannotPull" not in facts.text:
        return None
    uri = facts.detail.get("container", {}).get("image", "")
    tool = next(iter(view.definition_arns), facts.title)
    network = re.search(r"timeout|i/o|deadline|no route|lookup|connection", facts.text, re.IGNORECASE)
    checks: list[Callable[[View], Answers]] = [
        lambda view: images.of(view, tool, uri),
        check_roles,
        check_network,
        check_firewall,
    ]
    if network:
        checks = [*checks[2:], *checks[:2]]
    if re.search(r"no space", facts.text, re.IGNORECASE):
        remedy = f"The machine's disk is full of images and data. {_LARGER_DISK}"
    elif network:
        remedy = "The machine does not reach ECR. Look at the network: biobatch doctor"
    elif re.search(r"toomanyrequests|rate", facts.text, re.IGNORECASE):
        remedy = "The registry limits the pulls. Copy the image to ECR (docs/how-to/add-a-tool.md), or repeat the command later"
    else:
        remedy = "Build the image again, as docs/how-to/monthly-upkeep.md says: pulumi up --replace URN"
    general = Finding(
        cause=f"The machine could not pull the image of {facts.title}: {facts.container_reason or facts.status_reason}",
        evidence=(*facts.evidence, f"image {uri}"),
        remedy=remedy,
    )
    return _also(facts, _answers(view, checks), general)


def _answers(view: View, checks: Iterable[Callable[[View], Answers]]) -> Iterator[Finding | LeftOut]:
    for check in checks:
        try:
            yield from check(view)
        except Unanswered as unanswered:
            yield LeftOut("what lies behind the failure", unanswered.action, unanswered.why)


def _start(view: View, facts: Facts) -> Answers | None:
    """Failures before the command started."""
    rules: list[tuple[str, str, str, list[Callable[[View], Answers]]]] = [
        ("unable to assume the role", "ECS may not assume the role of {title}", "Restore the roles: pulumi up --refresh", [check_roles]),
        ("ResourceInitializationError", "The machine could not prepare {title}: {reason}", "Look at roles and network: biobatch doctor", [check_storage, check_roles, check_network]),
        ("awslogs|log stream|logging driver", "The log of {title} could not be opened: {reason}", "Restore the log group and its role: pulumi up --refresh", [check_storage, check_roles]),
        ("exec format error", "The image of {title} is of another architecture than the machine", "Build it for the machines: pulumi config set architecture ARCHITECTURE && pulumi up", []),
        ("DockerTimeout", "Docker on the machine took too long to start {title}", "Repeat the command. If the disk is slow or full, use a larger volume: " + _LARGER_DISK, []),
        ("CannotCreateVolume|no space left", "The machine's disk is full, so {title} could not start", f"Use a larger volume: {_LARGER_DISK}", []),
        ("CannotStartContainer|CannotCreateContainer|CannotInspectContainer", "The container of {title} could not start: {reason}", "Correct what the message names. A command that does not exist in the image is the usual cause", []),
    ]  # fmt: skip
    for pattern, cause, remedy, checks in rules:
        log_too = " ".join([facts.text, *(facts.lines if "exec format" in pattern else [])])
        if re.search(pattern, log_too, re.IGNORECASE):
            said = facts.container_reason or facts.status_reason
            general = Finding(
                cause=cause.format(title=facts.title, reason=said), evidence=facts.evidence, remedy=remedy
            )
            return _also(facts, _answers(view, checks), general)
    return None


def _memory(_: View, facts: Facts) -> Answers | None:
    if "OutOfMemory" not in facts.text and facts.code != 137:
        return None
    asked = _memory_mib(facts.detail)
    return [
        Finding(
            cause=f"{facts.title} used up its memory{f' of {asked:,} MiB' if asked else ''}",
            evidence=facts.evidence,
            remedy=f"Ask for more: --memory-mib {2 * asked}" if asked else "Ask for more: --memory-mib N",
        )
    ]


def _memory_mib(detail: Any) -> int:
    container = detail.get("container", {})
    asked = {each["type"]: int(each["value"]) for each in container.get("resourceRequirements", [])}
    return int(asked.get("MEMORY", container.get("memory", 0)))


def _reclaimed(_: View, facts: Facts) -> Answers | None:
    count = interruptions(facts.detail)
    if not facts.status_reason.startswith("Host EC2") or not count:
        return None
    attempts = len(facts.detail.get("attempts", []))
    return [
        Finding(
            cause=f"Spot took the machine of {facts.title} away in {count} of {attempts} attempts",
            evidence=tuple(dict.fromkeys(each.get("statusReason", "") for each in facts.detail["attempts"])),
            remedy="Submit it to the queue without Spot: --queue on-demand. Shorter jobs, and more instanceTypes, are interrupted less often",
        )
    ]


def interruptions(detail: Any) -> int:
    """Attempts that ended because the machine was taken away."""
    return sum("Host EC2" in each.get("statusReason", "") for each in detail.get("attempts", []))


#: Lines in the log of a workflow engine's job, what they mean, and what to do.
_ENGINE = (
    (r"\baws: (command )?not found|/bin/aws: No such file", "the container has no aws, with which an engine copies the files of a task",
     "Use the stack's settings: biobatch engines nextflow > biobatch.config. The containers of a pipeline get aws from the machine, which has it "
     f"with engines: {ALLOW_ENGINES}"),
    (r"required by nextflow to collect task metrics", "the image has no ps, which Nextflow needs for reports and traces",
     "Use an image with ps (in Debian the package procps), or run Nextflow without -with-report, -with-trace and -with-timeline"),
    (r"(AccessDenied|not authorized)\b.*RegisterJobDefinition", "the engine may not register its job definition",
     "Use the stack's settings: biobatch engines nextflow --images > biobatch.config. Allow the image: engineImages (docs/how-to/engines/nextflow.md), "
     "or approve it: docs/how-to/engines/approve.md"),
)  # fmt: skip


def _engine(_: View, facts: Facts) -> Answers | None:
    """Failures of a workflow engine's job, or of its head, that the log tells."""
    if not facts.code:
        return None
    for pattern, cause, remedy in _ENGINE:
        for line in facts.lines:
            if re.search(pattern, line):
                return [
                    Finding(cause=f"{facts.title}: {cause}: {line.strip()}", evidence=facts.evidence, remedy=remedy)
                ]
    return None


def _exit_code(view: View, facts: Facts) -> Answers | None:
    if facts.code is None:
        return None
    said = log.refusal(facts.lines)
    known = _CODES.get(facts.code)
    if known is None or (facts.code == 65 and said):
        if facts.code == 0:
            return None
        cause = f"{facts.title}: {said}" if said else f"The command of {facts.title} failed with exit code {facts.code}"
        remedy = "Correct the file that the line names, and repeat the command" if said else (
            f"Read what the command said, and correct it: biobatch logs {facts.detail['jobId']}"
        )  # fmt: skip
        return [Finding(cause=cause, evidence=facts.evidence, remedy=remedy)]
    meaning, remedy = known
    general = Finding(
        cause=f"{facts.title}: {meaning}{f': {said}' if said else ''}", evidence=facts.evidence, remedy=remedy
    )
    return _also(facts, _answers(view, _behind(facts)), general)


def _behind(facts: Facts) -> list[Callable[[View], Answers]]:
    """Checks of what an exit code points at."""

    def of_job(view: View) -> Answers:
        return inputs.check_inputs(view, facts.detail)

    if facts.code in (66, 73):
        return [of_job]
    if facts.code == 77:
        return [check_roles, of_job]
    return [check_network, check_firewall] if facts.code == 69 else []


def _unknown(_: View, facts: Facts) -> Answers | None:
    reason = logs.reason(facts.detail) or facts.status_reason
    return [
        Finding(
            cause=f"{facts.title} failed: {reason or 'Batch gives no reason'}",
            evidence=facts.evidence,
            remedy=f"Read its log: biobatch logs {facts.detail['jobId']}",
        )
    ]


_RULES: tuple[Callable[[View, Facts], Answers | None], ...] = (
    _dependency,
    _overrides,
    _cancelled,
    _timeout,
    _ended_by_somebody,
    _pull,
    _start,
    _reclaimed,
    _memory,
    _engine,
    _exit_code,
    _unknown,
)


def _interruptions(facts: Facts) -> Iterator[Finding]:
    """A warning if Spot took machines away before the job failed for another reason."""
    count = interruptions(facts.detail)
    if count and not facts.status_reason.startswith("Host EC2"):
        yield Finding(
            cause=f"Spot took the machine of {facts.title} away {count} time{'s' if count > 1 else ''} before",
            evidence=tuple(dict.fromkeys(each.get("statusReason", "") for each in facts.detail["attempts"])),
            remedy="If it matters, submit with --queue on-demand",
            warning=True,
        )
