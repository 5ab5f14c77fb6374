"""Builds with a registry that requires a login, as ECR does, on a machine whose Docker uses a credential store."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker.errors
import pytest

from local.plugins.common import Failure
from local.plugins.docker.builder import Builder
from local.record import Record
from tests.images.containers import REGISTRY_LOGIN, Images

#: A credential helper that has credentials for one registry but not for the stack's, as Docker Desktop's after `docker login`.
HELPER = """#!/bin/sh
case $1 in
  list) echo '{"https://index.docker.io/v1/": "someone"}' ;;
  get) read -r server
       [ "$server" = https://index.docker.io/v1/ ] && echo '{"Username": "someone", "Secret": "else"}' && exit
       echo 'credentials not found in native keychain'; exit 1 ;;
esac
"""


@pytest.fixture
def build(
    images: Images, local_stack: Record, registry_with_login: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[bool], str]]:
    """A function that builds a tool and returns the ID of the image.

    The build names its base image by digest. The registry has the base image, and this engine does not. The function's argument determines
    whether `cacheFrom` contains the base image.
    """
    monkeypatch.chdir(tmp_path)
    repository = "login/base"
    pushed, asked = f"127.0.0.1:{local_stack.registry_port}/{repository}:1", f"{registry_with_login}/{repository}"
    for name, lines in {
        "base": "FROM scratch\nCOPY Dockerfile /base\n",
        "tool": "ARG BASE\nFROM ${BASE}\nCOPY Dockerfile /tool\n",
    }.items():
        Path(name).mkdir()
        Path(name, "Dockerfile").write_text(lines)

    def described(name: str, **more: Any) -> dict[str, Any]:
        return {"context": name, "dockerfile": f"{name}/Dockerfile", "platform": "linux/amd64", **more}

    def forget(*names: str) -> None:
        for name in names:
            try:
                images.engine.images.remove(name, force=True)
            except docker.errors.ImageNotFound:
                continue

    builder, said = Builder(), print
    builder.build(pushed, described("base"), {}, said)
    digest = builder.push(pushed, {}, said).split("@")[1]
    base, tool = f"{asked}@{digest}", f"{registry_with_login}/login/tool:1"
    forget(pushed, pushed.replace(":1", f"@{digest}"))

    def builds(cached: bool) -> str:
        forget(tool, base)
        with pytest.raises(docker.errors.ImageNotFound):
            images.engine.images.get(base)
        more = {"cacheFrom": {"images": [base]}} if cached else {}
        registry = {"server": f"http://{registry_with_login}", **REGISTRY_LOGIN}
        return Builder().build(tool, described("tool", args={"BASE": base}, **more), registry, said)

    yield builds
    forget(tool, base)


@pytest.fixture
def credential_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker's settings as Docker Desktop writes them, with a credential store that has no credentials for the stack's registry."""
    helper = tmp_path / "bin/docker-credential-desktop"
    helper.parent.mkdir()
    helper.write_text(HELPER)
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(helper.parent), prepend=":")
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/config.json").write_text(json.dumps({"auths": {}, "credsStore": "desktop"}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))


@pytest.mark.usefixtures("credential_store")
def test_a_changed_tool_is_built_with_a_credential_store_and_a_pruned_base(
    build: Callable[[bool], str],
) -> None:
    assert build(True).startswith("sha256:")


@pytest.mark.usefixtures("credential_store")
def test_without_cache_from_the_registry_denies_access_to_the_base(build: Callable[[bool], str]) -> None:
    with pytest.raises(Failure, match=r"no basic auth credentials|401|[Uu]nauthorized"):
        build(False)


def test_without_a_credential_store_the_build_uses_the_programs_login(
    build: Callable[[bool], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "none"))
    # Hide the helper of the platform's credential store too, which Docker would use by default.
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    assert build(False).startswith("sha256:")
