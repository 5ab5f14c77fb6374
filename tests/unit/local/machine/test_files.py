"""The removal of folders with any content."""

import os
import tempfile
from pathlib import Path

from local.machine import files

#: A user other than root, because root can change read-only folders.
NOBODY = 65534


def remove_as(user: int, folder: Path) -> int:
    """Removes a folder in a process of another user and returns its exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setuid(user)
            files.remove(folder)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_read_only_folders_are_removed() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "cache"
        module = folder / "module"
        module.mkdir(parents=True)
        (module / "file").touch()
        user = NOBODY if os.geteuid() == 0 else os.geteuid()
        for path in (Path(temporary), folder, module):
            os.chown(path, user, -1)
        module.chmod(0o500)
        assert remove_as(user, folder) == 0
        assert list(Path(temporary).iterdir()) == []


def test_a_folder_that_does_not_exist_is_no_error(tmp_path: Path) -> None:
    files.remove(tmp_path / "none")
