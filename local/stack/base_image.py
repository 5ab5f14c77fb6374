"""The base image of all images, for this machine's platform or another: kept, pulled, or made from Debian's archive."""

import contextlib
import shutil
import tempfile
from pathlib import Path

import docker
import docker.errors
import requests

from components.architectures import of_this_machine
from local.console import say
from local.errors import LocalError
from local.machine import debian
from local.machine.processes import run
from local.paths import ROOT
from local.stack.docker_objects import KEPT, LABEL

BASE_IMAGE = "debian:trixie-slim"
#: Debian's package that makes the base image if Docker Hub cannot be reached.
PACKAGE = "mmdebstrap"


def obtain(engine: docker.DockerClient, platform: str | None = None) -> None:
    """Makes sure that the engine has the base image: kept from an earlier stack, pulled, or made from Debian's archive.

    In an engine, a name belongs to one image. The image of the requested platform takes the name from another one, as in a pull.

    Args:
        engine: client of the engine.
        platform: container platform, such as `linux/arm64`. The default is the platform of this machine.

    Raises:
        LocalError: if the image cannot be obtained. The error lists what was tried.
    """
    own = own_platform()
    platform = platform or own
    architecture = platform.split("/")[1]
    repository, tag = BASE_IMAGE.split(":")
    kept = f"{KEPT}/{repository}", f"{tag}-{architecture}"
    for name in (BASE_IMAGE, ":".join(kept)):
        with contextlib.suppress(docker.errors.ImageNotFound):
            found = engine.images.get(name)
            if found.attrs["Architecture"] == architecture:
                found.tag(repository, tag)
                found.tag(*kept)
                return
    say(f"pulling {BASE_IMAGE} for {platform}")
    try:
        engine.images.pull(BASE_IMAGE, platform=platform)
    except (docker.errors.APIError, requests.RequestException) as error:
        refusal = str(getattr(error, "explanation", None) or error)
        say(f"Docker Hub cannot be reached: making {BASE_IMAGE} from Debian's archive")
        with tempfile.TemporaryDirectory() as folder:
            if platform == own:
                _bootstrap(Path(folder), refusal)
            else:
                _bootstrap_foreign(engine, Path(folder), architecture)
            (Path(folder) / "Dockerfile").write_text('FROM scratch\nADD base.tar /\nCMD ["bash"]\n')
            engine.images.build(path=folder, platform=platform, tag=BASE_IMAGE, rm=True)
    engine.images.get(BASE_IMAGE).tag(*kept)


def may_install() -> bool:
    """Whether making the image needs a package that is not installed."""
    return not shutil.which(PACKAGE)


def own_platform() -> str:
    """The container platform of this machine, such as `linux/amd64`."""
    return f"linux/{of_this_machine()}"


def _bootstrap(folder: Path, refusal: str) -> None:
    if may_install():
        if not debian.installable():
            raise LocalError(
                f"cannot obtain {BASE_IMAGE}: pulling it failed ({refusal}), and mmdebstrap, which could make it, is not installed. "
                f"Run `docker pull {BASE_IMAGE}`, or as root on Debian: apt-get install mmdebstrap"
            )
        debian.install(PACKAGE)
    run(["mmdebstrap", "--variant=minbase", "trixie", folder / "base.tar"], f"making {BASE_IMAGE}")


def _bootstrap_foreign(engine: docker.DockerClient, folder: Path, architecture: str) -> None:
    """Like `_bootstrap`, for another architecture. It takes no longer, because nothing is emulated.

    The scripts of the packages then run outside the new system. mmdebstrap's manual recommends a disposable system for that, so this
    uses a container.
    """
    obtain(engine)
    script = (
        "apt-get update -q && apt-get install -qy --no-install-recommends mmdebstrap && "
        "exec mmdebstrap --mode=chrootless --skip=check/chrootless --variant=minbase --architectures=$1 trixie /made/base.tar"
    )
    try:
        engine.containers.run(
            BASE_IMAGE,
            ["sh", "-c", script, "sh", architecture],
            volumes={str(folder): {"bind": "/made", "mode": "rw"}},
            labels={LABEL: str(ROOT)},
            remove=True,
        )
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise LocalError(f"making {BASE_IMAGE} for linux/{architecture} in a container failed: {error}") from None
