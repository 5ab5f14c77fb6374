"""The documentation warns users that destroying the first stack, `dev`, deletes its data."""

import re

import yaml

from tests.own_tool import PAGES
from tests.unit.recording import ROOT


def test_every_section_that_creates_the_stack_dev_says_that_destroy_deletes_its_data() -> None:
    config = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    assert config["biobatch:protectData"] is False
    sections = [section for page in PAGES for section in re.split(r"^#+ ", page.read_text(), flags=re.MULTILINE)]
    creating = [section for section in sections if re.search(r"^pulumi stack init dev\b", section, re.MULTILINE)]
    assert creating
    for section in creating:
        assert "Pulumi.dev.yaml" in section, section
        assert re.search(r"`pulumi destroy`.* deletes", section), section
    assert any("pulumi config set protectData true" in section for section in creating)
