"""What the stack keeps in the Docker engine: its job network, its containers and its images."""

import contextlib
import re
import shutil
import tempfile
from pathlib import Path

import docker
import docker.errors
import psutil
import requests
from docker.types import IPAMConfig, IPAMPool

from components.architectures import of_this_machine
from local import debian
from local.console import say
from local.errors import LocalError
from local.paths import ROOT
from local.processes import run

#: On every container, network and volume of a stack; its value is the stack's root folder.
LABEL = "biobatch.stack"

NETWORK = "biobatch-jobs"
#: Where ECS gives a task its role's credentials: the host's end of the job network.
GATEWAY = "169.254.170.2"
_SUBNET = "169.254.170.0/24"

BASE_IMAGE = "debian:trixie-slim"
#: Images of stacks that are gone, under a name that stays, so that their layers serve the next build.
_KEPT = "biobatch-cache"


def create_network(engine: docker.DockerClient) -> None:
    """Creates the job network, whose gateway is an address of this machine.

    Raises:
        LocalError: if the engine's networks are not this machine's, or another program holds the address.
    """
    if any(address.address == GATEWAY for addresses in psutil.net_if_addrs().values() for address in addresses):
        raise LocalError(
            f"{GATEWAY} is already an address of this machine (another user's local stack, or this is an ECS machine). "
            "Jobs get their role's credentials there: end that stack with `make local-down` in its folder."
        )
    engine.networks.create(
        NETWORK,
        driver="bridge",
        ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=_SUBNET, gateway=GATEWAY)]),
        options={"com.docker.network.bridge.name": NETWORK},
        labels={LABEL: str(ROOT)},
    )
    if not any(address.address == GATEWAY for addresses in psutil.net_if_addrs().values() for address in addresses):
        raise LocalError(
            "the Docker engine does not run on this machine itself (Docker Desktop, rootless or remote): jobs could not reach the "
            "local AWS. Use an engine of this Linux machine: `unset DOCKER_HOST`, or run this as root with no other engine up."
        )


def clear(engine: docker.DockerClient, root: str | None, registry_port: int) -> None:
    """Removes containers, volumes and networks of a stack, and the names of its images; their layers stay.

    Args:
        engine: client of the engine.
        root: folder of the stack; None for those of every stack, in an engine that is ours alone.
        registry_port: port of the stack's registry, which its images are named after.
    """
    label = LABEL if root is None else f"{LABEL}={root}"
    for container in engine.containers.list(all=True, filters={"label": label}, ignore_removed=True):
        with contextlib.suppress(docker.errors.NotFound):
            container.remove(force=True, v=True)
    for volume in engine.volumes.list(filters={"label": label}):
        volume.remove(force=True)
    for network in engine.networks.list(filters={"label": label}):
        network.remove()
    registry = "127.0.0.1:" if root is None else f"127.0.0.1:{registry_port}/"
    for image in engine.images.list():
        names = [name for name in image.tags if name.startswith(registry)]
        for name in names:
            image.tag(f"{_KEPT}/{_stable_name(name)}", "latest")
        # What is left of a pulled image is its digest.
        for name in [*names, *(image.attrs.get("RepoDigests") or [])]:
            if name.startswith(registry):
                with contextlib.suppress(docker.errors.ImageNotFound):
                    engine.images.remove(name, noprune=True)


def _stable_name(reference: str) -> str:
    """The name of an image without registry, tag and the random ending that Pulumi gives to a repository."""
    repository = reference.split("/", 1)[1].rsplit(":", 1)[0]
    return re.sub(r"-[0-9a-f]{7}$", "", repository)


def obtain_base_image(engine: docker.DockerClient, platform: str | None = None) -> None:
    """Makes sure that the base of all images is there: kept, pulled, or made from Debian's own archive.

    An engine knows one image by a name: the one for another platform takes the name over, as it does when Docker pulls it.

    Args:
        engine: client of the engine.
        platform: container platform, such as `linux/arm64`; the machine's own by default.

    Raises:
        LocalError: if there is no way to get it, with what was tried.
    """
    own = own_platform()
    platform = platform or own
    architecture = platform.split("/")[1]
    repository, tag = BASE_IMAGE.split(":")
    kept = f"{_KEPT}/{repository}", f"{tag}-{architecture}"
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
        say(f"its hub is out of reach; making {BASE_IMAGE} from Debian's archive instead")
        with tempfile.TemporaryDirectory() as folder:
            if platform == own:
                _bootstrap(Path(folder), refusal)
            else:
                _bootstrap_foreign(engine, Path(folder), architecture)
            (Path(folder) / "Dockerfile").write_text('FROM scratch\nADD base.tar /\nCMD ["bash"]\n')
            engine.images.build(path=folder, platform=platform, tag=BASE_IMAGE, rm=True)
    engine.images.get(BASE_IMAGE).tag(*kept)


def own_platform() -> str:
    """The container platform of this machine, such as `linux/amd64`."""
    return f"linux/{of_this_machine()}"


def _bootstrap(folder: Path, refusal: str) -> None:
    if not shutil.which("mmdebstrap"):
        if not debian.installable():
            raise LocalError(
                f"{BASE_IMAGE}: pulling it failed ({refusal}), and mmdebstrap, which could make it, is not installed and only root "
                "on Debian can install it. Run `docker pull` by hand, or `apt-get install mmdebstrap` as root."
            )
        debian.install("mmdebstrap")
    run(["mmdebstrap", "--variant=minbase", "trixie", folder / "base.tar"], f"making {BASE_IMAGE}")


def _bootstrap_foreign(engine: docker.DockerClient, folder: Path, architecture: str) -> None:
    """Like `_bootstrap`, for another architecture; nothing is emulated, so it takes no longer.

    Packages then run their scripts outside the new system, and mmdebstrap's manual asks for a throw-away one around it: a container.
    """
    obtain_base_image(engine)
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
