"""What to do about a job that failed. docs/reference/exit-codes.md describes the codes."""

from __future__ import annotations

from collections.abc import Mapping

from biobatch.page.model import JobFigures

_CODES: Mapping[int, str] = {
    64: "A variable of the job or its command is wrong. Read the log, correct the command and submit it again.",
    65: "An input is damaged or was overwritten. Upload it again, then resume the run.",
    66: "An input does not exist, is archived, or two inputs have the same file name. Read the log for its name, upload or restore it, then resume the run.",
    69: "S3 or the machine's agent did not answer for a long time. Resume the run.",
    71: "Other jobs had filled the machine's disk. Set a larger scratchGiB if this repeats, then resume the run.",
    73: "An output pattern matches no file, or the bucket does not exist. Correct --output and submit the job again.",
    74: "S3 or the disk failed. Resume the run.",
    77: "S3 refused access. Give the stack the bucket with the setting dataBuckets and deploy it (pulumi up), then resume the run.",
    78: "The machine's disk is too small for the job. Set a larger scratchGiB and deploy it (pulumi up), then resume the run.",
    126: "The command cannot be run. Correct it and submit it again.",
    127: "The command does not exist in the image. Correct it and submit it again.",
    143: "The machine was stopped. Resume the run.",
}

_MEMORY = "The memory was used up. Give the tool more ({lines}), then resume the run."

_REASONS: Mapping[str, str] = {
    "Host EC2": "AWS took the machine back in every attempt. Resume the run, with --queue on-demand if this repeats.",
    "OutOfMemory": _MEMORY,
    "CannotPullContainer": "The image cannot be pulled. Deploy the stack again (pulumi up), then resume the run.",
    "duration exceeded timeout": "The job reached its time limit. Give it more with --timeout-hours.",
    "MISCONFIGURATION": "No machine of the queue can hold the job. Ask for a smaller size, or add larger instanceTypes to the stack.",
    "canceled": "Somebody cancelled the job. Resume the run.",
    "terminated": "Somebody ended the job. Resume the run.",
}


def remedy(job: JobFigures, command: str) -> str:
    """What to do about a job that failed, in sentences.

    Args:
        job: the job.
        command: the command of the run.
    """
    for part, text in _REASONS.items():
        if part.lower() in job.reason.lower():
            return text.format(lines=_more_memory(job, command))
    if job.exit_code == 137:
        return _MEMORY.format(lines=_more_memory(job, command))
    if any("refused" in line for line in job.log):
        return "The step refused an input, and the log says why. Correct the input, then resume the run."
    if job.exit_code is not None and job.exit_code in _CODES:
        return _CODES[job.exit_code]
    return "Read the log for the cause, correct it, then resume the run."


def _more_memory(job: JobFigures, command: str) -> str:
    more = int(2 * job.memory_mib) or 4000
    if command == "submit":
        return f"--memory-mib {more}"
    return f"pulumi config set --path 'biobatch:tools.{job.tool}.memoryMib' {more}"
