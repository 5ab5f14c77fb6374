"""What the local AWS is told when it starts."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Config:
    """The local stack's choices for the local AWS."""

    port: int
    """Port of the AWS endpoint, on loopback for the user and on the gateway for jobs."""
    registry: str
    """`host:port` of the image registry that ECR's repositories lie in."""
    docker_host: str
    """Address of the Docker engine that runs the jobs."""
    network: str
    """Name of the jobs' Docker network."""
    gateway: str
    """The host's address in that network, where ECS gives tasks their credentials."""
    vcpus: int
    """vCPUs that jobs may hold at once."""
    memory_mib: int
    """MiB of memory that jobs may hold at once."""
    label: str
    """Label of the stack's containers and volumes."""
    stack: str
    """That label's value: the root folder of the clone."""
    data_dir: Path
    """Folder for what the server keeps."""
    log_file: Path
    """The server's own log."""


def load(path: Path) -> Config:
    """Reads the file that `local.stack.aws_server` writes.

    Raises:
        TypeError: if a key is missing or unknown.
    """
    values = json.loads(path.read_text())
    return Config(**{**values, "data_dir": Path(values["data_dir"]), "log_file": Path(values["log_file"])})
