"""The objects of a stack in the Docker engine: the job network, containers, volumes and images."""

import contextlib
import re

import docker
import docker.errors
import psutil
from docker.types import IPAMConfig, IPAMPool

from local.errors import LocalError
from local.paths import ROOT

#: The label of every container, network and volume of a stack. Its value is the stack's root folder.
LABEL = "biobatch.stack"

NETWORK = "biobatch-jobs"
#: The address at which ECS gives a task the credentials of its role. Here it is the host's address in the job network.
GATEWAY = "169.254.170.2"
_SUBNET = "169.254.170.0/24"

#: Repository for images of removed stacks, so that their layers serve the next build.
KEPT = "biobatch-cache"


def create_network(engine: docker.DockerClient) -> None:
    """Creates the job network, whose gateway is an address of this machine.

    Raises:
        LocalError: if the engine runs on another machine, or if another program uses the address.
    """
    if any(address.address == GATEWAY for addresses in psutil.net_if_addrs().values() for address in addresses):
        raise LocalError(
            f"{GATEWAY} is already an address of this machine: another user's local stack is up, or this machine is in ECS. "
            "Jobs need the address to get the credentials of their role. Remove that stack: run `make local-down` in its folder."
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
            "the Docker engine does not run on this machine (it is Docker Desktop, rootless or remote), so jobs could not reach the "
            "local AWS. Use an engine of this Linux machine: run `unset DOCKER_HOST`, or stop the other engine and run this as root."
        )


def clear(engine: docker.DockerClient, root: str | None, registry_port: int) -> None:
    """Removes the containers, volumes and networks of a stack, and the names of its images. The layers of the images stay.

    Args:
        engine: client of the engine.
        root: folder of the stack. None removes the objects of every stack, for an engine that only stacks use.
        registry_port: port of the stack's registry. The names of its images contain it.
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
            image.tag(f"{KEPT}/{_stable_name(name)}", "latest")
        # A pulled image keeps its digest as a name.
        for name in [*names, *(image.attrs.get("RepoDigests") or [])]:
            if name.startswith(registry):
                with contextlib.suppress(docker.errors.ImageNotFound):
                    engine.images.remove(name, noprune=True)


def _stable_name(reference: str) -> str:
    """The name of an image without registry, tag and the random suffix that Pulumi adds to a repository."""
    repository = reference.split("/", 1)[1].rsplit(":", 1)[0]
    return re.sub(r"-[0-9a-f]{7}$", "", repository)
