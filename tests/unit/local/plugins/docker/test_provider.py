"""The local `docker.Image` has the defaults, differences and outputs of the true provider."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from pulumi.runtime.proto import provider_pb2

from local.plugins.common import UNKNOWN, Failure, Secret, from_struct, to_struct
from local.plugins.docker.builder import Builder
from local.plugins.docker.provider import TOKEN, Provider, checked
from tests.unit.local.plugins.pulumi_engine import Aborted, Context

URN = f"urn:pulumi:local::biobatch::biobatch:index:ToolImage${TOKEN}::tool"
NAME = "127.0.0.1:1/tool:tag"
REGISTRY = {"server": "http://127.0.0.1:1", "username": "AWS", "password": "token"}
KIND = provider_pb2.PropertyDiff


class Recorder:
    """A builder that only records the builds."""

    def __init__(self) -> None:
        self.built: list[str] = []
        self.pushed: list[str] = []

    def build(
        self, name: str, build: Mapping[str, Any], registry: Mapping[str, Any], log: Callable[[str], None]
    ) -> str:
        assert registry == REGISTRY
        self.built.append(name)
        log("Step 1/1 : FROM scratch")
        return "sha256:" + "1" * 64

    def push(self, name: str, registry: Mapping[str, Any], log: Callable[[str], None]) -> str:
        self.pushed.append(name)
        return f"{name.rsplit(':', 1)[0]}@sha256:{'2' * 64}"


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    monkeypatch.chdir(tmp_path)
    Path("app").mkdir()
    Path("app/Dockerfile").write_text("FROM scratch\n")
    return Recorder()


def inputs(**changes: Any) -> dict[str, Any]:
    build = {"context": "app", "dockerfile": "app/Dockerfile", "platform": "linux/amd64"}
    return checked({"imageName": NAME, "build": build, "registry": REGISTRY, "skipPush": False, **changes})


def provider(recorder: Recorder) -> Provider:
    return Provider(builder=cast(Builder, recorder))


def create(recorder: Recorder, *, preview: bool = False, **changes: Any) -> provider_pb2.CreateResponse:
    request = provider_pb2.CreateRequest(urn=URN, properties=to_struct(inputs(**changes)), preview=preview)
    return provider(recorder).Create(request, Context())


def diff(recorder: Recorder, olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    request = provider_pb2.DiffRequest(urn=URN, olds=to_struct({"__inputs": olds}), news=to_struct(news))
    answer = provider(recorder).Diff(request, Context())
    assert not answer.replaces
    assert answer.hasDetailedDiff
    return {key: change.kind for key, change in answer.detailedDiff.items()}


def test_an_image_is_built_pushed_and_known_by_digest(recorder: Recorder) -> None:
    answer = create(recorder)
    properties = from_struct(answer.properties, keep_secrets=True)
    kept = properties.pop("__inputs")
    assert (answer.id, recorder.built, recorder.pushed) == (NAME, [NAME], [NAME])
    assert properties == {
        **{"imageName": NAME, "baseImageName": NAME, "registryServer": "http://127.0.0.1:1"},
        **{"context": "app", "dockerfile": "Dockerfile", "platform": "linux/amd64"},
        "repoDigest": f"127.0.0.1:1/tool@sha256:{'2' * 64}",
    }
    assert isinstance(kept, Secret)
    assert kept.value == inputs()


def test_without_a_push_the_digest_is_the_images_id(recorder: Recorder) -> None:
    answer = create(recorder, skipPush=True)
    assert from_struct(answer.properties)["repoDigest"] == "sha256:" + "1" * 64
    assert not recorder.pushed


def test_a_preview_builds_only_on_request_and_never_pushes(recorder: Recorder) -> None:
    answer = create(recorder, preview=True)
    assert not answer.id
    assert "repoDigest" not in from_struct(answer.properties)
    assert not recorder.built
    create(recorder, preview=True, buildOnPreview=True)
    assert (recorder.built, recorder.pushed) == ([NAME], [])


def test_equal_inputs_are_no_change(recorder: Recorder) -> None:
    assert diff(recorder, inputs(), inputs()) == {}


def test_a_changed_file_is_an_update(recorder: Recorder) -> None:
    before = inputs()
    Path("app/new").write_text("x")
    assert diff(recorder, before, inputs()) == {"build": KIND.UPDATE}


def test_even_another_name_replaces_nothing(recorder: Recorder) -> None:
    assert diff(recorder, inputs(), inputs(imageName="127.0.0.1:1/tool:other")) == {"imageName": KIND.UPDATE}


def test_a_new_token_is_no_change_but_another_server_is(recorder: Recorder) -> None:
    assert diff(recorder, inputs(), inputs(registry={**REGISTRY, "password": "next"})) == {}
    assert diff(recorder, inputs(), inputs(registry={**REGISTRY, "server": "http://127.0.0.1:2"})) == {
        "registry": KIND.UPDATE
    }
    assert diff(recorder, inputs(), inputs(registry=None)) == {"registry": KIND.DELETE}


def test_an_image_without_inputs_in_its_state_is_rebuilt(recorder: Recorder) -> None:
    assert diff(recorder, {}, inputs()) == dict.fromkeys(inputs(), KIND.ADD)


def test_defaults_are_filled_in_as_the_provider_does(recorder: Recorder) -> None:
    found = checked({"imageName": NAME, "build": {"context": "./app"}, "skipPush": False})
    assert found["build"]["dockerfile"] == "app/Dockerfile"
    assert found["build"]["platform"].startswith("linux/")
    assert len(found["build"]["contextDigest"]) == 64
    assert found["buildOnPreview"] is False


def test_an_unknown_name_and_an_unknown_build_pass_a_preview(recorder: Recorder) -> None:
    assert checked({"imageName": UNKNOWN, "build": {"context": "app"}})["imageName"] is UNKNOWN
    assert checked({"imageName": NAME, "build": UNKNOWN})["build"] is UNKNOWN


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"build": {"context": "app", "dockerfile": "Dockerfile"}}, 'Try setting `dockerfile` to "app/Dockerfile"'),
        ({"build": {"context": "none"}}, "could not open dockerfile at relative path none/Dockerfile"),
        ({"build": {"context": "app", "builderVersion": "V3"}}, "invalid Docker Builder version: V3"),
        ({"build": {"context": "app", "cacheFrom": {}}}, "cacheFrom requires an `images` field"),
        ({"build": {"context": "app"}, "imageName": "tool", "registry": None}, "must be canonical"),
    ],
)
def test_wrong_inputs_are_refused_with_a_message(recorder: Recorder, wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(Failure) as refused:
        inputs(**wrong)
    assert words in str(refused.value)


def test_another_resource_type_is_refused(recorder: Recorder) -> None:
    urn = URN.replace(TOKEN, "docker:index/container:Container")
    with pytest.raises(Aborted, match="docker:index/container:Container: the local Docker provider has only"):
        provider(recorder).Check(provider_pb2.CheckRequest(urn=urn), Context())


def test_an_engine_that_does_not_answer_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(Failure, match="failed to connect to any docker daemon: unix://"):
        Builder()
