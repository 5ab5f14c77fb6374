"""The real Pulumi program on the local stack. It runs the same `pulumi` commands as a user."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import psutil
import yaml

from components.architectures import ARCHITECTURES, X86_64
from local.console import follow, say
from local.errors import LocalError
from local.machine import processes
from local.paths import BIN, LOGS, PULUMI_STATE, ROOT
from local.record import Record
from local.stack import environment

ROLE = "pulumi"

_LOG = LOGS / "pulumi-up.log"
#: The number of last lines that an error shows if the log has no diagnostics.
_TAIL = 20
#: A line about a resource: ` +  aws:ec2:Vpc biobatch created (1s)`, with the step of a build for an image.
_EVENT = re.compile(
    r"^ *[-+~=><@ ]+ +(?P<type>[\w-]+:\S+) (?P<name>\S+) (?P<state>[a-z]+(?:ing|ed)\b)(?:.*?(?P<build> Step \d+/\d+) :)?"
)


def up(record: Record) -> None:
    """Runs `pulumi up`. Its output goes into a log. The screen shows how many resources are done and which one is in progress.

    Raises:
        LocalError: if it fails. The error contains its diagnostics and the path of the log.
    """
    PULUMI_STATE.mkdir(parents=True, exist_ok=True)
    _release_locks()
    _LOG.parent.mkdir(parents=True, exist_ok=True)
    _LOG.unlink(missing_ok=True)
    _pulumi(record, "stack", "select", environment.STACK, "--create")
    _pulumi(record, "up", "--stack", environment.STACK, "--yes", "--skip-preview")
    for line in warnings(_LOG.read_text()):
        say(line)


def platform() -> str:
    """The container platform that the stack's configuration asks for."""
    given = yaml.safe_load((ROOT / f"Pulumi.{environment.STACK}.yaml").read_text())
    architecture = (given.get("config") or {}).get("biobatch:architecture", "x86_64")
    return ARCHITECTURES.get(architecture, X86_64).platform


def outputs(record: Record) -> dict[str, Any]:
    """The stack's outputs. Empty if the stack does not exist."""
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
    command = [str(BIN / "pulumi"), *arguments, "--non-interactive", "--color", "never"]
    marked = processes.marked(ROLE, environment.complete(record))
    progress = Progress()
    with (
        _LOG.open("a") as log,
        subprocess.Popen(
            command, cwd=ROOT, env=marked, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process,
    ):
        assert process.stdout
        try:
            for line in process.stdout:
                log.write(line)
                log.flush()
                if told := progress.take(line):
                    follow(told)
            exit_code = process.wait()
        except KeyboardInterrupt:
            # Ctrl-C in the terminal also interrupts the CLI, which saves its state before it ends.
            process.communicate()
            raise
    if exit_code:
        raise LocalError(
            f"`pulumi {' '.join(arguments)}` failed:\n{diagnostics(_LOG.read_text())}\n"
            f"All that it printed is in {_LOG}. The resources that it created stay for you to look at. Fix the fault and run the same "
            "command again, or remove the stack: make local-down"
        )


class Progress:
    """The progress of `pulumi up`, as its output shows it."""

    def __init__(self) -> None:
        self._done: set[str] = set()

    def take(self, line: str) -> str | None:
        """Reads a line of the output. Returns a text for the screen, or None if the line is not about a resource."""
        found = _EVENT.match(line)
        if not found:
            return None
        name = f"{found['type'].rsplit(':', 1)[-1]} {found['name']}"
        if not found["state"].endswith("ing"):
            self._done.add(name)
        return f"{len(self._done)} done, {name} {found['state']}{(found['build'] or '').lower()}"


def diagnostics(printed: str) -> str:
    """The part of the output of `pulumi up` that shows why it failed, indented: the diagnostics, or else the last lines."""
    _, found, rest = printed.partition("\nDiagnostics:\n")
    lines = _until_next_section(rest).splitlines() if found else printed.splitlines()[-_TAIL:]
    return "\n".join(f"    {line}" for line in lines if line.strip())


def warnings(printed: str) -> list[str]:
    """The warnings of a successful `pulumi up`, each of them once."""
    found = [line.strip() for line in diagnostics(printed).splitlines() if line.strip().startswith("warning: ")]
    return list(dict.fromkeys(found))


def _until_next_section(text: str) -> str:
    """The text before the section that follows the diagnostics."""
    return re.split(r"^(?:Outputs|Resources|Duration):", text, maxsplit=1, flags=re.MULTILINE)[0]


def _release_locks() -> None:
    """Removes the locks on the state that a killed CLI left behind."""
    for lock in Path(PULUMI_STATE).glob(".pulumi/locks/**/*.json"):
        if not psutil.pid_exists(int(json.loads(lock.read_text()).get("pid", 0))):
            lock.unlink()
