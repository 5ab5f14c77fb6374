"""IAM's decisions, made by a maintained evaluator that contains AWS's current list of actions, resource types and condition keys."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local.machine import debian

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request to AWS, with the policies of its principal."""

    action: str
    resource: str
    policies: Sequence[Mapping[str, Any]]
    resourcePolicy: Mapping[str, Any] | None = None  # noqa: N815 - the evaluator's name
    """The policy of the resource, such as a key policy."""
    boundaries: Sequence[Mapping[str, Any]] | None = None
    """The permissions boundary of the principal, or None for none."""
    sessionPolicy: Mapping[str, Any] | None = None  # noqa: N815 - the evaluator's name
    """The policy of the session, or None for none."""
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    principal: str = "arn:aws:iam::111122223333:role/somebody"
    accountId: str = "111122223333"  # noqa: N815 - the evaluator's name


def key_policy(account: str) -> dict[str, Any]:
    """The default key policy of AWS, which lets IAM policies allow access. Without it, IAM policies have no effect on a key."""
    everything = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return {"Version": "2012-10-17", "Statement": [everything]}


class Evaluator:
    """The evaluator, installed from the lock file into a separate folder."""

    def __init__(self, folder: Path) -> None:
        """Installs the evaluator.

        Raises:
            RuntimeError: if Node.js is missing, or if the packages cannot be installed.
        """
        if not shutil.which("npm") and debian.installable():
            debian.install("nodejs", "npm")
        if not shutil.which("npm"):
            raise RuntimeError("npm is not on PATH. Install Node.js 20 or newer: apt-get install nodejs npm")
        for name in ("package.json", "package-lock.json", "evaluate.mjs"):
            shutil.copy(HERE / name, folder)
        installed = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True
        )
        if installed.returncode:
            raise RuntimeError(f"npm ci in tests/iam: {installed.stderr.strip()}")
        self._folder = folder

    def decisions(self, requests: Sequence[Request]) -> list[bool]:
        """Whether each request is allowed.

        Raises:
            ValueError: if AWS would refuse a request or a policy, for example an action on a resource of the wrong type.
        """
        answers = self._ask(requests=[asdict(request) for request in requests])["requests"]
        for request, answer in zip(requests, answers, strict=True):
            if "error" in answer:
                raise ValueError(f"{request.action} on {request.resource}: {json.dumps(answer['error'])}")
        return [answer["decision"] == "Allowed" for answer in answers]

    def resource_types(self, actions: Sequence[str]) -> dict[str, list[str]]:
        """The resource types of each action. The list is empty if the action supports only `*`."""
        answers = self._ask(actions=list(actions))["actions"]
        return {answer["action"]: answer["resourceTypes"] for answer in answers}

    def _ask(self, **question: Any) -> Any:
        answer = subprocess.run(
            ["node", "evaluate.mjs"], cwd=self._folder, input=json.dumps(question), capture_output=True, text=True
        )
        if answer.returncode:
            raise RuntimeError(answer.stderr)
        return json.loads(answer.stdout)
