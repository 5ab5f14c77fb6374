"""The local AWS in this process, on a port of the loopback interface, with an image registry in memory."""

import contextlib
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.aws import server
from tests.unit.local.aws.registry import MemoryRegistry


@dataclass(frozen=True)
class LocalAws:
    """The local AWS, with its server and its registry."""

    url: str
    registry_address: str
    registry: MemoryRegistry

    def client(self, service: str, region: str = "us-east-1", signature: str | None = None, **keys: str) -> Any:
        """A boto3 client without retries."""
        keys = keys or {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
        config = Config(retries={"total_max_attempts": 1}, signature_version=signature)
        return boto3.client(service, region_name=region, endpoint_url=self.url, config=config, **keys)  # type: ignore[call-overload]


@contextlib.contextmanager
def local_aws() -> Iterator[LocalAws]:
    """Runs the local AWS until the block ends, and then removes the patches of moto."""
    registry = MemoryRegistry()
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0)) as front,
        socket.create_server(("127.0.0.1", 0)) as back,
    ):
        patch.setattr(tempfile, "tempdir", folder)
        for name, value in server.SETTINGS.items():
            patch.setenv(name, value)
        address = f"127.0.0.1:{back.getsockname()[1]}"
        server.patch_moto(address, lambda owner, name, value: patch.setattr(owner, name, value, raising=False))
        with server.serving(registry, back), server.serving(server.application(), front):
            yield LocalAws(f"http://127.0.0.1:{front.getsockname()[1]}", address, registry)


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    """The local AWS. Tests share it, so each creates the resources that it needs."""
    with local_aws() as started:
        yield started


@pytest.fixture(scope="session")
def refusal() -> Callable[..., tuple[str, str]]:
    """Makes a call that must be refused. Returns the code and the text of the error."""

    def of(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            call(**parameters)
        error = caught.value.response["Error"]
        return str(error["Code"]), str(error["Message"])

    return of
