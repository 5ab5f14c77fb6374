"""The configuration of the local AWS."""

import json
from dataclasses import dataclass
from pathlib import Path

#: The path by which `python -m local reclaim` takes a machine from its jobs. It is below moto's own, which jobs cannot use.
RECLAIM_PATH = "/moto-api/biobatch/reclaim"


@dataclass(frozen=True, kw_only=True)
class Config:
    """The settings that the local stack passes to the local AWS."""

    port: int
    """Port of the AWS endpoint, on loopback for the user and on the gateway for jobs."""
    registry: str
    """`host:port` of the image registry that holds the repositories of ECR."""
    docker_host: str
    """Address of the Docker engine that runs the jobs."""
    network: str
    """Name of the jobs' Docker network."""
    idle_image: str
    """An image with `sleep`, for the container whose network all jobs share."""
    gateway: str
    """The host's address in that network, where ECS gives tasks their credentials."""
    vcpus: int
    """vCPUs for all running jobs together."""
    memory_mib: int
    """MiB of memory for all running jobs together."""
    label: str
    """Label of the stack's containers and volumes."""
    stack: str
    """The value of that label: the root folder of the clone."""
    data_dir: Path
    """Folder for the data of the server."""
    log_file: Path
    """The log of the server."""


def load(path: Path) -> Config:
    """Reads the file that `local.stack.aws_server` writes.

    Raises:
        TypeError: if a key is missing or unknown.
    """
    values = json.loads(path.read_text())
    return Config(**{**values, "data_dir": Path(values["data_dir"]), "log_file": Path(values["log_file"])})
