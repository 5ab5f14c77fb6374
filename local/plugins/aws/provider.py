"""The calls of Pulumi's protocol, passed on to the resource types."""

import ipaddress
import json
import os
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2  # type: ignore[import-untyped]

from local.plugins.aws import batch, budgets, cloudwatch, cloudwatch_logs, ec2, ecr, events, iam, kms, s3, sns
from local.plugins.aws.api import Api, limited
from local.plugins.aws.differences import Difference
from local.plugins.aws.lookups import look_up
from local.plugins.aws.resource import Resource
from local.plugins.common import Failure, Plugin, failing, from_struct, holds_unknown, to_struct
from local.plugins.protocol import provider_pb2

#: The version of the true provider whose behavior this plugin has.
VERSION = "7.51.1"

TYPES: Mapping[str, type[Resource]] = {
    type_.token: type_
    for service in (ec2, iam, kms, s3, ecr, batch, cloudwatch_logs, cloudwatch, events, sns, budgets)
    for type_ in service.TYPES
}

_KINDS = {
    ("add", False): provider_pb2.PropertyDiff.ADD,
    ("add", True): provider_pb2.PropertyDiff.ADD_REPLACE,
    ("delete", False): provider_pb2.PropertyDiff.DELETE,
    ("delete", True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    ("update", False): provider_pb2.PropertyDiff.UPDATE,
    ("update", True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


class Provider(Plugin):
    """The part of Pulumi's AWS provider that this project needs. It calls an AWS on this machine only."""

    def __init__(self, api: Api | None = None) -> None:
        """Creates a provider for the given AWS, or one that Configure connects to AWS."""
        super().__init__(VERSION)
        self._api = api
        self._default_tags: dict[str, str] = {}
        self._resources: dict[str, Resource] = {}
        self._lock = threading.Lock()

    # The provider itself

    def CheckConfig(  # noqa: N802
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        inputs = from_struct(request.news)
        failures = []
        region = inputs.setdefault("region", os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"))
        if not region:
            reason = "is not set. Set it: pulumi config set aws:region us-east-1"
            failures = [provider_pb2.CheckFailure(property="region", reason=reason)]
        return provider_pb2.CheckResponse(
            inputs=to_struct({key: value for key, value in inputs.items() if value is not None}), failures=failures
        )

    def DiffConfig(  # noqa: N802
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        new, old = (
            from_struct(request.news),
            from_struct(request.old_inputs if request.HasField("old_inputs") else request.olds),
        )
        changed = sorted(key for key in new.keys() | old.keys() if key != "version" and new.get(key) != old.get(key))
        return provider_pb2.DiffResponse(changes=_changes(bool(changed)), diffs=changed)

    def Configure(  # noqa: N802
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        with failing(context):
            require_local_endpoint(os.environ.get("AWS_ENDPOINT_URL", ""))
            arguments = from_struct(request.args)
            region = arguments.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
            if not region:
                raise Failure("aws:region is not set. Set it: pulumi config set aws:region us-east-1")
            tags = _json(arguments.get("defaultTags"), {}).get("tags") or {}
            accounts = _json(arguments.get("allowedAccountIds"), [])
            self._api = Api(region=region)
            self._default_tags = {str(key): str(value) for key, value in tags.items()}
            if accounts and self._api.account not in accounts:
                raise Failure(
                    f"AWS account {self._api.account} is not allowed: allowedAccountIds is {', '.join(accounts)}"
                )
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    # Resources

    def Check(  # noqa: N802
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        with failing(context):
            resource = self._resource(request.urn)
            news, olds = from_struct(request.news), from_struct(request.olds)
            inputs, faults = resource.check(_name(request.urn), news, olds, request.randomSeed)
            failures = [provider_pb2.CheckFailure(property=f.path, reason=f.reason) for f in faults]
        return provider_pb2.CheckResponse(inputs=to_struct(inputs), failures=failures)

    def Diff(  # noqa: N802
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        with failing(context):
            resource = self._resource(request.urn)
            news, state, before = from_struct(request.news), from_struct(request.olds), from_struct(request.old_inputs)
            differences = _without(resource.differences(news, state, before), request.ignoreChanges)
            replacing = resource.replacing(differences, news, before)
        return provider_pb2.DiffResponse(
            changes=_changes(bool(differences)),
            diffs=sorted({d.top for d in differences}),
            replaces=sorted({d.top for d in differences if d.path in replacing}),
            deleteBeforeReplace=bool(replacing) and resource.deletes_first(news),
            detailedDiff={
                d.path: provider_pb2.PropertyDiff(kind=_KINDS[d.kind, d.path in replacing], inputDiff=d.by_program)
                for d in differences
            },
            hasDetailedDiff=True,
        )

    def Create(  # noqa: N802
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        with failing(context):
            resource, inputs = self._resource(request.urn), from_struct(request.properties)
            if request.preview:
                return provider_pb2.CreateResponse(properties=to_struct(resource.preview_create(inputs)))
            with limited(resource.limit("create", inputs, request.timeout)):
                id, properties = resource.create(inputs)
        return provider_pb2.CreateResponse(id=id, properties=to_struct(properties))

    def Read(  # noqa: N802
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        with failing(context):
            resource, state = self._resource(request.urn), from_struct(request.properties)
            if not state:
                raise Failure(f"the local AWS can refresh {resource.token}, but cannot import it")
            found = resource.read(request.id, state)
            if found is None:
                return provider_pb2.ReadResponse()
            id, properties = found
            inputs = resource.inputs_of(from_struct(request.inputs), properties)
        return provider_pb2.ReadResponse(id=id, properties=to_struct(properties), inputs=to_struct(inputs))

    def Update(  # noqa: N802
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        with failing(context):
            resource = self._resource(request.urn)
            news, state, before = from_struct(request.news), from_struct(request.olds), from_struct(request.old_inputs)
            differences = _without(resource.differences(news, state, before), request.ignoreChanges)
            if request.preview:
                properties = resource.preview_update(news, state, differences)
            else:
                with limited(resource.limit("update", news, request.timeout)):
                    properties = resource.update(request.id, news, state, differences)
        return provider_pb2.UpdateResponse(properties=to_struct(properties))

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        with failing(context):
            resource, state = self._resource(request.urn), from_struct(request.properties)
            with limited(resource.limit("delete", state, request.timeout)):
                resource.delete(request.id, state)
        return empty_pb2.Empty()

    def Invoke(  # noqa: N802
        self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.InvokeResponse:
        with failing(context):
            result = look_up(self.api, request.tok, from_struct(request.args))
        return provider_pb2.InvokeResponse(**{"return": to_struct(result)})

    @property
    def api(self) -> Api:
        """AWS, as configured."""
        if self._api is None:
            raise Failure("the provider was not configured before its first use")
        return self._api

    def _resource(self, urn: str) -> Resource:
        return self.resource(urn.split("::")[2].split("$")[-1])

    def resource(self, token: str) -> Resource:
        """The implementation of a resource type.

        Raises:
            Failure: if there is no such type here.
        """
        if token not in TYPES:
            raise Failure(
                f"{token}: the local AWS does not support this resource type. It supports {', '.join(sorted(TYPES))}"
            )
        with self._lock:
            if token not in self._resources:
                self._resources[token] = TYPES[token](self.api, self._default_tags)
            return self._resources[token]


def require_local_endpoint(endpoint: str) -> None:
    """Raises `Failure` unless the endpoint is on this machine, so that the local stack never reaches an account."""
    host = urlsplit(endpoint).hostname or ""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        given = f"is {endpoint}, which is not this machine" if endpoint else "is not set"
        raise Failure(
            f"AWS_ENDPOINT_URL {given}: this provider calls only an AWS on this machine. "
            'In a shell of the local stack: eval "$(make local-env)"'
        )


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]


def _changes(some: bool) -> Any:
    return provider_pb2.DiffResponse.DIFF_SOME if some else provider_pb2.DiffResponse.DIFF_NONE


def _without(differences: list[Difference], ignored: Any) -> list[Difference]:
    paths = tuple(ignored)
    return [d for d in differences if not any(d.path == p or d.path.startswith((f"{p}.", f"{p}[")) for p in paths)]


def _json(text: Any, default: Any) -> Any:
    """Reads a provider argument. Arguments that are not text arrive as JSON text."""
    if text is None or holds_unknown(text):
        return default
    return json.loads(text) if isinstance(text, str) else text
