"""Shared code of the provider plugins: their start and end, their errors, and the conversion of values on Pulumi's wire.

The aws and docker plugins implement Pulumi's gRPC service themselves instead of a provider of `pulumi.provider.experimental`, because that
(pulumi 3.259) does not pass on the old inputs, by which these plugins compare as the true ones do, and cannot report a resource that
was created but is not usable (`ErrorResourceInitFailed`), which the engine must keep in its state. It also runs all calls in one asyncio
loop, which a call to AWS or Docker would block, and it imports the whole SDK (see `protocol`).
"""

import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final, NoReturn

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped]

from local.plugins.protocol import ResourceProviderServicer, plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_OUTPUT_VALUE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"

#: The texts that represent unknown values, one for each type: string, boolean, number, list, asset, archive, object.
_UNKNOWNS = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


class Unknown(Enum):
    """The type of `UNKNOWN`."""

    UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


#: A value that a preview cannot know yet.
UNKNOWN: Final = Unknown.UNKNOWN


@dataclass(frozen=True)
class Secret:
    """A value that Pulumi encrypts in its state."""

    value: Any


def from_struct(struct: struct_pb2.Struct, *, keep_secrets: bool = False) -> dict[str, Any]:
    """Converts what the engine sent to Python values. Values that are not known yet become `UNKNOWN`, whole numbers `int`.

    Args:
        struct: properties as on the wire.
        keep_secrets: wrap secrets in `Secret` instead of unwrapping them.
    """
    return {key: _from_value(value, keep_secrets) for key, value in struct.fields.items()}


def _from_value(value: struct_pb2.Value, keep_secrets: bool) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        fields = value.struct_value.fields
        signature = fields[_SIGNATURE].string_value if _SIGNATURE in fields else ""
        if signature not in (_SECRET, _OUTPUT_VALUE):
            return from_struct(value.struct_value, keep_secrets=keep_secrets)
        inner = _from_value(fields["value"], keep_secrets) if "value" in fields else UNKNOWN
        secret = signature == _SECRET or ("secret" in fields and fields["secret"].bool_value)
        return Secret(inner) if secret and keep_secrets else inner
    if kind == "list_value":
        return [_from_value(item, keep_secrets) for item in value.list_value.values]
    if kind == "string_value":
        return UNKNOWN if value.string_value in _UNKNOWNS else value.string_value
    if kind == "number_value":
        return int(value.number_value) if value.number_value.is_integer() else value.number_value
    return value.bool_value if kind == "bool_value" else None


def to_struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Converts properties to what the engine reads. The inverse of `from_struct`."""
    return struct_pb2.Struct(fields={key: _to_value(value) for key, value in properties.items()})


def _to_value(value: Any) -> struct_pb2.Value:
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, Unknown):
        return struct_pb2.Value(string_value=value.value)
    if isinstance(value, Secret):
        return _to_value({_SIGNATURE: _SECRET, "value": value.value})
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=to_struct(value))
    if isinstance(value, list | tuple):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_to_value(item) for item in value]))
    raise TypeError(f"{type(value).__name__} has no form on Pulumi's wire: {value!r}")


def holds_unknown(value: Any) -> bool:
    """Whether a value is not known yet, or contains one that is not."""
    if isinstance(value, Secret):
        return holds_unknown(value.value)
    if isinstance(value, Mapping):
        return any(holds_unknown(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(holds_unknown(item) for item in value)
    return value is UNKNOWN


class Failure(Exception):
    """An error whose text the user sees instead of a traceback."""


class Unfinished(Failure):
    """A resource was created but did not become ready. The engine must keep it in its state, to delete it later."""

    def __init__(self, reason: str, *, id: str, properties: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
        super().__init__(reason)
        self.id = id
        self.properties = properties
        self.inputs = inputs


def fail(context: grpc.ServicerContext, failure: Failure) -> NoReturn:
    """Ends a call with the text of the failure, in the form that the engine expects."""
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(failure))
    if isinstance(failure, Unfinished):
        status.details.add().Pack(
            provider_pb2.ErrorResourceInitFailed(
                id=failure.id,
                properties=to_struct(failure.properties),
                inputs=to_struct(failure.inputs),
                reasons=[str(failure)],
            )
        )
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, str(failure))
    raise AssertionError("abort always raises")


@contextmanager
def failing(context: grpc.ServicerContext) -> Iterator[None]:
    """Reports failures as the error text of a call, and bugs of the plugin in one line that names the place."""
    try:
        yield
    except Failure as failure:
        fail(context, failure)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}, line {where.lineno}"
        fail(context, Failure(f"bug in a local provider plugin ({place}): {type(error).__name__}: {error}"))


class Plugin(ResourceProviderServicer):
    """The calls that every provider plugin answers alike. A provider overrides the others."""

    def __init__(self, version: str) -> None:
        self._version = version

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:  # noqa: N802
        return plugin_pb2.PluginInfo(version=self._version)

    def GetSchema(  # noqa: N802
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        return provider_pb2.GetSchemaResponse(schema="{}")

    def Attach(self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        end_soon()
        return empty_pb2.Empty()


def end_soon() -> None:
    """Ends the plugin as soon as the answer to Cancel is sent. The engine waits five seconds for a plugin that goes on running."""
    threading.Timer(0.05, os._exit, (0,)).start()


def end_with_engine() -> None:
    """Ends the plugin at SIGINT, at SIGTERM, and when its engine ends, since a killed engine does not end its plugins."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    engine = os.getppid()

    def watch() -> None:
        while os.getppid() == engine:
            time.sleep(0.5)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def serve(plugin: ResourceProviderServicer, *, workers: int = 64) -> NoReturn:
    """Serves a plugin to the engine until Cancel, SIGINT, SIGTERM or the end of the engine.

    Prints the port as the first line of standard output, as the engine expects, and never returns.

    Args:
        plugin: the provider.
        workers: how many calls run at the same time.
    """
    end_with_engine()
    # The limit that Pulumi uses. A state can be larger than gRPC's default of 4 MiB.
    limit = 400 * 1024 * 1024
    server = grpc.server(
        ThreadPoolExecutor(max_workers=workers),
        options=[("grpc.max_receive_message_length", limit), ("grpc.max_send_message_length", limit)],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(plugin, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()
    raise AssertionError("only the end of the process stops the server")
