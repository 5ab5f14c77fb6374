"""One job: its tool, command, inputs, outputs and size, and the overrides with which it is submitted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from biobatch.refusal import Refused
from biobatch.uris import S3Uri, encode_glob

if TYPE_CHECKING:
    from mypy_boto3_batch.type_defs import ContainerOverridesTypeDef

#: Characters of a submission's overrides as JSON. Batch fails a job that has more (AWS Batch User Guide, "Service quotas").
MAX_OVERRIDES = 8192

#: Characters of overrides above which the inputs are listed in an object. The rest of the limit is for what Batch adds.
LONG_OVERRIDES = 6000

#: Characters of a job's line in the tasks of an array job. The images' `job` reads lines of 64 KiB at most.
MAX_TASK = 60_000


#: Variables of a submission, as long as they get, to check the length of its overrides before it is submitted.
_SUBMISSION = {"JOB_RUN": "20261129-085828-4fef", "JOB_STEP": "distances", "JOB_SUBMITTED": "1764406708"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """A job to submit. Two jobs are never equal."""

    tool: str
    """The tool, by its name in the stack's outputs."""
    command: tuple[str, ...]
    """A single argument is a script for bash. Two or more run as they are."""
    inputs: tuple[S3Uri, ...] = ()
    """Objects that the job downloads into its working folder, under their base names. A glob stands for all objects that it matches."""
    outputs: tuple[str, ...] = ()
    """Globs of the files that the job publishes, relative to the working folder."""
    output_prefix: S3Uri
    """Folder for the outputs, which keep their relative paths."""
    manifest: S3Uri
    """Object that is written last. The outputs are incomplete until it exists and is not empty."""
    producers: tuple[S3Uri, ...] = ()
    """Manifests of the jobs that made the inputs. The job runs only if its inputs are as the manifests name them."""
    warnings: str = ""
    """The output with warnings about the data, one a line. Empty if the job makes none."""
    resume: bool = False
    """Whether the job ends at once if its manifest names the same inputs, command and image."""
    required: bool = True
    """Whether the run fails if the job fails."""
    test_inputs: bool = False
    """Whether the job first reads gzip and BAM inputs to their end, and fails if one was cut off."""
    keep_on_failure: tuple[str, ...] = ()
    """Globs of the files that are published under `kept` if the command fails."""
    least_bytes: int = 0
    """Bytes that the job's files take on the scratch volume at least. 0 if unknown."""
    likely_bytes: int = 0
    """Bytes that the job's files are likely to take. 0 if unknown."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables for the command."""
    vcpus: int | None = None
    """vCPUs. None leaves it to the job definition."""
    memory_mib: int | None = None
    """Memory in MiB. None leaves it to the job definition."""
    timeout_hours: int | None = None
    """Hours after which Batch ends an attempt. None leaves it to the job definition."""
    after: tuple[Job, ...] = ()
    """Jobs that must succeed before this one starts."""
    subject: str
    """What the job works on, usually a sample. It is a row of the progress table."""
    step: str
    """The step that the job does. It is a column of the progress table."""
    part: str = ""
    """What distinguishes the job from others of the same step and sample."""
    recorded: Mapping[str, str] | None = None
    """The variables of a job that an earlier attempt of its run recorded. None derives them from the fields above."""

    @property
    def title(self) -> str:
        """The job's name in messages."""
        return " ".join(word for word in (self.subject, self.step, self.part) if word)

    @property
    def input_list(self) -> S3Uri:
        """Object that lists the inputs if they are too long for the environment."""
        return self._beside_manifest(".inputs.txt")

    @property
    def script(self) -> S3Uri:
        """Object that holds the command if it is a script that is too long for a submission."""
        return self._beside_manifest(".script.sh")

    def _beside_manifest(self, ending: str) -> S3Uri:
        return S3Uri(self.manifest.bucket, self.manifest.key.removesuffix(".json") + ending)

    def kept(self, job_id: str) -> S3Uri:
        """Folder for the files of a failed job, with a folder for each attempt. The images' `job` uses the same path."""
        return self.output_prefix / f"failed/{job_id.replace(':', '_')}/"


def faults(job: Job) -> list[str]:
    """Faults for which the job would fail, found before it is submitted."""
    found = []
    by_name: dict[str, S3Uri] = {}
    for uri in job.inputs:
        other = by_name.setdefault(uri.name, uri)
        if other is not uri:
            same = f"{uri} is given twice" if other == uri else f"{other} and {uri} have the same file name, {uri.name}"
            found.append(
                f"{job.title}: {same}, and a job has one file of each name. Copy one object to another key: aws s3 cp"
            )
    found += [fault for glob in job.outputs for fault in _glob_faults("--output", glob)]
    found += [fault for glob in job.keep_on_failure for fault in _glob_faults("--keep-on-failure", glob)]
    for name, value, least in (
        ("--vcpus", job.vcpus, 1),
        ("--memory-mib", job.memory_mib, 4),
        ("--timeout-hours", job.timeout_hours, 1),
    ):
        if value is not None and value < least:
            found.append(f"{name} {value}: it must be {least} or more")
    if not found and not fits(job) and not _fits_tasks(job):
        found += _length_faults(job)
    return found


def fits(job: Job) -> bool:
    """Whether the variables of the job fit into a submission. If not, the job reads them from the record of its run."""
    try:
        overrides(job, _SUBMISSION)
    except Refused:
        return False
    return True


def _fits_tasks(job: Job) -> bool:
    """Whether the variables fit into a line of the record, and the command into a submission or an object."""
    found, _ = task(job)
    return len(json.dumps(found)) <= MAX_TASK and (
        len(job.command) == 1 or length({"command": list(job.command)}) < LONG_OVERRIDES
    )


def _length_faults(job: Job) -> list[str]:
    try:
        overrides(job, _SUBMISSION)
    except Refused as refused:
        return list(refused.faults)
    return []


def _glob_faults(option: str, glob: str) -> list[str]:
    """A fault if a pattern matches no file. The job would find that only at its end."""
    parts = glob.split("/")
    why = ""
    if glob.startswith("s3://"):
        why = "this is a URI. Name files of the working folder here, and their destination with --output-prefix"
    elif not glob.strip() or any(part in ("", ".", "..") for part in parts):
        why = "this is not inside the working folder. Name files such as *.bam or folder/*.txt"
    elif glob != glob.strip():
        why = "the space before or after the pattern would be part of the file name. Remove it"
    elif len(words := glob.split()) > 1 and all(re.search(r"[*?]", word) for word in words):
        why = f"this is one pattern with a space in it. Repeat the option for each pattern: {' '.join(f'{option} {word!r}' for word in words)}"
    elif "**" in parts:
        why = "** is not supported, and * does not match a slash. Name each folder: folder/*"
    elif braces := re.fullmatch(r"(.*)\{([^{}]*,[^{}]*)\}(.*)", glob):
        each = [braces[1] + choice + braces[3] for choice in braces[2].split(",")]
        why = f"braces are not expanded. Repeat the option for each pattern: {' '.join(f'{option} {word!r}' for word in each)}"
    return [f"{option} {glob!r}: {why}"] if why else []


def overrides(
    job: Job, submission: Mapping[str, str] | None = None
) -> tuple[ContainerOverridesTypeDef, dict[S3Uri, str]]:
    """The overrides of the tool's job definition.

    Args:
        job: the job.
        submission: variables that say when and how it is submitted. They do not decide its result.

    Returns:
        The overrides, and the objects with their content that the job reads because the overrides would be too long.

    Raises:
        Refused: if they are longer than Batch accepts.
    """
    environment = {**variables(job), **(submission or {})}
    objects: dict[S3Uri, str] = {}
    chosen = _overrides(job, job.command, environment)
    if job.inputs and length(chosen) > LONG_OVERRIDES:
        environment, objects = _with_input_list(job, environment)
        chosen = _overrides(job, job.command, environment)
    if length(chosen) > MAX_OVERRIDES and len(job.command) == 1:
        objects[job.script] = job.command[0]
        chosen = _overrides(job, (), {**environment, "JOB_SCRIPT_FROM": job.script.encoded()})
    if length(chosen) > MAX_OVERRIDES:
        raise Refused(
            f"{job.title}: command, outputs and prefix have {length(chosen):,} characters of JSON, and the limit of Batch is "
            f"{MAX_OVERRIDES:,}. Write the command as one script, or shorten the prefix"
        )
    return chosen, objects


def variables(job: Job) -> dict[str, str]:
    """The environment variables that distinguish the job from others of its step."""
    if job.recorded is not None:
        return dict(job.recorded)

    def relative(uri: S3Uri) -> str:
        return uri.encoded().removeprefix(job.output_prefix.encoded())

    def switch(name: str, is_on: bool) -> dict[str, str]:
        return {name: "1"} if is_on else {}

    def listed(name: str, words: Iterable[str]) -> dict[str, str]:
        text = " ".join(words)
        return {name: text} if text else {}

    return {
        **listed("JOB_INPUTS", (uri.encoded() for uri in job.inputs)),
        **listed("JOB_OUTPUTS", map(encode_glob, job.outputs)),
        "JOB_OUTPUT_PREFIX": job.output_prefix.encoded(),
        "JOB_MANIFEST": job.manifest.encoded(),
        **listed("JOB_INPUT_MANIFESTS", map(relative, job.producers)),
        **switch("JOB_RESUME", job.resume),
        **switch("JOB_TEST_INPUTS", job.test_inputs),
        **listed("JOB_KEEP_ON_FAILURE", map(encode_glob, job.keep_on_failure)),
        **({"JOB_TIMEOUT_SECONDS": str(job.timeout_hours * 3600)} if job.timeout_hours else {}),
        **listed("JOB_RECORD_VARIABLES", job.environment),
        **job.environment,
    }


def task(job: Job) -> tuple[dict[str, str], dict[S3Uri, str]]:
    """The job's line in the tasks of its part.

    Returns:
        The variables, and the objects with their content that the job reads because the line would be too long.
    """
    found = {
        **variables(job),
        "JOB_SUBJECT": job.subject,
        "JOB_PART": job.part,
        "JOB_WARNINGS": job.warnings,
    }
    return (found, {}) if len(json.dumps(found)) <= MAX_TASK else _with_input_list(job, found)


def _with_input_list(job: Job, found: Mapping[str, str]) -> tuple[dict[str, str], dict[S3Uri, str]]:
    """Variables that name an object with the list of the inputs, and that object."""
    rest = {name: value for name, value in found.items() if name != "JOB_INPUTS"}
    content = "".join(f"{uri.encoded()}\n" for uri in job.inputs)
    return {"JOB_INPUTS_FROM": job.input_list.encoded(), **rest}, {job.input_list: content}


def _overrides(job: Job, command: Sequence[str], environment: Mapping[str, str]) -> ContainerOverridesTypeDef:
    return container_overrides(command, environment, job.vcpus, job.memory_mib)


def shell_command(command: Sequence[str]) -> list[str]:
    """A command as the images' `job` executes it, and as a manifest holds it."""
    return ["bash", "-o", "pipefail", "-c", *command] if len(command) == 1 else list(command)


def container_overrides(
    command: Sequence[str], environment: Mapping[str, str], vcpus: int | None, memory_mib: int | None
) -> ContainerOverridesTypeDef:
    """Overrides of a job definition.

    Args:
        command: the command. Empty if an object holds it.
        environment: variables of this submission.
        vcpus: vCPUs of each job. None leaves it to the job definition.
        memory_mib: memory of each job in MiB. None leaves it to the job definition.
    """
    chosen: ContainerOverridesTypeDef = {
        **({"command": list(command)} if command else {}),
        "environment": [{"name": name, "value": value} for name, value in environment.items()],
    }
    sizes: list[tuple[str, int | None]] = [("VCPU", vcpus), ("MEMORY", memory_mib)]
    requirements = [{"type": kind, "value": str(value)} for kind, value in sizes if value is not None]
    if requirements:
        chosen["resourceRequirements"] = requirements  # type: ignore[typeddict-item]
    return chosen


def length(chosen: ContainerOverridesTypeDef) -> int:
    """Characters of overrides as JSON, which Batch limits."""
    return len(json.dumps(chosen))


def job_name(*words: str) -> str:
    """A name that Batch accepts: up to 128 letters, digits, hyphens and underscores."""
    first, *rest = (re.sub(r"[^A-Za-z0-9_-]", "_", word) for word in words if word)
    text = "-".join((first, *rest))
    if len(text) <= 128:
        return text
    # The first word is the run's name and the last ones are the step and the part. Those between them are the sample's.
    ending = "-".join(("", *rest[1:]))
    return f"{first}-{rest[0]}"[: 128 - len(ending)] + ending
