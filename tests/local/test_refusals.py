"""A failed check is the only error that users see, with the real CLI and executor. The test needs neither a local stack nor Docker."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from local.machine import pulumi_cli
from local.paths import ROOT


@pytest.fixture
def preview(tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The output of `pulumi preview` of the program with two wrong settings."""
    monkeypatch.setattr(pulumi_cli, "BIN", tmp_path / "bin")
    pulumi_cli.install(pulumi_cli.obtain())
    (tmp_path / "state").mkdir()
    config = {"aws:region": "us-east-1", "biobatch:azCount": 9, "biobatch:tags": {"aws:x": "y"}}
    (tmp_path / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")},
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # The program ends before it needs any of its plugins.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PYTHONPYCACHEPREFIX": str(ROOT / ".venv/bytecode"),
    }
    command = f"pulumi stack init dev --non-interactive && pulumi preview --non-interactive --stack dev --config-file {tmp_path}/Pulumi.dev.yaml"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tree, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


def test_a_refusal_is_the_only_error(preview: str) -> None:
    assert "2 settings are invalid. Nothing was created." in preview
    assert "pulumi config set azCount 2" in preview
    assert "pulumi config rm --path tags.aws:x" in preview
    assert "create 1 error\n" in preview
    assert preview.partition("Diagnostics:")[2].count("error:") == 1, preview
    assert "unhandled error" not in preview
    assert "Traceback" not in preview
