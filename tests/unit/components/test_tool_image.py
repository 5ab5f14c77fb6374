"""An image's tag changes with all that makes another image, and with nothing else."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from components.tool_image import ToolImageArgs, content_tag


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
        pytest.param(lambda f: (f / "launcher").chmod(0o755), id="mode"),
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


def test_the_tag_does_not_change_with_time_place_or_order(folder: Path, tmp_path: Path) -> None:
    before = tag(folder)
    os.utime(folder / "launcher", (0, 0))
    assert tag(folder) == before
    copy = tmp_path / "elsewhere"
    fill(copy, ["job/plan.go", "launcher", "job/main.go", "Dockerfile"])
    assert tag(copy) == before


def test_the_tag_is_one_that_registries_take(folder: Path) -> None:
    assert len(tag(folder)) == 16
    assert set(tag(folder)) <= set("0123456789abcdef")


def test_a_folder_without_dockerfile_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"there is no {tmp_path}/Dockerfile"):
        ToolImageArgs(
            context=str(tmp_path),
            platform="linux/amd64",
            registry_server="registry.test",
            registry_username="AWS",
            registry_password="token",
        )
