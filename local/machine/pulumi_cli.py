"""The real Pulumi CLI: from PATH, or else from Pulumi's installer, or else built with Go from its pinned module."""

import contextlib
import importlib.metadata
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from pulumi.automation import PulumiCommand
from semver import VersionInfo

from local.console import beside
from local.errors import LocalError
from local.machine import go, processes
from local.paths import BIN, CACHE, ROOT

VERSION = VersionInfo.parse(importlib.metadata.version("pulumi"))

_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_SDK = "github.com/pulumi/pulumi/sdk/v3"
_HOST = "pulumi-language-python"
#: Pulumi's executor, which runs a Pulumi program in Python. The language host of this project starts it too.
_EXECUTOR = "pulumi-language-python-exec"


def obtain() -> Path:
    """The `pulumi` command, at least as new as the SDK in requirements.txt.

    Raises:
        LocalError: if it cannot be obtained. The error lists what was tried.
    """
    on_path = _on_path()
    if on_path and _is_usable(on_path):
        return on_path
    command = _cached() / "bin" / "pulumi"
    if command.is_file():
        return command
    tried = [
        f"PATH: {f'{on_path} is {_version(on_path)} or has no {_HOST} beside it' if on_path else 'no pulumi there'}"
    ]
    for name, source in (("Pulumi's installer", _install), ("Go", _build)):
        try:
            _fill_folder(_cached(), source)
        except LocalError as error:
            tried.append(f"{name}: {error}")
        else:
            return command
        finally:
            beside("")
    raise LocalError(
        f"cannot obtain the Pulumi CLI {VERSION} or newer. Install it (https://www.pulumi.com/docs/install). Tried:\n  "
        + "\n  ".join(tried)
    )


def install(cli: Path) -> None:
    """Puts the CLI into this clone's `.local/bin`, with the language host of this project if the CLI comes without one.

    Args:
        cli: the `pulumi` command that `obtain` found.
    """
    BIN.mkdir(parents=True, exist_ok=True)
    command = BIN / "pulumi"
    command.unlink(missing_ok=True)
    if (cli.resolve().parent / _HOST).is_file():
        command.symlink_to(cli)
        return
    # The CLI resolves links and looks for the host in the folder of its file, so each clone needs a separate file.
    try:
        command.hardlink_to(cli)
    except OSError:
        shutil.copy2(cli, command)
    host = BIN / _HOST
    words = [sys.executable, str(ROOT / "local" / "language_host"), str(cli.parent / _EXECUTOR)]
    host.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    host.chmod(0o755)


def is_here() -> bool:
    """Whether `obtain` has nothing to fetch or build."""
    on_path = _on_path()
    return bool(on_path and _is_usable(on_path)) or (_cached() / "bin" / "pulumi").is_file()


def _cached() -> Path:
    return CACHE / f"pulumi-v{VERSION}"


def _is_usable(command: Path) -> bool:
    return _version(command) >= VERSION and (command.resolve().parent / _HOST).is_file()


def _on_path() -> Path | None:
    folders = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder != str(BIN)]
    found = shutil.which("pulumi", path=os.pathsep.join(folders))
    return Path(found) if found else None


def _version(command: Path) -> VersionInfo:
    with contextlib.suppress(LocalError, ValueError):
        return VersionInfo.parse(processes.run([command, "version"], "version of Pulumi").strip().removeprefix("v"))
    return VersionInfo(0)


def _fill_folder(folder: Path, source: Callable[[Path], None]) -> None:
    """Fills a folder of the cache. If that fails, the folder does not exist."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for leftover in CACHE.glob(f"{folder.name}.partial-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.partial-", dir=CACHE))
    try:
        source(partial)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _install(folder: Path) -> None:
    beside(f"Pulumi CLI: fetching {VERSION} with Pulumi's installer")
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(20)
    try:
        PulumiCommand.install(root=str(folder), version=VERSION)
    except subprocess.CalledProcessError as error:
        raise LocalError(f"the installer failed: {error.output.decode(errors='replace').strip()[-300:]}") from None
    except Exception as error:  # It downloads, unpacks and runs the CLI. After any error, Go is tried.
        raise LocalError(f"{type(error).__name__}: {error}") from None
    finally:
        socket.setdefaulttimeout(before)


def _build(folder: Path) -> None:
    command = go.obtain()
    beside(f"Pulumi CLI: building {VERSION} with {command}")
    environment = {
        **processes.marked(processes.COMMAND),
        **go.caches(command),
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly",
    }
    packages = _run_go(command, ["list", "-deps", _PACKAGE], environment, lambda line: None).split()
    flags = f"-s -w -X {_SDK}/go/common/version.Version=v{VERSION}"
    compiled = 0

    def count(line: str) -> None:
        nonlocal compiled
        compiled += 1
        beside(f"Pulumi CLI: compiled {compiled} of {len(packages)} packages")

    output = str(folder / "bin" / "pulumi")
    _run_go(command, ["build", "-v", *go.BUILD, "-ldflags", flags, "-o", output, _PACKAGE], environment, count)
    module = _run_go(command, ["list", "-m", "-f", "{{.Dir}}", _SDK], environment, lambda line: None).strip()
    executor = folder / "bin" / _EXECUTOR
    shutil.copyfile(Path(module) / "python" / "cmd" / _EXECUTOR, executor)
    executor.chmod(0o755)
    go.clear_caches()


def _run_go(command: Path, arguments: list[str], environment: dict[str, str], on_line: Callable[[str], None]) -> str:
    """Runs Go in the folder of the pinned module, passes each line of its progress on, and returns its standard output."""
    words = [str(command), *arguments]
    with (
        tempfile.TemporaryFile("w+") as output,
        subprocess.Popen(
            words, cwd=go.MODULE, env=environment, stdout=output, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stderr
        errors = []
        for line in process.stderr:
            errors.append(line.rstrip())
            on_line(line)
        if process.wait():
            raise LocalError(f"`{' '.join(words[:3])}` failed in {go.MODULE}: {' / '.join(errors[-5:])}")
        output.seek(0)
        return output.read()
