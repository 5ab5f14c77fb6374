"""The local stack for the benchmarks."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import docker

from biobatch import aws, stack_outputs
from biobatch.aws import Aws
from biobatch.stack_outputs import StackOutputs
from local.machine import docker_engine
from local.record import Record
from local.stack import docker_objects, program

#: Seconds until a call to the Docker engine times out.
_TIMEOUT = 1800


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A running stack and the clients for it."""

    outputs: StackOutputs
    image_uris: Mapping[str, str]
    """URIs of our images in the local registry, by tool."""
    clients: Aws
    engine: docker.DockerClient
    network: str
    """The Docker network of the jobs."""
    endpoint: str
    """The endpoint of the local AWS in that network."""
    registry: str
    """`host:port` of the image registry."""


@contextlib.contextmanager
def connected(record: Record) -> Iterator[Stack]:
    """Connects to the stack of a record. This process must have the stack's environment."""
    values = program.outputs(record)
    outputs = stack_outputs.parse(json.dumps(values), "pulumi stack output")
    with docker_engine.client(record.docker_host, timeout=_TIMEOUT) as client:
        yield Stack(
            outputs=outputs,
            image_uris=values["image_uris"],
            clients=aws.connect(outputs.region),
            engine=client,
            network=docker_objects.NETWORK,
            endpoint=f"http://{docker_objects.GATEWAY}:{record.aws_port}",
            registry=f"127.0.0.1:{record.registry_port}",
        )
