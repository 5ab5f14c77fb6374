"""Where the local stack's pieces come from, and what is said when they cannot be had."""

import importlib.metadata
import os
import re
import socket
from pathlib import Path

import pytest
from semver import VersionInfo

from local import containers, debian, engine, go, ports, provider_plugins, pulumi_cli
from local.__main__ import main
from local.errors import LocalError


def a_command(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / name
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    return command


def test_the_cli_is_built_from_the_version_of_the_sdk() -> None:
    pinned = re.search(r"^\s*github.com/pulumi/pulumi/pkg/v3 v(\S+)", (go.MODULE / "go.mod").read_text(), re.MULTILINE)
    assert pinned
    assert pinned[1] == importlib.metadata.version("pulumi") == str(pulumi_cli.VERSION)


@pytest.mark.parametrize(
    ("version", "host", "taken"),
    [("v3.259.0", True, True), ("v3.300.1", True, True), ("v3.258.9", True, False), ("v3.259.0", False, False)],
)
def test_a_cli_on_path_is_taken_if_it_is_new_enough_and_complete(
    version: str, host: bool, taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = a_command(tmp_path / "bin", "pulumi", f"echo {version}")
    if host:
        a_command(tmp_path / "bin", "pulumi-language-python", "")
    cached = a_command(tmp_path / f"pulumi-v{pulumi_cli.VERSION}" / "bin", "pulumi", "")
    monkeypatch.setattr(pulumi_cli, "CACHE", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert pulumi_cli.obtain() == (command if taken else cached)


def test_a_cli_that_cannot_be_had_is_told_with_all_that_was_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise LocalError("no way")

    monkeypatch.setattr(pulumi_cli, "CACHE", tmp_path)
    monkeypatch.setattr(pulumi_cli, "_install", fail)
    monkeypatch.setattr(pulumi_cli, "_build", fail)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(
        LocalError, match=r"Install it \(https(.|\n)*PATH: no pulumi there\n  Pulumi's installer: no way\n  Go: no way"
    ) as told:
        pulumi_cli.obtain()
    assert "3.259.0" in str(told.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("go version go1.26.8 linux/amd64", "1.26.8"),
        ("go version go1.27 linux/arm64", "1.27.0"),
        ("go version devel", "0.0.0"),
    ],
)
def test_the_version_of_go_is_read(printed: str, version: str, tmp_path: Path) -> None:
    assert go.version(a_command(tmp_path, "go", f"echo {printed}")) == VersionInfo.parse(version)


def test_an_old_go_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_command(tmp_path / "bin", "go", "echo go version go1.19.8 linux/amd64")
    wheel = a_command(tmp_path / "go" / "go" / "bin", "go", "")
    monkeypatch.setattr(go, "CACHE", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert go.obtain() == wheel


def test_a_docker_host_that_is_dead_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    with pytest.raises(LocalError, match=r"DOCKER_HOST=unix:///nowhere\.sock: .*unset DOCKER_HOST"):
        engine.find()


def test_who_is_not_root_is_told_how_to_get_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find", lambda: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LocalError, match="Start Docker, or set DOCKER_HOST, or run this as root"):
        engine.obtain()


def test_a_machine_without_apt_is_told_to_install_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find", lambda: None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(debian, "installable", lambda: False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(LocalError, match=r"no apt-get to install one\. Install Docker"):
        engine.obtain()


def test_a_plugin_stands_ready_for_every_version_that_an_sdk_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_plugins, "PULUMI_HOME", tmp_path)
    provider_plugins.install()
    for name in ("aws", "awsx", "docker"):
        version = importlib.metadata.version(f"pulumi-{name}")
        launcher = tmp_path / "plugins" / f"resource-{name}-v{version}" / f"pulumi-resource-{name}"
        assert f"-m local.plugins.{name} " in launcher.read_text()
        assert launcher.stat().st_mode & 0o111


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("127.0.0.1:4601/biobatch-bwa-1a2b3c4:0123456789abcdef", "biobatch-bwa"),
        ("127.0.0.1:4601/lab/tool:latest", "lab/tool"),
    ],
)
def test_an_image_is_kept_under_a_name_without_registry_tag_and_random_ending(reference: str, name: str) -> None:
    assert containers._stable_name(reference) == name


def test_a_port_in_use_is_stepped_around() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert ports.answers(port)
        assert ports.free(port) > port


def test_a_fault_is_one_message_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise LocalError("no engine. Install Docker.")

    monkeypatch.setattr("local.stack.up", fail)
    assert main(["up"]) == 1
    assert capsys.readouterr().err == "local: no engine. Install Docker.\n"


def test_an_interrupt_says_what_clears_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("local.stack.up", interrupt)
    assert main(["up"]) == 130
    assert "make local-down" in capsys.readouterr().err
