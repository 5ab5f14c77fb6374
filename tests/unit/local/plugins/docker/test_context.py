"""The digest of a build context: its exact form, and the changes that affect it."""

import hashlib
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from local.plugins.docker import context


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = Path("app")
    (folder / "a").mkdir(parents=True)
    for name, content in {"Dockerfile": "FROM scratch\n", "a/z": "1", "a.txt": "2", "B": "3"}.items():
        (folder / name).write_text(content)
        (folder / name).chmod(0o644)
    return folder


def digest(folder: Path) -> str:
    return context.digest(folder, folder / "Dockerfile")


def test_the_digest_is_the_hash_of_the_documented_records(tree: Path) -> None:
    (tree / "link").symlink_to("a.txt")
    (tree / "B").chmod(0o4755)
    records = [
        ("Dockerfile", "----------", b"FROM scratch\n"),
        ("B", "urwxr-xr-x", b"3"),
        ("Dockerfile", "-rw-r--r--", b"FROM scratch\n"),
        ("a/z", "-rw-r--r--", b"1"),
        ("a.txt", "-rw-r--r--", b"2"),
        ("link", "Lrwxrwxrwx", b"app/a.txt"),
    ]
    whole = b"".join(n.encode() + m.encode() + hashlib.sha256(c).digest() + b"\0" for n, m, c in records)
    assert digest(tree) == hashlib.sha256(whole).hexdigest()


@pytest.mark.parametrize(
    ("link", "target", "content"),
    [
        ("link", "a/z", "app/a/z"),
        ("link", "../outside", "outside"),
        ("a/link", "../a.txt", "app/a.txt"),
        ("link", "{here}/app/a.txt", "{here}/app/a.txt"),
        ("link", "{here}/app/../outside", "{here}/outside"),
        ("link", "relative", "{here}/outside"),
        ("link", "folder/z", "app/a/z"),
    ],
)
def test_a_link_counts_as_the_path_to_which_go_resolves_it(tree: Path, link: str, target: str, content: str) -> None:
    # The result of Go's filepath.EvalSymlinks is relative until a link is absolute. The true provider hashes this result.
    here = str(Path.cwd())
    Path("outside").touch()
    (tree / "relative").symlink_to(f"{here}/outside")
    (tree / "folder").symlink_to("a")
    (tree / link).symlink_to(target.format(here=here))
    assert context._content(tree / link).decode() == content.format(here=here)


def test_links_in_a_circle_end_in_an_error(tree: Path) -> None:
    (tree / "one").symlink_to("two")
    (tree / "two").symlink_to("one")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        digest(tree)


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda folder: (folder / "a/z").write_text("9"),
    "mode": lambda folder: (folder / "a/z").chmod(0o755),
    "name": lambda folder: (folder / "a/z").rename(folder / "a/y"),
    "new file": lambda folder: (folder / "new").touch(),
    "Dockerfile": lambda folder: (folder / "Dockerfile").write_text("FROM other\n"),
    "ignore file": lambda folder: (folder / ".dockerignore").write_text("B\n"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_names_modes_and_contents_change_the_digest(tree: Path, change: Callable[[Path], object]) -> None:
    before = digest(tree)
    change(tree)
    assert digest(tree) != before


def test_times_folders_and_ignored_files_do_not_change_the_digest(tree: Path) -> None:
    (tree / ".dockerignore").write_text("# caches\ncache\n*.log\n!kept.log\n")
    before = digest(tree)
    os.utime(tree / "B", (1, 1))
    (tree / "empty").mkdir()
    (tree / "cache").mkdir()
    (tree / "cache/big").write_text("x")
    (tree / "run.log").write_text("x")
    assert digest(tree) == before
    (tree / "kept.log").write_text("x")
    assert digest(tree) != before


def test_the_ignore_file_of_a_dockerfile_takes_precedence_over_that_of_the_context(tree: Path) -> None:
    (tree / ".dockerignore").write_text("B\n")
    (tree / "Dockerfile.dockerignore").write_text("a.txt\n")
    before = digest(tree)
    (tree / "a.txt").write_text("changed")
    assert digest(tree) == before
    (tree / "B").write_text("changed")
    assert digest(tree) != before


def test_the_archive_contains_all_files_that_are_not_ignored_and_an_outside_dockerfile(tree: Path) -> None:
    (tree / ".dockerignore").write_text("B\n")
    Path("Other").write_text("FROM other\n")
    with context.archive(tree, Path("Other")) as file, tarfile.open(fileobj=file) as archive:
        names = archive.getnames()
        dockerfile = archive.extractfile(context.ARCHIVED_DOCKERFILE)
        assert dockerfile is not None
        assert dockerfile.read() == b"FROM other\n"
    assert {"a/z", "a.txt", "Dockerfile"} <= set(names)
    assert "B" not in names
