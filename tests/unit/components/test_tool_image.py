"""The tag of an image changes if and only if its content changes."""

import os
import shutil
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from components.tool_image import ToolImage, ToolImageArgs, content_tag, plain_context
from local.plugins.common import from_struct, to_struct
from local.plugins.docker.provider import TOKEN, Provider
from tests.unit.local.plugins.pulumi_engine import Context
from tests.unit.recording import Registration, record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small build context."""
    context = tmp_path / "context"
    fill(context, ["Dockerfile", "launcher", "job/main.go", "job/plan.go"])
    return context


def fill(context: Path, names: list[str]) -> None:
    for name in names:
        path = context / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"the content of {name}\n")
        path.chmod(0o644)
    (context / "latest").symlink_to("launcher")


def tag(folder: Path, platform: str = "linux/amd64", base_tag: str = "") -> str:
    return content_tag(str(folder), platform, base_tag)


def swap(folder: Path) -> None:
    one, other = folder / "job/main.go", folder / "job/plan.go"
    first = one.read_text()
    one.write_text(other.read_text())
    other.write_text(first)


def link_to_folder(folder: Path) -> None:
    (folder / "sources").symlink_to("job")


def relink(folder: Path) -> None:
    (folder / "latest").unlink()
    (folder / "latest").symlink_to("job/../launcher")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda f: (f / "launcher").write_text("another content\n"), id="content"),
        pytest.param(lambda f: (f / "job/main.go").write_text(""), id="content in a folder"),
        pytest.param(lambda f: (f / "launcher").rename(f / "starter"), id="name"),
        pytest.param(lambda f: (f / "job").rename(f / "jobs"), id="name of a folder"),
        pytest.param(lambda f: (f / "launcher").chmod(0o755), id="executable bit"),
        pytest.param(link_to_folder, id="a link to a folder"),
        pytest.param(lambda f: (f / "empty").touch(), id="one file more"),
        pytest.param(lambda f: (f / "job/plan.go").unlink(), id="one file less"),
        pytest.param(swap, id="contents exchanged"),
        pytest.param(relink, id="target of a link"),
    ],
)
def test_the_tag_changes_with_the_folder(folder: Path, change: Callable[[Path], object]) -> None:
    before = tag(folder)
    change(folder)
    assert tag(folder) != before


def test_the_tag_changes_with_platform_and_base(folder: Path) -> None:
    tags = {tag(folder), tag(folder, platform="linux/arm64"), tag(folder, base_tag="b1"), tag(folder, base_tag="b2")}
    assert len(tags) == 4


def test_the_tag_does_not_depend_on_times_paths_or_order(folder: Path, tmp_path: Path) -> None:
    before = tag(folder)
    os.utime(folder / "launcher", (0, 0))
    assert tag(folder) == before
    copy = tmp_path / "elsewhere"
    fill(copy, ["job/plan.go", "launcher", "job/main.go", "Dockerfile"])
    assert tag(copy) == before


def test_the_tag_is_valid_for_registries(folder: Path) -> None:
    assert len(tag(folder)) == 16
    assert set(tag(folder)) <= set("0123456789abcdef")


#: The modes of files and folders that Git checks out under the umasks of Ubuntu (002), of Debian and macOS (022), under a strict one (077), and
#: after a `chmod -R`.
UMASKS = {"002": (0o664, 0o775), "022": (0o644, 0o755), "077": (0o600, 0o700), "chmod": (0o446, 0o4757)}


def checked_out(context: Path, umask: str) -> Path:
    """Creates a folder as Git checks it out under a umask, with an executable file."""
    fill(context, ["Dockerfile", "launcher", "job/main.go", "job/plan.go", ".dockerignore"])
    (context / ".dockerignore").write_text("*.orig\n")
    plain, executable = UMASKS[umask]
    for path in (context, *context.rglob("*")):
        if not path.is_symlink():
            path.chmod(executable if path.is_dir() or path.name == "launcher" else plain)
    return context


def images(**base: Any) -> list[Registration]:
    """The registrations of a base image and of an image on it, both from the folder `tool`."""

    def build() -> None:
        arguments = {"platform": "linux/amd64", "registry_username": "AWS", "registry_password": "token", **base}
        below = ToolImage("base", ToolImageArgs(context="tool", registry_server="registry.test", **arguments))
        ToolImage("above", ToolImageArgs(context="tool", registry_server="registry.test", base=below, **arguments))

    return record(build).all(TOKEN)


def compared(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The values that the provider compares, which are the inputs with its defaults and the digest of the context."""
    urn = f"urn:pulumi:local::biobatch::{TOKEN}::tool"
    answer = Provider().Check(provider_pb2.CheckRequest(urn=urn, news=to_struct(inputs)), Context())
    return from_struct(answer.inputs)


@pytest.mark.parametrize("umask", UMASKS)
def test_the_umask_of_the_checkout_affects_neither_the_tag_nor_the_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: str
) -> None:
    seen: list[list[dict[str, Any]]] = []
    for one in ("022", umask):
        place = tmp_path / f"clone-{len(seen)}"
        place.mkdir()
        monkeypatch.chdir(place)
        checked_out(Path("tool"), one)
        seen.append([compared(image.inputs) for image in images()])
    assert seen[0] == seen[1]
    # The executable bit changes both.
    Path("tool/launcher").chmod(0o644)
    for before, after in zip(seen[1], [compared(image.inputs) for image in images()], strict=True):
        assert before["imageName"] != after["imageName"]
        assert before["build"]["contextDigest"] != after["build"]["contextDigest"]


def test_the_context_is_a_complete_copy_and_the_folder_does_not_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = checked_out(Path("tool"), "002")
    modes = {path: path.lstat().st_mode for path in source.rglob("*")}
    copy = Path(plain_context("tool", "0123456789abcdef"))
    assert copy == Path(".biobatch/tool-0123456789abcdef")
    assert {path: path.lstat().st_mode for path in source.rglob("*")} == modes
    names = sorted(path.relative_to(source) for path in source.rglob("*"))
    assert sorted(path.relative_to(copy) for path in copy.rglob("*")) == names
    for name in names:
        path, mode = copy / name, (copy / name).lstat().st_mode
        if path.is_symlink():
            assert path.readlink() == (source / name).readlink()
        elif path.is_dir() or name == Path("launcher"):
            assert stat.filemode(mode)[1:] == "rwxr-xr-x"
        else:
            assert stat.filemode(mode) == "-rw-r--r--"
            assert path.read_bytes() == (source / name).read_bytes()
    # Git ignores the folder in every program.
    assert Path(".biobatch/.gitignore").read_text() == "*\n"
    assert sorted(p.name for p in Path(".biobatch").iterdir()) == [".gitignore", copy.name]


def test_a_context_that_another_run_creates_at_the_same_time_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    checked_out(Path("tool"), "022")
    place = Path(".biobatch/tool-0123456789abcdef")
    rename = Path.rename

    def late(self: Path, target: Path) -> Path:
        shutil.copytree(self, place, symlinks=True)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", late)
    assert plain_context("tool", "0123456789abcdef") == place.as_posix()
    assert (place / "Dockerfile").is_file()
    assert sorted(p.name for p in Path(".biobatch").iterdir()) == [".gitignore", place.name]


def test_the_base_is_in_cache_from_so_the_provider_pulls_it_with_the_token_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    checked_out(Path("tool"), "022")
    base, above = images()
    uri = f"registry.test/base@sha256:{'0' * 64}"
    assert above.inputs["build"]["args"] == {"BASE": uri}
    assert above.inputs["build"]["cacheFrom"] == {"images": [uri]}
    assert "cacheFrom" not in base.inputs["build"]


def test_destroy_does_not_need_the_docker_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    checked_out(Path("tool"), "022")
    assert [image.retain_on_delete for image in images()] == [True, True]


def test_the_error_for_a_folder_without_dockerfile_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"{tmp_path}/Dockerfile does not exist"):
        ToolImageArgs(
            context=str(tmp_path),
            platform="linux/amd64",
            registry_server="registry.test",
            registry_username="AWS",
            registry_password="token",
        )
