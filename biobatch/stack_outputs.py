"""Where to submit: the outputs of the deployed stack."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from biobatch.refusal import Refused

_PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class StackOutputs:
    """What this client needs of `pulumi stack output`."""

    queue_arn: str
    on_demand_queue_arn: str
    job_definition_arns: Mapping[str, str]
    bucket: str
    region: str
    log_group: str
    max_vcpus: int | None = None
    """vCPUs that each of the stack's environments may grow to; None where a stack of an earlier version does not say."""
    scratch_gib: int | None = None
    """GiB of each machine's disk; None likewise."""
    instance_types: Sequence[str] = ()
    """Instance types, families or sets of the environments; empty likewise."""

    def queue(self, name: str) -> str:
        """The ARN of a queue.

        Args:
            name: `main`, `on-demand` or an ARN.

        Raises:
            Refused: if it is none of them.
        """
        known = {"main": self.queue_arn, "on-demand": self.on_demand_queue_arn}
        if name not in known and not name.startswith("arn:"):
            raise Refused(f"{name!r}: name main, on-demand or the ARN of a job queue")
        return known.get(name, name)

    def job_definition(self, tool: str) -> str:
        """The ARN of a tool's job definition.

        Raises:
            Refused: if the stack has no such tool.
        """
        if tool not in self.job_definition_arns:
            raise Refused(f"{tool!r}: the stack has no such tool. It has {', '.join(sorted(self.job_definition_arns))}")
        return self.job_definition_arns[tool]


def read(file: Path | None = None, stack: str | None = None) -> StackOutputs:
    """The outputs from a file as `pulumi stack output --json` writes it, else from that command.

    Args:
        file: the file, or None to ask Pulumi.
        stack: the stack to ask for; the selected one by default.

    Raises:
        Refused: if they cannot be had, with what mends it.
    """
    return parse(_from_file(file), f"--outputs {file}") if file else parse(_from_pulumi(stack), "pulumi stack output")


def parse(text: str, source: str) -> StackOutputs:
    """The outputs from JSON.

    Args:
        text: a JSON object.
        source: where it is from, for the message.

    Raises:
        Refused: if it is no JSON object or lacks an output.
    """
    try:
        values: Any = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise Refused(f"{source} holds no JSON object. Write the file anew: pulumi stack output --json > outputs.json")
    wanted = fields(StackOutputs)
    missing = [each.name for each in wanted if each.default is MISSING and each.name not in values]
    if missing:
        raise Refused(f"{source}: {', '.join(missing)} missing. Deploy the stack: pulumi up")
    return StackOutputs(**{each.name: values[each.name] for each in wanted if each.name in values})


def _from_file(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"--outputs {file}: {getattr(error, 'strerror', None) or 'not a text file'}") from None


def _from_pulumi(stack: str | None) -> str:
    command = ["pulumi", "stack", "output", "--json", *(["--stack", stack] if stack else [])]
    try:
        done = subprocess.run(command, cwd=_PROJECT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Refused(
            "pulumi: not found. Install it (https://www.pulumi.com/docs/install), or name a file of the outputs: --outputs FILE.json"
        ) from None
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise Refused(
            f"`{' '.join(command)}`: {said}. Select a stack (pulumi stack select), or name a file: --outputs FILE.json"
        )
    return done.stdout
