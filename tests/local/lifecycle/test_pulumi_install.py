"""The first step of a user of AWS on a fresh clone: the true code of `pulumi install`, with pip as in Pulumi.yaml."""

import shutil
import subprocess
from pathlib import Path

from local.machine import go
from local.paths import ROOT


def test_a_fresh_clone_runs_after_pulumi_install(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    requirements = (clone / "requirements.txt").read_bytes()

    # With the options of the CLI's build, Go can reuse its compiled packages.
    done = subprocess.run(
        [go.obtain(), "run", *go.BUILD, "./install", clone],
        cwd=go.MODULE,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert (clone / "requirements.txt").read_bytes() == requirements
    subprocess.run(
        [
            clone / ".venv" / "bin" / "python",
            "-c",
            "import pulumi_aws, pulumi_awsx, pulumi_docker, settings, components",
        ],
        cwd=clone,
        check=True,
    )
