"""The first stack that a newcomer creates keeps its data, and where the stack `dev` is named, its deletion of data is named too."""

import re

import yaml

from settings import KEYS
from tests.docs import pages
from tests.unit.recording import ROOT


def test_the_stack_of_readme_and_tutorial_has_no_file_and_so_keeps_its_data() -> None:
    assert KEYS["protectData"].default is True
    for page in ("README.md", "docs/tutorial/aws.md"):
        names = re.findall(r"^pulumi stack init (\w+)", pages.text(page), re.MULTILINE)
        assert names == ["lab"], page
    assert not (ROOT / "Pulumi.lab.yaml").exists()


def test_a_page_that_names_the_stack_dev_says_that_its_destroy_deletes_its_data() -> None:
    assert yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]["biobatch:protectData"] is False
    for page, heading in (
        ("README.md", "## On AWS"),
        ("docs/how-to/prepare-an-account.md", "## Where Pulumi keeps the state"),
    ):
        section = pages.text(page).split(f"\n{heading}\n")[1].split("\n## ")[0]
        assert "Pulumi.dev.yaml" in section, page
        assert "deletes its data bucket" in " ".join(section.split()), page
