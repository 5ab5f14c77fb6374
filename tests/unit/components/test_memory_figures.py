"""The table of memory per vCPU in `Tool`. Jobs of these sizes fill instances of every size, according to moto's list of instance types."""

import ast
import re
from dataclasses import dataclass

import pytest
from moto.ec2.models.instance_types import INSTANCE_TYPES

from tests.own_tool import PAGES
from tests.unit.components.test_docstrings import documented
from tests.unit.recording import ROOT

#: Measured MiB that instances register with ECS (sentiampc/sentialabs.github.io, "ECS-calculator", 2018).
SEEN = {
    "c5.large": 3714,
    "c5.xlarge": 7634,
    "c5.2xlarge": 15473,
    "c5.4xlarge": 31152,
    "c5.9xlarge": 70351,
    "c5.18xlarge": 140780,
    "m5.large": 7690,
    "m5.xlarge": 15586,
    "m5.2xlarge": 31377,
    "m5.4xlarge": 62960,
    "m5.12xlarge": 189294,
    "m5.24xlarge": 378665,
}

#: MiB that the ECS agent reserves (Batch User Guide, "Reserve system memory").
AGENT_MIB = 32

#: The largest part of the installed memory that hypervisor and kernel use (Karpenter's VM_MEMORY_OVERHEAD_PERCENT, 0.075).
OVERHEAD = 0.075


@dataclass(frozen=True)
class Row:
    """A row of the table: its instance families, and memory in MiB per vCPU."""

    families: tuple[str, ...]
    installed: int
    for_jobs: int
    examples: str


def rows() -> list[Row]:
    texts = dict(documented(ast.parse((ROOT / "components" / "job_definition.py").read_text())))
    cells = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in texts["Tool.memory_mib"].splitlines()
        if re.match(r" *\| [cmr]5,", line)
    ]
    return [
        Row(tuple(families.split(", ")), _number(installed), _number(for_jobs), examples)
        for families, installed, for_jobs, examples in cells
    ]


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def types(family: str) -> dict[str, tuple[int, int]]:
    """vCPUs and installed MiB of every type of a family."""
    return {
        name: (described["VCpuInfo"]["DefaultVCpus"], described["MemoryInfo"]["SizeInMiB"])
        for name, described in INSTANCE_TYPES.items()
        if name.split(".")[0] == family
    }


ROWS = {family: row for row in rows() for family in row.families}


def test_the_table_names_the_compute_general_and_memory_families_of_three_generations() -> None:
    assert list(ROWS) == [f"{kind}{family}" for kind in "cmr" for family in ("5", "6i", "6g", "7i", "7g")]


@pytest.mark.parametrize("family", ROWS)
def test_the_installed_memory_per_vcpu_is_correct_for_every_type_of_the_family(family: str) -> None:
    found = types(family)
    assert len(found) > 5
    assert {memory / vcpus for vcpus, memory in found.values()} == {ROWS[family].installed}


@pytest.mark.parametrize("family", ROWS)
def test_one_job_per_vcpu_fits_every_instance_size_of_the_family(family: str) -> None:
    offered = {
        name: (vcpus, min(memory * (1 - OVERHEAD), SEEN.get(name, memory)) - AGENT_MIB)
        for name, (vcpus, memory) in types(family).items()
    }
    assert [name for name, (vcpus, memory) in offered.items() if vcpus * ROWS[family].for_jobs > memory] == []


@pytest.mark.parametrize("family", ROWS)
def test_jobs_can_use_more_than_seven_eighths_of_the_memory(family: str) -> None:
    assert ROWS[family].for_jobs > ROWS[family].installed * 7 / 8


@pytest.mark.parametrize("family", ROWS)
def test_the_examples_are_multiples_of_the_figure(family: str) -> None:
    figure = ROWS[family].for_jobs
    assert ROWS[family].examples == f"1 vCPU {figure:,}; 4 vCPUs {4 * figure:,}"


def test_the_documentation_has_the_same_figures() -> None:
    c, m, r = (ROWS[family].for_jobs for family in ("c5", "m5", "r5"))
    on_c = r"on (?:c families|families that start with c \([^)]*\))"
    text = " ".join(" ".join(page.read_text().split()) for page in PAGES)
    found = re.findall(rf"([\d,]+) MiB a vCPU {on_c}, ([\d,]+) on m,(?: and)? ([\d,]+) on r\b", text)
    assert found == [(f"{c:,}", f"{m:,}", f"{r:,}")] * 2
