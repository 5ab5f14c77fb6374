"""The calls of Pulumi's engine to a provider, in this process and without gRPC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc  # type: ignore[import-untyped]
from pulumi.runtime.proto import provider_pb2

from local.plugins.aws.provider import Provider
from local.plugins.common import from_struct, to_struct


class Aborted(Exception):
    """A call that ended in an error, with the metadata for the engine."""

    def __init__(self, details: str, metadata: Any) -> None:
        super().__init__(details)
        self.metadata = metadata


class Context:
    """The part of gRPC's context that a call uses."""

    metadata: Any = ()

    def set_trailing_metadata(self, metadata: Any) -> None:
        self.metadata = metadata

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        raise Aborted(details, self.metadata)


@dataclass
class ResourceState:
    """A resource in the engine's state."""

    urn: str
    inputs: dict[str, Any]
    id: str
    properties: dict[str, Any]

    @property
    def name(self) -> str:
        return self.urn.split("::")[-1]

    @property
    def token(self) -> str:
        return self.urn.split("::")[2].split("$")[-1]


class Engine:
    """Makes the calls of Pulumi's engine to a provider."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    def urn(self, token: str, name: str) -> str:
        return f"urn:pulumi:local::biobatch::biobatch:index:Network${token}::{name}"

    def check(self, token: str, name: str, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None) -> Any:
        request = provider_pb2.CheckRequest(
            urn=self.urn(token, name),
            news=to_struct(news),
            olds=to_struct(olds or {}),
            randomSeed=b"seed" + name.encode(),
        )
        answer = self.provider.Check(request, Context())
        return from_struct(answer.inputs), {f.property: f.reason for f in answer.failures}

    def inputs(
        self, token: str, name: str, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        inputs, failures = self.check(token, name, news, olds)
        assert failures == {}
        return dict(inputs)

    def preview(self, token: str, name: str, news: Mapping[str, Any]) -> dict[str, Any]:
        inputs = self.inputs(token, name, news)
        request = provider_pb2.CreateRequest(urn=self.urn(token, name), properties=to_struct(inputs), preview=True)
        return from_struct(self.provider.Create(request, Context()).properties)

    def create(self, token: str, name: str, news: Mapping[str, Any]) -> ResourceState:
        inputs = self.inputs(token, name, news)
        request = provider_pb2.CreateRequest(urn=self.urn(token, name), properties=to_struct(inputs))
        answer = self.provider.Create(request, Context())
        return ResourceState(self.urn(token, name), inputs, answer.id, from_struct(answer.properties))

    def diff(self, made: ResourceState, news: Mapping[str, Any], *, ignore: Sequence[str] = ()) -> Any:
        inputs = self.inputs(made.token, made.name, news, made.inputs)
        request = provider_pb2.DiffRequest(
            urn=made.urn,
            id=made.id,
            olds=to_struct(made.properties),
            old_inputs=to_struct(made.inputs),
            news=to_struct(inputs),
            ignoreChanges=ignore,
        )
        return self.provider.Diff(request, Context())

    def update(
        self, made: ResourceState, news: Mapping[str, Any], *, preview: bool = False, timeout: float = 0
    ) -> ResourceState:
        inputs = self.inputs(made.token, made.name, news, made.inputs)
        request = provider_pb2.UpdateRequest(
            urn=made.urn,
            id=made.id,
            olds=to_struct(made.properties),
            old_inputs=to_struct(made.inputs),
            news=to_struct(inputs),
            preview=preview,
            timeout=timeout,
        )
        answer = self.provider.Update(request, Context())
        return ResourceState(made.urn, inputs, made.id, from_struct(answer.properties))

    def read(self, made: ResourceState) -> ResourceState | None:
        request = provider_pb2.ReadRequest(
            urn=made.urn, id=made.id, properties=to_struct(made.properties), inputs=to_struct(made.inputs)
        )
        answer = self.provider.Read(request, Context())
        if not answer.id:
            return None
        return ResourceState(made.urn, from_struct(answer.inputs), answer.id, from_struct(answer.properties))

    def delete(self, made: ResourceState, *, timeout: float = 0) -> None:
        request = provider_pb2.DeleteRequest(
            urn=made.urn, id=made.id, properties=to_struct(made.properties), timeout=timeout
        )
        self.provider.Delete(request, Context())

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        request = provider_pb2.InvokeRequest(tok=token, args=to_struct(arguments))
        return from_struct(getattr(self.provider.Invoke(request, Context()), "return"))
