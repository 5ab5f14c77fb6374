"""Calls to AWS. botocore checks each call against its model first. Each refusal becomes one readable line."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import botocore.session
import tenacity
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.plugins.common import Failure

#: The longest time, in seconds, to wait until a resource is ready or no longer in use. The true provider waits longer, but the local AWS
#: acts at once.
MAX_WAIT = 60

#: How long, in seconds, the true provider would wait in the operation of this thread.
_limit: ContextVar[float] = ContextVar("limit", default=MAX_WAIT)


class ApiError(Failure):
    """A refusal by AWS, with its code and text."""

    def __init__(self, operation: str, code: str, text: str) -> None:
        super().__init__(f"{operation}: {code}: {text}" if code else f"{operation}: {text}")
        self.code = code
        self.text = text

    @property
    def gone(self) -> bool:
        """Whether the error says that the resource does not exist."""
        return any(sign in self.code for sign in ("NotFound", "NoSuch", "404")) or "does not exist" in self.text


@dataclass
class Api:
    """AWS in one region, with the endpoint and the credentials of the environment. Threads can share it."""

    region: str
    _session: Any = field(default_factory=botocore.session.get_session)
    _clients: dict[str, Any] = field(default_factory=dict)
    _models: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, service: str) -> Any:
        """The botocore client of a service."""
        # Threads may share a client, but must not make clients at the same time.
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._session.create_client(
                    service,
                    region_name=self.region,
                    config=Config(max_pool_connections=64, retries={"mode": "standard"}),
                )
            return self._clients[service]

    def input_shape(self, service: str, operation: str) -> Any:
        """botocore's shape of an operation's parameters. It needs no client, which takes longer to make than the model."""
        with self._lock:
            if service not in self._models:
                self._models[service] = self._session.get_service_model(service)
        return self._models[service].operation_model(operation).input_shape

    def call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Calls an operation.

        Raises:
            ApiError: if the parameters do not match the model, or AWS refuses the call or does not answer.
        """
        try:
            answer: dict[str, Any] = getattr(self.client(service), xform_name(operation))(**parameters)
        except ClientError as error:
            code = str(error.response["Error"].get("Code", ""))
            raise ApiError(operation, code, error.response["Error"].get("Message", "")) from error
        except BotoCoreError as error:
            raise ApiError(operation, "", " ".join(str(error).split())) from error
        return answer

    @cached_property
    def account(self) -> str:
        """The account ID."""
        return str(self.call("sts", "GetCallerIdentity", {})["Account"])

    @property
    def partition(self) -> str:
        """The partition of the region, as in ARNs."""
        return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(self.region.rsplit("-", 2)[0], "aws")

    @property
    def dns_suffix(self) -> str:
        """The domain of the endpoints of the partition."""
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Limits how long an operation waits.

    Args:
        seconds: the limit of the true provider.
    """
    token = _limit.set(seconds)
    try:
        yield
    finally:
        _limit.reset(token)


def limit() -> float:
    """How long, in seconds, the true provider would wait in the operation of this thread."""
    return _limit.get()


def retry_while(is_transient: Callable[[Failure], bool], attempt: Callable[[], Any]) -> Any:
    """Repeats an attempt as long as it raises a transient failure, at most until the operation's limit or `MAX_WAIT` is over."""
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, Failure) and is_transient(error)),
        wait=tenacity.wait_exponential(multiplier=0.1, max=2),
        stop=tenacity.stop_after_delay(min(MAX_WAIT, limit())),
        reraise=True,
    )
    return retrying(attempt)
