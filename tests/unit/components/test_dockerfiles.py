"""Properties of the Dockerfiles that need no build."""

import re

import pytest

from settings import TOOLS
from tests.unit.recording import ROOT


def stages(image: str) -> list[str]:
    """The stages of an image's Dockerfile without comments. Each stage begins with FROM."""
    text = re.sub(r"^ *#.*\n", "", (ROOT / "images" / image / "Dockerfile").read_text(), flags=re.MULTILINE)
    return re.split(r"^(?=FROM )", text, flags=re.MULTILINE)[1:]


def test_a_new_date_rebuilds_the_packages_of_the_base_image() -> None:
    found = stages("base")
    assert len(found) == 2
    for stage in found:
        # The cache of every RUN after an ARG depends on its value (Dockerfile reference, "Impact on build caching").
        assert "ARG IMAGE_DATE\n" in stage.split("RUN ")[0]
    assert "apt-get upgrade -y" in found[-1]


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_every_build_stage_of_a_tool_uses_the_base_image(tool: str) -> None:
    found = stages(tool)
    assert all(stage.startswith("FROM ${BASE}") for stage in found)
