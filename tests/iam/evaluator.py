"""IAM's decisions, by a maintained evaluator that holds AWS's current list of actions, resource types and condition keys."""

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
    """What somebody asks of AWS, and the policies that he holds."""

    action: str
    resource: str
    policies: Sequence[Mapping[str, Any]]
    resourcePolicy: Mapping[str, Any] | None = None  # noqa: N815 - the evaluator's name
    """The policy of what is asked for, such as a key's own."""
    context: Mapping[str, str] = field(default_factory=dict)
    principal: str = "arn:aws:iam::111122223333:role/somebody"
    accountId: str = "111122223333"  # noqa: N815 - the evaluator's name


def key_policy(account: str) -> dict[str, Any]:
    """A key's own policy as AWS makes it: a key lets nobody in whom its policy does not, and this one leaves that to IAM's."""
    everything = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return {"Version": "2012-10-17", "Statement": [everything]}


class Evaluator:
    """The evaluator, installed from the lock file into a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Installs it.

        Raises:
            RuntimeError: if Node.js is not there, or the packages cannot be had.
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
            ValueError: for a request or a policy that AWS would not take, such as an action on a resource of the wrong type.
        """
        answers = self._ask(requests=[asdict(request) for request in requests])["requests"]
        for request, answer in zip(requests, answers, strict=True):
            if "error" in answer:
                raise ValueError(f"{request.action} on {request.resource}: {json.dumps(answer['error'])}")
        return [answer["decision"] == "Allowed" for answer in answers]

    def resource_types(self, actions: Sequence[str]) -> dict[str, list[str]]:
        """The types of resource that an action can be allowed on; none: it knows `*` alone."""
        answers = self._ask(actions=list(actions))["actions"]
        return {answer["action"]: answer["resourceTypes"] for answer in answers}

    def _ask(self, **question: Any) -> Any:
        answer = subprocess.run(
            ["node", "evaluate.mjs"], cwd=self._folder, input=json.dumps(question), capture_output=True, text=True
        )
        if answer.returncode:
            raise RuntimeError(answer.stderr)
        return json.loads(answer.stdout)
