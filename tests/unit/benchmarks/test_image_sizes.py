"""Images are compared by the size of all four together in the registry."""

from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import containers, image_sizes, registry

OURS = {tool: {"debian": 30_000_000, "job": 10_000_000, tool: 5_000_000} for tool in image_sizes.TOOLS}
OURS["bwa"] = {**OURS["samtools"], "bwa": 1_000_000}
STACK: Any = SimpleNamespace(registry="here", image_uris={tool: f"here/{tool}@sha256:1" for tool in OURS})
PLAIN = {
    f"benchmark-{kind}-{tool}": {"debian": 30_000_000, f"{kind} {tool}": size}
    for kind, size in (("plain", 60_000_000), ("lean", 20_000_000))
    for tool in image_sizes.TOOLS
}


def test_a_shared_layer_counts_once_on_either_side(monkeypatch: pytest.MonkeyPatch) -> None:
    def layers(reference: str) -> dict[str, int]:
        name = reference.removeprefix("here/")
        return PLAIN[name.removesuffix(":latest")] if name.startswith("benchmark-") else OURS[name.split("@")[0]]

    def nothing(*_: Any) -> None:
        pass

    monkeypatch.setattr(registry, "layers", layers)
    monkeypatch.setattr(containers, "build", nothing)
    monkeypatch.setattr(containers, "push", nothing)
    figures = image_sizes.measure(STACK)
    assert list(figures.rows[-2]) == ["all, shared layers once", "56.0", "270.0", "110.0"]
    assert list(figures.rows[-1]) == ["shared by all four", "40.0", "30.0", "30.0"]
    assert [each.value for each in figures.ratios] == [pytest.approx(56 / 270), pytest.approx(56 / 110)]
