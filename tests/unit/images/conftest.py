"""The Go commands of the images, built as in the images."""

import os
import subprocess
from pathlib import Path

import pytest

from local.machine import go
from local.paths import ROOT


def _built(folder: Path, program: str, name: str) -> Path:
    """The path of a command after its build, under the name that it has in the images."""
    compiler = go.obtain()
    subprocess.run(
        [compiler, "build", "-o", folder / name, "."],
        cwd=ROOT / "images/base" / program,
        env={**os.environ, **go.caches(compiler)},
        check=True,
    )
    return folder / name


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of compare-haplotypes."""
    return _built(tmp_path_factory.mktemp("commands"), "haplotypes", "compare-haplotypes")


@pytest.fixture(scope="session")
def cohort_distances(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of cohort-distances."""
    return _built(tmp_path_factory.mktemp("commands"), "distances", "cohort-distances")
