"""Every row of docs/changes.md is what the providers would do."""

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from settings import KEYS
from tests.unit.plugins.engine import Engine
from tests.unit.program.changes import changes
from tests.unit.recording import ROOT

REGION = {"aws:region": "eu-west-9"}
KINDS = ("in_place", "replaced", "added", "removed")


@dataclass(frozen=True)
class Row:
    """One line of the table: a key's change and what it says becomes of the stack."""

    key: str
    old: str
    new: str
    context: tuple[tuple[str, str], ...]
    """Other keys, the same before and after."""
    said: tuple[str, ...]
    """By kind, such as `2 ComputeEnvironment, 1 LaunchTemplate`, or empty."""
    running_jobs: str

    def config(self, value: str) -> dict[str, str]:
        return {**REGION, **dict(self.context), self.key: value}


def rows() -> Iterator[Row]:
    for line in (ROOT / "docs/changes.md").read_text().splitlines():
        if not line.startswith("| `"):
            continue
        key, change, *kinds, running_jobs = (cell.strip() for cell in line.strip("|").split(" | "))
        values, *context = change.split(" where ")
        old, new = (value.replace('""', "") for value in re.findall(r"`([^`]*)`", values))
        pairs = re.findall(r"`([^`]*)` is `([^`]*)`", " ".join(context))
        yield Row(key.strip("`"), old, new, tuple(pairs), tuple(k.strip("–") for k in kinds), running_jobs)


ROWS = list(rows())


@pytest.fixture(autouse=True, scope="module")
def in_a_tree_with_a_tool_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A copy of the images with a fifth one, on a machine that can build them for either architecture."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "images", tree / "images")
    (tree / "images/seqtk").mkdir()
    (tree / "images/seqtk/Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tree)
        patch.setattr("components.emulation.require_builder", lambda platform: None)
        yield


def counted(text: str) -> Counter[str]:
    return Counter({type_: int(count) for count, type_ in re.findall(r"(\d+) `(\w+)`", text)})


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.key}-{row.old}-{row.new}")
def test_a_change_does_what_the_table_says(row: Row, offline: Engine) -> None:
    found = changes(offline, row.config(row.old), row.config(row.new))
    assert {kind: found.counted(kind) for kind in KINDS} == dict(zip(KINDS, map(counted, row.said), strict=True))
    assert row.running_jobs == ("6 hours to finish" if found.brings_new_machines else "go on")


def test_every_key_has_a_row_and_every_row_a_key() -> None:
    assert {row.key for row in ROWS} == set(KEYS)


def test_no_row_replaces_anything_but_one_that_changes_the_network() -> None:
    replacing = {row.key for row in ROWS if row.said[1]}
    assert replacing <= {"vpcCidr"}


def test_shares_touch_no_queue_that_is_there(offline: Engine) -> None:
    found = changes(offline, REGION, {**REGION, "shares": '{"phages": 1}'})
    assert "JobQueue" not in {**found.in_place, **found.replaced, **found.removed}
    assert found.added["JobQueue"] == {"biobatch-fair-share"}


def test_what_is_replaced_is_followed_to_what_refers_to_it(offline: Engine) -> None:
    found = changes(offline, REGION, {**REGION, "vpcCidr": "10.1.0.0/16"})
    assert "biobatch" in found.replaced["Vpc"]
    assert found.replaced["SecurityGroup"] == {"biobatch-jobs"}
    assert found.in_place["ComputeEnvironment"] == {"biobatch-spot", "biobatch-on-demand"}
