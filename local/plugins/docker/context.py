"""A build context: the digest of its files, and the archive from which the engine builds."""

import contextlib
import errno
import hashlib
import os
import stat
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from docker.utils.build import PatternMatcher, tar

#: The name of the Dockerfile in the archive. It differs because the Dockerfile can be outside the context or ignored.
ARCHIVED_DOCKERFILE = ".dockerfile.biobatch"

#: How many links Go follows before it reports a loop.
_MOST_LINKS = 255


def digest(context: Path, dockerfile: Path) -> str:
    """The hash of names, modes and contents by which the provider identifies a context, as 64 hexadecimal digits.

    Equal to pulumi-docker's `contextDigest` (v4.11.2, provider/image.go): first the Dockerfile under a fixed name, then every file that
    is not ignored, including the Dockerfile again. Times, owners and folders do not count.

    Args:
        context: the folder.
        dockerfile: the Dockerfile, inside or outside the context.
    """
    whole = hashlib.sha256()
    _add(whole.update, "Dockerfile", "-" * 10, dockerfile.read_bytes())
    ignored = PatternMatcher(_ignore_patterns(context, dockerfile))
    for path in _files(context):
        name = path.relative_to(context).as_posix()
        if not ignored.matches(name):  # type: ignore[arg-type]  # it accepts text, unlike its stubs
            _add(whole.update, name, _mode(path.lstat().st_mode), _content(path))
    return whole.hexdigest()


def archive(context: Path, dockerfile: Path) -> contextlib.closing[Any]:
    """The context as a tar file for the engine, without ignored files. It contains the Dockerfile as `ARCHIVED_DOCKERFILE`."""
    return contextlib.closing(
        tar(
            context,
            exclude=_ignore_patterns(context, dockerfile),
            dockerfile=(ARCHIVED_DOCKERFILE, dockerfile.read_text()),
            gzip=False,
        )
    )


def _add(update: Callable[[bytes], None], name: str, mode: str, content: bytes) -> None:
    update(name.encode(errors="surrogateescape") + mode.encode() + hashlib.sha256(content).digest() + b"\0")


def _files(folder: Path) -> Iterator[Path]:
    """All files and links, depth first. The entries of each folder are in the order of the bytes of their names."""
    for entry in sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name)):
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        else:
            yield Path(entry.path)


def _content(path: Path) -> bytes:
    if path.is_symlink():
        return os.fsencode(_followed(path))
    return path.read_bytes() if path.is_file() else b""


def _followed(path: Path) -> str:
    """The target of a link, as Go's filepath.EvalSymlinks returns it: relative if the path is, unless one of the links is absolute."""
    reached, ahead, links = "", deque(path.parts), 0
    while ahead:
        reached = os.path.normpath(os.path.join(reached, ahead.popleft()))  # noqa: PTH118 - the path stays text
        if os.path.islink(reached):  # noqa: PTH114
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
            # The first part of an absolute target leads back to the root.
            ahead.extendleft(reversed(Path(os.readlink(reached)).parts))  # noqa: PTH115
            reached = os.path.dirname(reached)  # noqa: PTH120
    return reached


def _mode(mode: int) -> str:
    """A mode in the notation of Go, whose letters differ from those of `ls`."""
    letters = "".join(
        letter
        for letter, set_ in (
            ("L", stat.S_ISLNK(mode)),
            ("p", stat.S_ISFIFO(mode)),
            ("S", stat.S_ISSOCK(mode)),
            ("u", mode & stat.S_ISUID),
            ("g", mode & stat.S_ISGID),
            ("t", mode & stat.S_ISVTX),
        )
        if set_
    )
    permissions = "".join(letter if mode & (0o400 >> bit) else "-" for bit, letter in enumerate("rwxrwxrwx"))
    return (letters or "-") + permissions


def _ignore_patterns(context: Path, dockerfile: Path) -> list[str]:
    for file in (dockerfile.with_name(f"{dockerfile.name}.dockerignore"), context / ".dockerignore"):
        if file.is_file():
            lines = (line.strip() for line in file.read_text().splitlines())
            return [line for line in lines if line and not line.startswith("#")]
    return []
