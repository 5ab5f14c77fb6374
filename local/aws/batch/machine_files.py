"""The files that an instance has for containers of workflow engines, as the boot script of the program copies them out of an image."""

import base64
import binascii
import email
import functools
import io
import posixpath
import re
import tarfile
import tempfile
from pathlib import Path

import docker
import docker.errors
from docker.models.containers import Container

from local.aws.config import Config

#: The folder of an instance that jobs can mount. No other path of a machine reaches a job here.
FOLDER = "/opt/biobatch"

#: The files that components/boot.sh copies, with their modes.
_FILES = {"bin/aws": 0o755, "etc/ca.pem": 0o644}

#: The most links that lead to one file.
_MOST_LINKS = 8


def engine_image(user_data: str) -> str:
    """The image that user data, in base64, names as the source of the files. Empty if it names none."""
    try:
        parts = email.message_from_bytes(base64.b64decode(user_data)).walk()
    except (binascii.Error, ValueError):
        return ""
    scripts = (part.get_payload() for part in parts if part.get_content_type() == "text/x-shellscript")
    found = (re.search(r"^readonly ENGINE_IMAGE=([^\s']+)$", str(script), re.MULTILINE) for script in scripts)
    return next((match[1] for match in found if match), "")


def folder(client: docker.DockerClient, config: Config, image: str) -> Path:
    """A folder of the stack with the files of an image, which are copied once. Without an image, it is empty.

    Args:
        client: of the engine that has, or can pull, the image.
        config: of the local AWS.
        image: URI with digest, or "".

    Raises:
        docker.errors.DockerException: if the engine cannot pull the image, or the image lacks a file.
    """
    target = config.data_dir / "machine" / (image.rpartition(":")[2] or "empty")
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as made:
            new = Path(made) / "files"
            new.mkdir()
            if image:
                _copy(client, config, image, new)
            # Another job can have made it meanwhile.
            if not target.is_dir():
                new.rename(target)
    return target


def _copy(client: docker.DockerClient, config: Config, image: str, to: Path) -> None:
    create = functools.partial(client.containers.create, image, ["true"], labels={config.label: config.stack})
    try:
        container = create()
    except docker.errors.ImageNotFound:
        client.images.pull(image)
        container = create()
    try:
        for name, mode in _FILES.items():
            path = to / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_content(container, f"{FOLDER}/{name}"))
            path.chmod(mode)
    finally:
        container.remove(force=True, v=True)


def _content(container: Container, path: str) -> bytes:
    """The content of a file in a container. Docker's API does not follow links, unlike `docker cp --follow-link`."""
    for _ in range(_MOST_LINKS):
        chunks, _stat = container.get_archive(path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            member = archive.next()
            if member is not None and member.issym():
                path = posixpath.normpath(posixpath.join(posixpath.dirname(path), member.linkname))
                continue
            file = archive.extractfile(member) if member is not None else None
            if file is None:
                break
            return file.read()
    raise docker.errors.DockerException(f"{path} is not a file of the image")
