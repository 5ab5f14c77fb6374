"""The outputs of a deployed stack, which say where to submit."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from biobatch.refusal import Refused

#: How the file for --outputs is written, in the folder of Biobatch's Pulumi.yaml.
_WRITE = "pulumi stack output --json > "

#: What the tool of a job begins with if the tool runs as the head of a workflow engine, with the right to submit jobs.
HEAD = "head:"

#: Folders of the copies of public images, by their registry.
CACHE_FOLDERS = {"quay.io": "quay", "public.ecr.aws": "ecr-public"}

#: What lets engines register job definitions and run as jobs.
ALLOW_ENGINES = "pulumi config set biobatch:engines true && pulumi up"


@dataclass(frozen=True, kw_only=True)
class StackOutputs:
    """The part of `pulumi stack output` that the client needs."""

    queue_arn: str
    on_demand_queue_arn: str
    job_definition_arns: Mapping[str, str]
    bucket: str
    region: str
    log_group: str
    max_vcpus: int | None = None
    """vCPUs that each of the stack's compute environments can grow to. None if an older stack does not say."""
    scratch_gib: int | None = None
    """GiB of each machine's disk. None if an older stack does not say."""
    instance_types: Sequence[str] = ()
    """Instance types, families or sets of the compute environments. Empty if an older stack does not say."""
    job_role_arn: str = ""
    execution_role_arn: str = ""
    engine_job_definition_arns: Mapping[str, str] = field(default_factory=dict)
    """Job definitions for workflow engines, by tool. Empty if an older stack has none."""
    engine_policy_arn: str = ""
    """The policy of engines that register job definitions. Empty if the stack does not allow it."""
    head_job_definition_arns: Mapping[str, str] = field(default_factory=dict)
    """Job definitions for the heads of engines, by tool. Empty if the stack does not allow them."""
    image_cache: str = ""
    """Registry and folder of the copies of public images, for machines without a way to the internet. Empty if the machines have one."""

    @property
    def account(self) -> str:
        """The ID of the AWS account that holds the stack, read from the queue's ARN. Empty if the ARN has none."""
        parts = self.queue_arn.split(":")
        return parts[4] if len(parts) > 5 else ""

    @property
    def work_folder(self) -> str:
        """URI of the bucket's folder for the scratch data of engines, without a slash at its end. S3 deletes what is in it after `workDays`."""
        return f"s3://{self.bucket}/work"

    @property
    def engines_folder(self) -> str:
        """URI of the bucket's folder for the results of engines, without a slash at its end. Engines may replace what is in it."""
        return f"s3://{self.bucket}/engines"

    def queue(self, name: str) -> str:
        """The ARN of a queue.

        Args:
            name: `main`, `on-demand` or an ARN.

        Raises:
            Refused: if the name is something else.
        """
        known = {"main": self.queue_arn, "on-demand": self.on_demand_queue_arn}
        if name not in known and not name.startswith("arn:"):
            raise Refused(f"{name!r} is not a queue. Use main, on-demand or the ARN of a job queue")
        return known.get(name, name)

    @property
    def definitions(self) -> dict[str, str]:
        """The job definitions of the tools and of the heads of engines, by the tool of a job."""
        heads = {f"{HEAD}{tool}": arn for tool, arn in self.head_job_definition_arns.items()}
        return {**self.job_definition_arns, **heads}

    def job_definition(self, tool: str) -> str:
        """The ARN of a tool's job definition.

        Args:
            tool: name of the tool. With the prefix `HEAD`, the tool runs as the head of an engine.

        Raises:
            Refused: if the stack has no such tool.
        """
        if tool.startswith(HEAD):
            return self._head_definition(tool.removeprefix(HEAD))
        if tool not in self.job_definition_arns:
            raise Refused(f"{tool!r}: the stack has no such tool. It has {', '.join(sorted(self.job_definition_arns))}")
        return self.job_definition_arns[tool]

    def _head_definition(self, tool: str) -> str:
        heads = self.head_job_definition_arns
        if tool in heads:
            return heads[tool]
        if heads:
            raise Refused(
                f"{tool!r}: the stack cannot run it as a head. With --head it runs {', '.join(sorted(heads))}"
            )
        if self.engine_policy_arn:
            raise Refused(
                f"{tool!r}: --head runs tools of your own, and the stack has none. Add one: docs/how-to/add-a-tool.md"
            )
        raise Refused(
            f"{tool!r}: the stack does not let jobs submit jobs, so --head cannot run it. An administrator allows it: {ALLOW_ENGINES}"
        )

    def engine_definition(self, tool: str, page: str = "docs/how-to/add-a-tool.md") -> str:
        """The ARN of a tool's job definition for workflow engines.

        Args:
            tool: name of the tool.
            page: the page that says how to add it, for the message.

        Raises:
            Refused: if the stack has no such tool, or was deployed with an older version of Biobatch.
        """
        self.require_engine_definitions()
        if tool not in self.engine_job_definition_arns:
            raise Refused(
                f"{tool!r}: the stack has no such tool. It has {', '.join(sorted(self.engine_job_definition_arns))}. Add it: {page}"
            )
        return self.engine_job_definition_arns[tool]

    def require_engine_definitions(self) -> None:
        """Checks that the stack has job definitions for engines.

        Raises:
            Refused: if it was deployed with an older version of Biobatch.
        """
        if not self.engine_job_definition_arns:
            raise Refused(
                "the stack's outputs lack engine_job_definition_arns, because an older version of Biobatch deployed it. Deploy it again: pulumi up. "
                f"If you use --outputs, then write the file again: {_WRITE}FILE.json"
            )

    def require_engine_policy(self, what: str) -> None:
        """Checks that the stack allows engines to run images of their own.

        Args:
            what: what needs it, for the message.

        Raises:
            Refused: if the stack does not allow it.
        """
        if not self.engine_policy_arn:
            raise Refused(
                f"{what}: the stack's outputs lack engine_policy_arn, because it does not let engines run images of their own. An administrator "
                f"allows it: {ALLOW_ENGINES}"
            )


def read(file: Path | None = None, stack: str | None = None) -> StackOutputs:
    """Reads a stack's outputs.

    Args:
        file: a file that `pulumi stack output --json` wrote. None asks Pulumi.
        stack: the stack to ask Pulumi for. None stands for the selected stack.

    Raises:
        Refused: if the outputs cannot be read. The message says which command helps.
    """
    return read_file(file, f"--outputs {file}") if file else parse(ask_pulumi("stack", "output", "--json", stack=stack))


def read_file(file: Path, option: str) -> StackOutputs:
    """Reads a stack's outputs from a file.

    Args:
        file: the file.
        option: how the user named the file, for messages.

    Raises:
        Refused: if the file cannot be read or does not hold a stack's outputs.
    """
    remedy = f"Write the file in Biobatch's folder: {_WRITE}{shlex.quote(str(file.resolve()))}"
    try:
        # As bytes, since PowerShell writes UTF-16.
        content = file.read_bytes()
    except OSError as error:
        raise Refused(f"{option}: {error.strerror}. {remedy}") from None
    return parse(content, option, remedy)


def parse(
    text: str | bytes, source: str = "pulumi stack output", remedy: str = "Deploy the stack: pulumi up"
) -> StackOutputs:
    """Reads a stack's outputs from JSON.

    Args:
        text: a JSON object.
        source: where it comes from, for messages.
        remedy: what helps if it does not hold the outputs, for messages.

    Raises:
        Refused: if it is no JSON object, or if outputs are missing or of another type.
    """
    try:
        values: Any = json.loads(text)
    except ValueError:
        raise Refused(f"{source} is not JSON. {remedy}") from None
    if not isinstance(values, dict):
        raise Refused(f"{source} is not a JSON object of a stack's outputs. {remedy}")
    wanted = fields(StackOutputs)
    missing = [each.name for each in wanted if _is_required(each) and each.name not in values]
    if missing:
        raise Refused(
            f"{source} lacks {', '.join(missing)}. It is of another version of Biobatch, or of another program's stack. {remedy}"
        )
    found = {each.name: values[each.name] for each in wanted if each.name in values}
    wrong = [name for name, value in found.items() if not _has_type(name, value)]
    if wrong:
        raise Refused(
            f"{source} has {', '.join(wrong)} in another form than this version of biobatch reads. Install the version of biobatch that the "
            f"stack was deployed with. {remedy}"
        )
    return StackOutputs(**found)


def _is_required(each: Field[Any]) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _has_type(name: str, value: Any) -> bool:
    match name:
        case "job_definition_arns" | "engine_job_definition_arns" | "head_job_definition_arns":
            return isinstance(value, dict) and all(isinstance(arn, str) for arn in value.values())
        case "instance_types":
            return isinstance(value, list) and all(isinstance(kind, str) for kind in value)
        case "max_vcpus" | "scratch_gib":
            return value is None or isinstance(value, int)
    return isinstance(value, str)


def ask_pulumi(*arguments: str, stack: str | None = None) -> str:
    """The output of a `pulumi` command.

    Args:
        arguments: the command.
        stack: the stack that it is about. None stands for the selected stack.

    Raises:
        Refused: if there is no Pulumi CLI, no folder of Biobatch to run it in, or if the command fails.
    """
    command = ["pulumi", *arguments, *(["--stack", stack] if stack else [])]
    other_way = f"or read the outputs from a file ({_WRITE}FILE.json): --outputs FILE.json"
    folder = _project()
    if folder is None:
        raise Refused(
            "which stack? This folder is not in Biobatch's, so Pulumi cannot be asked. Change to the folder of Biobatch's Pulumi.yaml, "
            + other_way
        )
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Refused(
            f"the command pulumi was not found. Install it (https://www.pulumi.com/docs/install), {other_way}"
        ) from None
    if done.returncode:
        answer = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise Refused(f"`{' '.join(command)}`: {answer}. Select a stack (pulumi stack select), {other_way}")
    return done.stdout


def _project() -> Path | None:
    """The folder of the Biobatch program whose stacks Pulumi is asked for: the working folder's, else the clone that this client or its
    virtual environment is in."""
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parent.parent, Path(sys.prefix).parent):
        try:
            if re.search(r"^name:\s*['\"]?biobatch\b", (folder / "Pulumi.yaml").read_text("utf-8"), re.MULTILINE):
                return folder
        except (OSError, UnicodeDecodeError):
            continue
    return None
