"""Images are compared by what the registry keeps of all four together."""

from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import containers, image_sizes, registry

OURS = {tool: {"debian": 30_000_000, "job": 10_000_000, tool: 5_000_000} for tool in image_sizes.PLAIN}
OURS["bwa"] = {**OURS["samtools"], "bwa": 1_000_000}
STACK: Any = SimpleNamespace(registry="here", image_uris={tool: f"here/{tool}@sha256:1" for tool in OURS})
PLAIN = {tool: {"debian": 30_000_000, f"plain {tool}": 60_000_000} for tool in image_sizes.PLAIN}


def test_a_layer_that_images_share_counts_once_on_either_side(monkeypatch: pytest.MonkeyPatch) -> None:
    def layers(reference: str) -> dict[str, int]:
        name = reference.removeprefix("here/")
        return PLAIN[name.split("-")[1].split(":")[0]] if name.startswith("benchmark-") else OURS[name.split("@")[0]]

    def nothing(*_: Any) -> None:
        pass

    monkeypatch.setattr(registry, "layers", layers)
    monkeypatch.setattr(containers, "build", nothing)
    monkeypatch.setattr(containers, "push", nothing)
    figures = image_sizes.measure(STACK)
    assert list(figures.rows[-2]) == ["all, layers in common once", "56.0", "270.0"]
    assert list(figures.rows[-1]) == ["of that, what all four share", "40.0", "30.0"]
    assert figures.ratios[0].value == pytest.approx(56 / 270)
