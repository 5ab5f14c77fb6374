"""Launchers of the provider plugins."""

import importlib.metadata
from pathlib import Path

import pytest

from local.stack import provider_plugins


def test_every_version_that_an_sdk_requires_has_a_launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_plugins, "PULUMI_HOME", tmp_path)
    provider_plugins.install()
    for name in ("aws", "awsx", "docker"):
        version = importlib.metadata.version(f"pulumi-{name}")
        launcher = tmp_path / "plugins" / f"resource-{name}-v{version}" / f"pulumi-resource-{name}"
        assert f"-m local.plugins.{name} " in launcher.read_text()
        assert launcher.stat().st_mode & 0o111
