"""The real Pulumi program on the local stack: what a user does by hand, done by `make`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import yaml

from components.architectures import ARCHITECTURES, X86_64
from local import environment, processes
from local.console import say
from local.errors import LocalError
from local.paths import BIN, PULUMI_STATE, ROOT
from local.record import Record

ROLE = "pulumi"


def up(record: Record) -> None:
    """Runs `pulumi up`, its progress going to the terminal.

    Raises:
        LocalError: if it fails.
    """
    PULUMI_STATE.mkdir(parents=True, exist_ok=True)
    _release_locks()
    say("pulumi up")
    _pulumi(record, "stack", "select", environment.STACK, "--create")
    _pulumi(record, "up", "--stack", environment.STACK, "--yes", "--skip-preview")


def platform() -> str:
    """The container platform that the stack's configuration asks for."""
    given = yaml.safe_load((ROOT / f"Pulumi.{environment.STACK}.yaml").read_text())
    architecture = (given.get("config") or {}).get("biobatch:architecture", "x86_64")
    return ARCHITECTURES.get(architecture, X86_64).platform


def outputs(record: Record) -> dict[str, Any]:
    """The stack's outputs, empty if there is none."""
    done = subprocess.run(
        [BIN / "pulumi", "stack", "output", "--json", "--stack", environment.STACK],
        cwd=ROOT,
        env=environment.complete(record),
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stdout) if done.returncode == 0 else {}


def _pulumi(record: Record, *arguments: str) -> None:
    marked = processes.marked(ROLE, environment.complete(record))
    # In a terminal the CLI draws its own live display.
    plain = [] if sys.stdout.isatty() else ["--non-interactive"]
    with subprocess.Popen([BIN / "pulumi", *arguments, *plain], cwd=ROOT, env=marked) as process:
        try:
            exit_code = process.wait()
        except KeyboardInterrupt:
            # The terminal has interrupted the CLI as well, and it puts its state in order before it ends.
            process.wait()
            raise
    if exit_code:
        raise LocalError(
            f"`pulumi {' '.join(arguments)}` failed, see above. What it made stays for you to look at: mend the fault and run the same "
            "command again, or `make local-down`."
        )


def _release_locks() -> None:
    """Removes locks on the state that a killed CLI left behind."""
    for lock in Path(PULUMI_STATE).glob(".pulumi/locks/**/*.json"):
        if not psutil.pid_exists(int(json.loads(lock.read_text()).get("pid", 0))):
            lock.unlink()
