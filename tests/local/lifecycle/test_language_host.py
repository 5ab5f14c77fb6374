"""The questions that Pulumi's language host asks `.venv` before every operation, asked by its own code, with a `.venv` made by `make`."""

import json
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from local.machine import go
from local.paths import ROOT


def ask(folder: Path) -> subprocess.CompletedProcess[str]:
    """The answers of a folder's virtual environment to the questions of the true host."""
    # With the options of the CLI's build, Go can reuse its compiled packages.
    command = [str(go.obtain()), "run", *go.BUILD, "./ask", str(folder)]
    return subprocess.run(command, cwd=go.MODULE, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The part of a fresh clone that `make` needs, with the `.venv` that `make` creates."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("Makefile", "Pulumi.yaml", "pyproject.toml", *(path.name for path in ROOT.glob("requirements*"))):
        shutil.copy2(ROOT / name, folder)
    shutil.copytree(ROOT / "biobatch", folder / "biobatch")
    subprocess.run(["make", "-s", ".venv/installed"], cwd=folder, check=True)
    return folder


def test_the_true_host_accepts_the_virtual_environment_of_make(clone: Path) -> None:
    done = ask(clone)
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout)
    installed = {package["Name"]: package["Version"] for package in answers["packages"]}
    assert {name: installed[name] for name in ("pulumi", "pulumi-aws", "pulumi-awsx", "pulumi-docker")} == {
        name: version(name) for name in ("pulumi", "pulumi-aws", "pulumi-awsx", "pulumi-docker")
    }
    assert {package["Name"] for package in answers["direct"]} < installed.keys()
    assert answers["executable"] == str(clone / ".venv" / "bin" / "python")
    assert answers["pip"] != "0.0.0"


def test_without_pip_it_fails_as_the_local_host_does(clone: Path) -> None:
    (clone / ".venv" / "bin" / "python").rename(clone / ".venv" / "bin" / "kept")
    python = clone / ".venv" / "bin" / "python"
    try:
        python.write_text(f'#!/bin/sh\nexec "{clone}/.venv/bin/kept" -I -S "$@"\n')
        python.chmod(0o755)
        done = ask(clone)
    finally:
        python.unlink()
        (clone / ".venv" / "bin" / "kept").rename(python)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"failed to discover package requirements: calling `{python} -m pip list --format json`: exit status 1"
    )
