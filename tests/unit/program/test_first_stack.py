"""What a person reads where the first stack is made."""

import yaml

from tests.unit.recording import ROOT


def test_a_first_stack_whose_destroy_deletes_its_data_says_so_where_it_is_made() -> None:
    config = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    assert config["biobatch:protectData"] is False
    for document, heading in (
        ("README.md", "### Up"),
        ("docs/how-to/prepare-an-account.md", "## Where Pulumi keeps the state"),
    ):
        section = (ROOT / document).read_text().split(f"\n{heading}\n")[1].split("\n##")[0]
        assert "Pulumi.dev.yaml" in section, document
        assert "deletes" in section, document
    up = (ROOT / "README.md").read_text().split("\n### Up\n")[1].split("\n### ")[0]
    assert "pulumi stack init dev" in up
    assert "**`pulumi destroy` of this stack deletes its data bucket" in up
    assert "pulumi config set protectData true" in up
