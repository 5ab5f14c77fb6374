"""Pulumi's wire protocol: the generated modules of the installed SDK, without the SDK itself.

`import pulumi.runtime.proto` runs `pulumi/__init__.py` first. That loads the automation API, OpenTelemetry and YAML, which no plugin uses,
and took about half of a plugin's start. The generated modules refer to one another by relative imports only. They can therefore be loaded
as submodules of this one, from the folder in which the SDK keeps them. Their message classes are the SDK's own, because protobuf keeps one
class for each message in a process.
"""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi.runtime.proto import (
        engine_pb2,
        engine_pb2_grpc,
        plugin_pb2,
        provider_pb2,
        provider_pb2_grpc,
        status_pb2,
    )
    from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderServicer
else:
    _sdk = importlib.util.find_spec("pulumi")
    __path__ = [str(Path(_sdk.origin).parent / "runtime" / "proto")]
    from local.plugins.protocol import (
        engine_pb2,
        engine_pb2_grpc,
        plugin_pb2,
        provider_pb2,
        provider_pb2_grpc,
        status_pb2,
    )
    from local.plugins.protocol.provider_pb2_grpc import ResourceProviderServicer

__all__ = [
    "ResourceProviderServicer",
    "engine_pb2",
    "engine_pb2_grpc",
    "plugin_pb2",
    "provider_pb2",
    "provider_pb2_grpc",
    "status_pb2",
]
