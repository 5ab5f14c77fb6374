"""Runs the real Pulumi CLI as a user does."""

import json
import os
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from local.paths import ROOT
from tests.changes_table import KINDS

#: Pulumi's operations by the columns of docs/explanation/updating-a-stack.md that count them.
OPERATIONS = dict(zip(KINDS, ("update", "replace", "create", "delete"), strict=True))


@dataclass
class Result:
    """The result of a `pulumi` command."""

    exit_code: int
    text: str
    """All that a user would read."""
    changes: dict[str, set[str]] = field(default_factory=dict)
    """Operation (`create`, `update`, `replace`, …) to the URNs it was done to; what stayed the same is left out."""
    differences: dict[str, set[str]] = field(default_factory=dict)
    """URN to the paths of the properties that differ."""

    def types(self, operation: str) -> list[str]:
        """The types of the resources of an operation, sorted."""
        return sorted(map(type_of, self.changes.get(operation, ())))

    def counted(self) -> dict[str, Counter[str]]:
        """The number of resources of each type by kind of change, as in docs/explanation/updating-a-stack.md. Only AWS's and Docker's count."""
        return {
            kind: Counter(t.split(":")[-1] for t in self.types(operation) if t.startswith(("aws:", "docker:")))
            for kind, operation in OPERATIONS.items()
        }


def type_of(urn: str) -> str:
    """The type of a resource, such as `aws:ec2/vpc:Vpc`."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def pulumi(*arguments: str, folder: Path = ROOT) -> Result:
    """Runs a `pulumi` command in the environment of this process. Returns the changes that it made or would make.

    Args:
        arguments: the command and its options.
        folder: the folder of the program.
    """
    done = subprocess.run(
        ["pulumi", *arguments, "--json", "--non-interactive"],
        cwd=folder,
        # Without this, a preview prints its steps in another form.
        env={**os.environ, "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    result = Result(exit_code=done.returncode, text=done.stderr)
    for line in done.stdout.splitlines():
        event: dict[str, Any] = json.loads(line)
        diagnostic = event.get("diagnosticEvent", {})
        if diagnostic.get("severity") not in (None, "debug"):
            result.text += diagnostic["message"]
        step = event.get("resourcePreEvent", {}).get("metadata", {})
        if step.get("op", "same") not in ("same", "read", "refresh"):
            result.changes.setdefault(step["op"], set()).add(step["urn"])
            result.differences.setdefault(step["urn"], set()).update(step.get("detailedDiff") or ())
    return result


def with_config(folder: Path, **config: object) -> tuple[str, str]:
    """Options that change keys of the configuration for one command. The tracked file stays as it is.

    Args:
        folder: the folder for the changed file.
        config: the changed keys.
    """
    content = yaml.safe_load((ROOT / "Pulumi.local.yaml").read_text())
    content["config"].update({f"biobatch:{key}": value for key, value in config.items()})
    file = folder / "Pulumi.local.yaml"
    file.write_text(yaml.safe_dump(content))
    return ("--config-file", str(file))
