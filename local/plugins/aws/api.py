"""Calls to AWS: each checked against botocore's model first, each refusal as one readable line."""

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

#: Seconds until a resource that does not get ready, or that others still use, is given up, however long the true provider would wait:
#: the local AWS acts at once.
PATIENCE = 60

#: Seconds that the true provider would wait in the operation that this thread carries out.
_limit: ContextVar[float] = ContextVar("limit", default=PATIENCE)


class ApiError(Failure):
    """AWS's refusal, with its code and text."""

    def __init__(self, operation: str, code: str, text: str) -> None:
        super().__init__(f"{operation}: {code}: {text}" if code else f"{operation}: {text}")
        self.code = code
        self.text = text

    @property
    def gone(self) -> bool:
        """Whether what the call was about does not exist."""
        return any(sign in self.code for sign in ("NotFound", "NoSuch", "404")) or "does not exist" in self.text


@dataclass
class Api:
    """AWS in one region, by the environment's endpoint and credentials. Safe to use from many threads."""

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
            ApiError: if the parameters do not fit the model, or AWS refuses or does not answer.
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
        """The account's number."""
        return str(self.call("sts", "GetCallerIdentity", {})["Account"])

    @property
    def partition(self) -> str:
        """The partition of the region, as ARNs name it."""
        return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(self.region.rsplit("-", 2)[0], "aws")

    @property
    def dns_suffix(self) -> str:
        """The domain of the partition's endpoints."""
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Limits the waits of an operation.

    Args:
        seconds: the true provider's limit for it.
    """
    token = _limit.set(seconds)
    try:
        yield
    finally:
        _limit.reset(token)


def limit() -> float:
    """Seconds that the true provider would wait in the operation that this thread carries out."""
    return _limit.get()


def patiently(attempt: Callable[[], Any], *, while_: Callable[[Failure], bool]) -> Any:
    """Repeats an attempt as long as it fails in a way that passes by itself, until the operation's limit or `PATIENCE` is over."""
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, Failure) and while_(error)),
        wait=tenacity.wait_exponential(multiplier=0.1, max=2),
        stop=tenacity.stop_after_delay(min(PATIENCE, limit())),
        reraise=True,
    )
    return retrying(attempt)
