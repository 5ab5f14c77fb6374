"""The local stack as the benchmarks use it."""

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

#: Seconds that one container may work without a word.
_PATIENCE = 1800


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack that is up, and the clients that work on it."""

    outputs: StackOutputs
    image_uris: Mapping[str, str]
    """Our images by tool, in the local registry."""
    clients: Aws
    engine: docker.DockerClient
    network: str
    """Docker network of the jobs."""
    endpoint: str
    """AWS as containers of that network reach it."""
    registry: str
    """`host:port` of the image registry."""


@contextlib.contextmanager
def connected(record: Record) -> Iterator[Stack]:
    """The stack of a record, whose environment this process is in."""
    values = program.outputs(record)
    outputs = stack_outputs.parse(json.dumps(values), "pulumi stack output")
    with docker_engine.client(record.docker_host, timeout=_PATIENCE) as client:
        yield Stack(
            outputs=outputs,
            image_uris=values["image_uris"],
            clients=aws.connect(outputs.region),
            engine=client,
            network=docker_objects.NETWORK,
            endpoint=f"http://{docker_objects.GATEWAY}:{record.aws_port}",
            registry=f"127.0.0.1:{record.registry_port}",
        )
