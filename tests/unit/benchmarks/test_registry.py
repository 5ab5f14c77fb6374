"""The compressed sizes of images in a registry. A shared layer counts once."""

import json
import re
from typing import Any

import pytest
import requests

from benchmarks import registry
from local.errors import LocalError

BASE, TOOL = {"digest": "sha256:base", "size": 30}, {"digest": "sha256:tool", "size": 5}
MANIFESTS: dict[str, Any] = {
    "tools/samtools/manifests/sha256:one": {"layers": [BASE, TOOL]},
    "samtools/manifests/latest": {"layers": [BASE]},
    "indexed/manifests/latest": {
        "manifests": [
            {"digest": "sha256:attestation", "platform": {"os": "unknown"}},
            {"digest": "sha256:image", "platform": {"os": "linux"}},
        ]
    },
    "indexed/manifests/sha256:image": {"layers": [BASE, TOOL]},
}


@pytest.fixture(autouse=True)
def the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    def get(url: str, headers: dict[str, str], timeout: int) -> requests.Response:
        path = re.sub("^http://registry:5000/v2/", "", url)
        answer = requests.Response()
        answer.status_code = 200 if path in MANIFESTS else 404
        answer._content = json.dumps(MANIFESTS.get(path, "no such manifest")).encode()
        return answer

    monkeypatch.setattr(requests, "get", get)


@pytest.mark.parametrize(
    ("reference", "layers"),
    [
        ("registry:5000/tools/samtools@sha256:one", {"sha256:base": 30, "sha256:tool": 5}),
        ("registry:5000/samtools:latest", {"sha256:base": 30}),
        ("registry:5000/indexed:latest", {"sha256:base": 30, "sha256:tool": 5}),
    ],
)
def test_an_images_layers_are_found_by_digest_tag_and_index(reference: str, layers: dict[str, int]) -> None:
    assert registry.layers(reference) == layers


def test_a_missing_image_is_named() -> None:
    with pytest.raises(LocalError, match="no image absent latest: 404"):
        registry.layers("registry:5000/absent:latest")


def test_shared_layers_count_once() -> None:
    assert registry.unique_bytes([{"base": 30, "a": 5}, {"base": 30, "b": 7}, {"base": 30}]) == 42
