"""One job as it is submitted: a tool, its command, what is staged in and out, and its size."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from biobatch.refusal import Refused
from biobatch.uris import S3Uri, encode_glob

if TYPE_CHECKING:
    from mypy_boto3_batch.type_defs import ContainerOverridesTypeDef

#: Characters of a submission's overrides as JSON: Batch fails a job that has more (aws-batch limits).
MAX_OVERRIDES = 8192

#: From here on the inputs go into an object of their own: room for what Batch itself adds.
LONG_OVERRIDES = 6000


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """A job to submit; equal to itself only."""

    name: str
    """Up to 128 letters, digits, hyphens and underscores."""
    tool: str
    """Its job definition's name in the stack's outputs."""
    command: tuple[str, ...]
    """One argument is a script for bash, two or more are run as they are."""
    inputs: tuple[S3Uri, ...] = ()
    """Objects that the job finds in its working folder, under their base names; a glob stands for all that it matches."""
    outputs: tuple[str, ...] = ()
    """Globs of the files that it publishes, relative to the working folder."""
    output_prefix: S3Uri
    """Folder that the outputs go to, under their relative paths."""
    manifest: S3Uri
    """Object that is written last; without it there is no result."""
    producers: tuple[S3Uri, ...] = ()
    """Manifests of the jobs that made its inputs: it runs only on what they name, and as they name it."""
    warnings: str = ""
    """The output that says what is odd about its data: a line each, none if nothing."""
    resume: bool = False
    """Whether it ends at once if its manifest says that the same has been done before."""
    test_inputs: bool = False
    """Whether gzip and BAM inputs are read to their end first, and refused if they were cut off."""
    keep_on_failure: tuple[str, ...] = ()
    """Globs of the files that are published if the command fails, under `kept`."""
    least_bytes: int = 0
    """Bytes that its files take on the scratch volume at least; 0 if nothing is known."""
    likely_bytes: int = 0
    """Bytes that they may well take."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of the command's own."""
    vcpus: int | None = None
    """vCPUs; the definition's by default."""
    memory_mib: int | None = None
    """Memory in MiB; the definition's by default."""
    timeout_hours: int | None = None
    """Hours after which Batch ends an attempt; the definition's limit by default."""
    after: tuple[Job, ...] = ()
    """Jobs that must have succeeded before."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Tags of the job; the definition hands them on to its task."""
    subject: str
    """What it works on: the sample. The progress has a row for each."""
    step: str
    """What it does for it. The progress has a column for each."""
    part: str = ""
    """What tells it from others of the same step and sample."""

    @property
    def title(self) -> str:
        """What a person calls it."""
        return " ".join(word for word in (self.subject, self.step, self.part) if word)

    @property
    def input_list(self) -> S3Uri:
        """Object that holds the inputs if there are too many for the environment."""
        return S3Uri(self.manifest.bucket, self.manifest.key.removesuffix(".json") + ".inputs.txt")

    def kept(self, job_id: str) -> S3Uri:
        """Folder that holds what the job left where it failed, an attempt each; the images' `job` knows it by the same rule."""
        return self.output_prefix / f"failed/{job_id.replace(':', '_')}/"

    def input_lines(self) -> str:
        """Content of `input_list`."""
        return "".join(f"{uri.encoded()}\n" for uri in self.inputs)


def faults(job: Job) -> list[str]:
    """What the job itself would refuse, found before it is submitted."""
    found = []
    by_name: dict[str, S3Uri] = {}
    for uri in job.inputs:
        other = by_name.setdefault(uri.name, uri)
        if other is not uri:
            same = f"{uri} is given twice" if other == uri else f"{other} and {uri} have one file name, {uri.name}"
            found.append(f"{job.title}: {same}, and a job holds one file of a name. Copy one to another key: aws s3 cp")
    found += [fault for glob in job.outputs for fault in _glob_faults("--output", glob)]
    found += [fault for glob in job.keep_on_failure for fault in _glob_faults("--keep-on-failure", glob)]
    for name, value, least in (
        ("--vcpus", job.vcpus, 1),
        ("--memory-mib", job.memory_mib, 4),
        ("--timeout-hours", job.timeout_hours, 1),
    ):
        if value is not None and value < least:
            found.append(f"{name} {value}: it must be {least} or more")
    if not found:
        try:
            overrides(job)
        except Refused as refused:
            found += refused.faults
    return found


def _glob_faults(option: str, glob: str) -> list[str]:
    """What would match no file, which the job itself tells only at its end."""
    parts = glob.split("/")
    why = ""
    if glob.startswith("s3://"):
        why = "this is a URI: name files of the working folder here, and where they go by --output-prefix"
    elif not glob.strip() or any(part in ("", ".", "..") for part in parts):
        why = "name files inside the working folder, such as *.bam or folder/*.txt"
    elif glob != glob.strip():
        why = "a blank stands before or behind it and would be part of the file's name. Leave it out"
    elif len(words := glob.split()) > 1 and all(re.search(r"[*?]", word) for word in words):
        why = f"this is one pattern with a blank in it. Give the option for each: {' '.join(f'{option} {word!r}' for word in words)}"
    elif "**" in parts:
        why = "** is not a pattern here, * ends at a slash. Name each folder: folder/*"
    elif braces := re.fullmatch(r"(.*)\{([^{}]*,[^{}]*)\}(.*)", glob):
        each = [braces[1] + choice + braces[3] for choice in braces[2].split(",")]
        why = f"braces are not expanded. Give the option for each: {' '.join(f'{option} {word!r}' for word in each)}"
    return [f"{option} {glob!r}: {why}"] if why else []


def overrides(job: Job) -> tuple[ContainerOverridesTypeDef, bool]:
    """What a submission changes in the tool's job definition, and whether the job reads its inputs from `input_list`.

    Raises:
        Refused: if it is longer than Batch takes.
    """
    direct = _overrides(job, {"JOB_INPUTS": " ".join(uri.encoded() for uri in job.inputs)} if job.inputs else {})
    if not job.inputs or _length(direct) <= LONG_OVERRIDES:
        listed, chosen = False, direct
    else:
        listed, chosen = True, _overrides(job, {"JOB_INPUTS_FROM": job.input_list.encoded()})
    if _length(chosen) > MAX_OVERRIDES:
        raise Refused(
            f"{job.title}: command, outputs and prefix are {_length(chosen):,} characters of JSON, and Batch takes {MAX_OVERRIDES:,}. "
            "Stage a long script in with --input and run it by name, or shorten the prefix"
        )
    return chosen, listed


def _overrides(job: Job, inputs: Mapping[str, str]) -> ContainerOverridesTypeDef:
    def relative(uri: S3Uri) -> str:
        return uri.encoded().removeprefix(job.output_prefix.encoded())

    environment = {
        **inputs,
        **({"JOB_OUTPUTS": " ".join(encode_glob(glob) for glob in job.outputs)} if job.outputs else {}),
        "JOB_OUTPUT_PREFIX": job.output_prefix.encoded(),
        "JOB_MANIFEST": job.manifest.encoded(),
        **({"JOB_INPUT_MANIFESTS": " ".join(map(relative, job.producers))} if job.producers else {}),
        **({"JOB_RESUME": "1"} if job.resume else {}),
        **({"JOB_TEST_INPUTS": "1"} if job.test_inputs else {}),
        **(
            {"JOB_KEEP_ON_FAILURE": " ".join(encode_glob(glob) for glob in job.keep_on_failure)}
            if job.keep_on_failure
            else {}
        ),
        **({"JOB_TIMEOUT_SECONDS": str(job.timeout_hours * 3600)} if job.timeout_hours else {}),
        "JOB_SUBMITTED": str(int(time.time())),
        **job.environment,
    }
    chosen: ContainerOverridesTypeDef = {
        "command": list(job.command),
        "environment": [{"name": name, "value": value} for name, value in environment.items()],
    }
    sizes: list[tuple[str, int | None]] = [("VCPU", job.vcpus), ("MEMORY", job.memory_mib)]
    requirements = [{"type": kind, "value": str(value)} for kind, value in sizes if value is not None]
    if requirements:
        chosen["resourceRequirements"] = requirements  # type: ignore[typeddict-item]
    return chosen


def _length(chosen: ContainerOverridesTypeDef) -> int:
    return len(json.dumps(chosen))
