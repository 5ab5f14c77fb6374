"""The calls of Pulumi's protocol for `docker.Image`, answered as the true provider (v4.11.2) answers them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2  # type: ignore[import-untyped]

from local.plugins.common import UNKNOWN, Failure, Plugin, Secret, failing, from_struct, holds_unknown, to_struct
from local.plugins.docker import context
from local.plugins.docker.builder import Builder
from local.plugins.protocol import engine_pb2, engine_pb2_grpc, provider_pb2
from local.stack.base_image import own_platform

#: The version of the true provider whose behavior this plugin has.
VERSION = "4.11.2"

TOKEN = "docker:index/image:Image"
#: Top-level inputs that are compared. No change replaces the image, not even one of the name.
_COMPARED = ("build", "imageName", "skipPush", "buildOnPreview", "registry")


class Provider(Plugin):
    """The part of Pulumi's Docker provider that this project needs."""

    def __init__(self, engine: str | None = None, builder: Builder | None = None) -> None:
        """Creates a provider.

        Args:
            engine: the address of Pulumi's engine, which shows the progress of builds. None shows no progress.
            builder: builds the images. The default uses the engine of DOCKER_HOST, once the provider is configured.
        """
        super().__init__(VERSION)
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine)) if engine else None
        self._builder = builder

    def Configure(  # noqa: N802
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        with failing(context):
            self._builder = self._builder or Builder()
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    def Check(  # noqa: N802
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        with failing(context):
            _require_image(request.urn)
            inputs = checked(from_struct(request.news))
        return provider_pb2.CheckResponse(inputs=to_struct(inputs))

    def Diff(  # noqa: N802
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        with failing(context):
            before, news = from_struct(request.olds).get("__inputs") or {}, from_struct(request.news)
            changes = {key: kind for key in _COMPARED if (kind := _change(key, before, news)) is not None}
        some = provider_pb2.DiffResponse.DIFF_SOME if changes else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(
            changes=some,
            diffs=sorted(changes),
            detailedDiff={key: provider_pb2.PropertyDiff(kind=kind, inputDiff=True) for key, kind in changes.items()},
            hasDetailedDiff=True,
        )

    def Create(  # noqa: N802
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        with failing(context):
            inputs = from_struct(request.properties)
            properties = self._build_and_push(request.urn, inputs, preview=request.preview)
        id = "" if request.preview else str(inputs["imageName"])
        return provider_pb2.CreateResponse(id=id, properties=to_struct(properties))

    def Update(  # noqa: N802
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        with failing(context):
            properties = self._build_and_push(request.urn, from_struct(request.news), preview=request.preview)
        return provider_pb2.UpdateResponse(properties=to_struct(properties))

    def Read(  # noqa: N802
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        # The true provider looks nothing up and trusts the state.
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        # Deleting the repository deletes the image.
        return empty_pb2.Empty()

    def _build_and_push(self, urn: str, inputs: Mapping[str, Any], *, preview: bool) -> dict[str, Any]:
        if preview and (not inputs.get("buildOnPreview") or holds_unknown(inputs)):
            return dict(inputs)
        assert self._builder is not None
        name, build, registry = inputs["imageName"], inputs["build"], inputs.get("registry") or {}

        def log(line: str) -> None:
            self._show(urn, line)

        digest = self._builder.build(name, build, registry, log)
        if not preview and not inputs.get("skipPush"):
            digest = self._builder.push(name, registry, log)
        return {
            "imageName": name,
            "baseImageName": name,
            "registryServer": registry.get("server", ""),
            "context": build["context"],
            "dockerfile": os.path.relpath(build["dockerfile"], build["context"]),
            "platform": build["platform"],
            "repoDigest": digest,
            "__inputs": Secret(dict(inputs)),
        }

    def _show(self, urn: str, line: str) -> None:
        """Puts a line beside the resource in the CLI's display."""
        if self._engine:
            info = engine_pb2.LogSeverity.Value("INFO")
            self._engine.Log(engine_pb2.LogRequest(severity=info, message=line, urn=urn, ephemeral=True))


def checked(news: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs with the defaults of the provider and the digest of the context, so that a changed file is a difference.

    Raises:
        Failure: if the Dockerfile does not exist or the image's name lacks its registry.
    """
    inputs = dict(news)
    if inputs.get("buildOnPreview") in (None, UNKNOWN):
        inputs["buildOnPreview"] = False
    if inputs.get("build") is not UNKNOWN:
        inputs["build"] = _checked_build(inputs.get("build") or {})
    name, registry = inputs.get("imageName"), inputs.get("registry") or {}
    server = registry if registry is UNKNOWN else registry.get("server")
    if isinstance(name, str) and not server and not inputs.get("skipPush") and not _is_canonical(name):
        raise Failure(
            f"repository name must be canonical. This resource requires all image names to be fully qualified, with a registry: {name}"
        )
    return inputs


def _checked_build(given: Mapping[str, Any]) -> dict[str, Any]:
    build = dict(given)
    build.setdefault("context", ".")
    if build["context"] is UNKNOWN or build.get("dockerfile") is UNKNOWN:
        return build
    build.setdefault("dockerfile", os.path.normpath(f"{build['context']}/Dockerfile"))
    build.setdefault("platform", own_platform())
    if "cacheFrom" in build and not (build["cacheFrom"] or {}).get("images"):
        raise Failure("cacheFrom requires an `images` field")
    version = build.get("builderVersion")
    if version not in (None, UNKNOWN, "BuilderV1", "BuilderBuildKit"):
        raise Failure(f"invalid Docker Builder version: {version}. It is BuilderV1 or BuilderBuildKit.")
    dockerfile = Path(build["dockerfile"])
    if not dockerfile.is_file():
        inside = Path(build["context"]) / dockerfile
        hint = f' Try setting `dockerfile` to "{inside}"' if inside.is_file() else ""
        raise Failure(f"could not open dockerfile at relative path {dockerfile}.{hint}")
    build["contextDigest"] = context.digest(Path(build["context"]), dockerfile)
    return build


def _is_canonical(name: str) -> bool:
    host, separator, _ = name.partition("/")
    return bool(separator) and (host == "localhost" or "." in host or ":" in host)


def _change(key: str, before: Mapping[str, Any], news: Mapping[str, Any]) -> Any:
    """The change of a top-level input, or None if it did not change."""
    old, new = before.get(key), news.get(key)
    if key == "registry" and isinstance(old, Mapping) and isinstance(new, Mapping):
        # Tokens differ in every run. Only another server is a difference.
        old, new = old.get("server"), new.get("server")
        if old is None or new is None:
            return None
    if old == new:
        return None
    if old is None:
        return provider_pb2.PropertyDiff.ADD
    return provider_pb2.PropertyDiff.DELETE if new is None else provider_pb2.PropertyDiff.UPDATE


def _require_image(urn: str) -> None:
    if not urn.split("::")[2].endswith(TOKEN):
        raise Failure(f"{urn.split('::')[2].split('$')[-1]}: the local Docker provider has only {TOKEN}")
