"""The command compare-haplotypes, built as in the image."""

import os
import subprocess
from pathlib import Path

import pytest

from local.machine import go
from local.paths import ROOT


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of compare-haplotypes."""
    made = tmp_path_factory.mktemp("commands") / "compare-haplotypes"
    compiler = go.obtain()
    subprocess.run(
        [compiler, "build", "-o", made, "."],
        cwd=ROOT / "images/base/haplotypes",
        env={**os.environ, **go.caches(compiler)},
        check=True,
    )
    return made
