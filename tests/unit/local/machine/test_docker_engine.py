"""The Docker engine, and the messages if no engine answers."""

import os

import pytest

from local.errors import LocalError
from local.machine import debian, docker_engine


def test_a_docker_host_without_an_engine_is_named_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    with pytest.raises(LocalError, match=r"DOCKER_HOST=unix:///nowhere\.sock: .*unset DOCKER_HOST"):
        docker_engine.find()


def test_users_other_than_root_learn_how_to_get_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_engine, "find", lambda: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LocalError, match="Start Docker, or set DOCKER_HOST, or run this as root"):
        docker_engine.obtain()


def test_without_apt_the_message_says_to_install_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_engine, "find", lambda: None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(debian, "installable", lambda: False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(LocalError, match=r"no apt-get to install one\. Install Docker"):
        docker_engine.obtain()
