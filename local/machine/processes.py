"""Commands, and the processes of a stack. Each process and its children have the stack's root folder in their environment.

A list of process ids is therefore not needed. A crash could lose it, and another process could get an id of the list.
"""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from local.console import tail
from local.errors import LocalError
from local.paths import LOGS, ROOT

# Not BIOBATCH_STACK, which is the name of a stack for the client.
_STACK = "BIOBATCH_PROCESS_ROOT"
_ROLE = "BIOBATCH_PROCESS_ROLE"

#: The role of a command that `run` runs.
COMMAND = "command"


def marked(role: str, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process of this clone's stack.

    Args:
        role: what the process does, such as `aws`.
        environment: the environment to extend. The default is that of this process.
    """
    return {**(os.environ if environment is None else environment), _STACK: str(ROOT), _ROLE: role}


def running(root: Path, role: str | None = None) -> list[psutil.Process]:
    """The processes of the stack of `root`, parents first. With a role, only those of the role."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            environment = process.environ()
            if environment.get(_STACK) == str(root) and role in (None, environment.get(_ROLE)):
                found.append(process)
    return found


def start(role: str, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> psutil.Popen:
    """Starts a service that outlives this command. Its output goes to `.local/logs/<role>.log`."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / f"{role}.log").open("ab") as log:
        return psutil.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            env=marked(role, environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C in the terminal ends the command, not the stack.
            start_new_session=True,
        )


def wait_until(answers: Callable[[], bool], process: psutil.Popen, role: str, seconds: float) -> None:
    """Waits for a service that was started.

    Raises:
        LocalError: if it ends or does not answer in time. The error contains the end of its log.
    """
    deadline = time.monotonic() + seconds
    while not answers():
        ended = process.poll() is not None
        if ended or time.monotonic() > deadline:
            what = f"ended with exit code {process.returncode}" if ended else f"did not answer within {seconds:.0f} s"
            log = LOGS / f"{role}.log"
            raise LocalError(f"the {role} process {what}. The end of {log}:\n{tail(log)}")
        time.sleep(0.1)


def run(command: Sequence[str | Path], what: str) -> str:
    """Runs a command to its end and returns its standard output.

    Args:
        command: program and arguments.
        what: the purpose, with which the error begins.

    Raises:
        LocalError: if it fails. The error contains the command and the end of its output.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, env=marked(COMMAND), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise LocalError(f"{what}: cannot run {words[0]}: {error.strerror}") from None
    if done.returncode:
        output = "\n".join(f"    {line}" for line in (done.stdout + done.stderr).strip().splitlines()[-15:])
        raise LocalError(f"{what}: `{' '.join(words)}` failed with exit code {done.returncode}:\n{output}")
    return done.stdout


def stop(processes: Sequence[psutil.Process], seconds: float) -> None:
    """Ends processes and all their children with SIGTERM, and with SIGKILL if they have not ended after `seconds`."""
    family = list(processes)
    for process in processes:
        with contextlib.suppress(psutil.Error):
            family += process.children(recursive=True)
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(set(family), timeout=seconds)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=10)
