"""What the doctor says about Docker on this machine. A script stands for the command docker."""

import json
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from biobatch.doctor import docker

INFO = {"ServerVersion": "28.1", "Architecture": "x86_64", "OperatingSystem": "Debian", "DockerRootDir": "/"}


def causes(folder: Path, answer: str, code: int = 0, errors: str = "", architecture: str = "amd64") -> list[str]:
    script = folder / "docker"
    (folder / "answer").write_text(answer)
    (folder / "errors").write_text(errors)
    script.write_text(f"#!/bin/sh\ncat '{folder}/answer'\ncat '{folder}/errors' >&2\nexit {code}\n")
    script.chmod(0o755)
    return [each.cause for each in docker.check_docker(architecture, [str(script)], folder)]


def test_docker_that_can_build_has_no_finding(tmp_path: Path) -> None:
    assert causes(tmp_path, json.dumps(INFO)) == []


def test_docker_that_is_not_installed_is_named(tmp_path: Path) -> None:
    (found,) = docker.check_docker("amd64", [str(tmp_path / "none")], tmp_path)
    assert "not installed" in found.cause


def test_docker_that_does_not_run_is_named(tmp_path: Path) -> None:
    said = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
    assert "does not run" in causes(tmp_path, "", 1, said)[0]
    assert "does not run" in causes(tmp_path, json.dumps({"ServerErrors": [said]}))[0]


def test_a_user_who_may_not_use_docker_is_told_how(tmp_path: Path) -> None:
    assert "may not use Docker" in causes(tmp_path, "", 1, "permission denied while trying to connect")[0]


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(2**30))
    assert "1.0 GiB left" in causes(tmp_path, json.dumps(INFO))[0]


def test_a_missing_emulator_is_named_and_a_registered_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")
    assert "no emulator" in causes(tmp_path, json.dumps(INFO), architecture="arm64")[0]
    desktop: dict[str, Any] = {**INFO, "OperatingSystem": "Docker Desktop"}
    assert causes(tmp_path, json.dumps(desktop), architecture="arm64") == []
    (tmp_path / "qemu-aarch64").touch()
    assert causes(tmp_path, json.dumps(INFO), architecture="arm64") == []
