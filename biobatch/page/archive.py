"""The program of the page with what it needs, as one archive that a job runs with the image's Python.

All of it is pure Python, so that one archive serves every architecture and version of Python.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

#: Packages, each with the files that it needs besides its modules: the beginnings of their paths.
_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "biobatch": ("page/", "run/"),
    "botocore": (
        *(
            "cacert.pem",
            "data/s3/",
            "data/endpoints.json",
            "data/partitions.json",
            "data/sdk-default-configuration.json",
        ),
        "data/_retry.json",
    ),
    "dateutil": (),
    "jinja2": (),
    "jmespath": (),
    "markupsafe": (),
    "urllib3": (),
}

#: Modules of one file.
_MODULES = ("six",)

#: Endings of files that are never needed, or are only for one architecture.
_LEFT_OUT = (".so", ".pyd", ".pyc", ".pyi", ".c", "examples-1.json")

#: The same content gives the same archive.
_TIME = (1980, 1, 1, 0, 0, 0)


def build() -> bytes:
    """The archive, in the ZIP format."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(_contents()):
            entry = zipfile.ZipInfo(path, _TIME)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return held.getvalue()


def _contents() -> Iterator[tuple[str, bytes]]:
    for package, data in _PACKAGES.items():
        folder = _file(package).parent
        for file in folder.rglob("*"):
            path = file.relative_to(folder).as_posix()
            wanted = path.endswith(".py") or path.startswith(data)
            if wanted and not path.endswith(_LEFT_OUT) and file.is_file():
                yield f"{package}/{path}", file.read_bytes()
    for module in _MODULES:
        yield f"{module}.py", _file(module).read_bytes()


def _file(module: str) -> Path:
    place = import_module(module).__file__
    assert place is not None
    return Path(place)
