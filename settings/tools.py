"""The tools that a stack's jobs run, and how its configuration changes and adds to them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from components.limits import (
    TOOL_LEAST,
    build_arg_name_fault,
    build_arg_text_fault,
    shown,
    tool_name_fault,
    whole_number,
)
from settings.faults import Fault, Place, remove, set_to
from settings.kinds import Kind, Table, as_number, as_text, surplus


@dataclass(frozen=True, kw_only=True)
class ToolSettings:
    """What a tool's jobs get unless a submission says otherwise, and what its image is built with."""

    vcpus: int = 1
    """vCPUs, 1 or more."""
    memory_mib: int = 1800
    """Memory in MiB, 4 or more."""
    timeout_seconds: int = 12 * 3600
    """Seconds after which an attempt is ended, 60 or more."""
    build_args: dict[str, str] = field(default_factory=dict)
    """Build arguments of its Dockerfile."""
    base: str | None = None
    """The tool whose image its own is built on, one that is named before it; None: the image that all share."""


#: The tools that come with Biobatch, for a bacterial or small eukaryotic genome. Jobs fill whole machines at up to 1,800 MiB a vCPU on
#: the compute families (the table in `components.batch_platform.Tool`); aligning holds the genome's index and bwa's batch of reads.
#: Alignment is streamed into sorting: bwa's image is samtools' with bwa, so machines that ran the one pull little for the other.
TOOLS: Mapping[str, ToolSettings] = {
    "fastqc": ToolSettings(timeout_seconds=2 * 3600),
    "samtools": ToolSettings(timeout_seconds=4 * 3600),
    "bwa": ToolSettings(vcpus=4, memory_mib=7200, base="samtools"),
    "bcftools": ToolSettings(),
}

#: So many tools of a lab's own, beside these, always fit the 6,144 characters of a managed policy, the one for users who submit.
MAX_OWN_TOOLS = 15

#: The figures of a tool as the configuration names them, and their fields.
_FIGURES = {"vcpus": "vcpus", "memoryMib": "memory_mib", "timeoutSeconds": "timeout_seconds"}

_NAMES = ", ".join([*_FIGURES, "buildArgs"])

_BUILD_ARGS = Table(
    name_rule=lambda name, _: build_arg_name_fault(name),
    value_rule=build_arg_text_fault,
    corrected=as_text,
    content="build arguments to texts",
)


class Tools(Kind):
    """Figures by tool: a change of Biobatch's tools, or more tools, each with a folder of its name in images/."""

    type = "object"
    form = f"up to {MAX_OWN_TOOLS}"

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if not isinstance(given, dict):
            wrong = f"{shown(given)} is not a mapping of tools to their figures."
            yield Fault(place=place, wrong=wrong, remedy=remove(place))
            return
        for name, figures in given.items():
            yield from _tool_faults((*place, name), name, figures)
        own = [name for name in given if name not in TOOLS]
        yield from surplus(place, own, MAX_OWN_TOOLS, "tools besides Biobatch's")

    def value(self, given: Any) -> Any:
        return {**TOOLS, **{name: _tool(name, figures) for name, figures in given.items()}}


def _tool_faults(place: Place, name: str, figures: Any) -> Iterator[Fault]:
    if wrong := tool_name_fault(name):
        yield Fault(place=place, wrong=wrong, remedy=remove(place))
        return
    if not Path("images", name, "Dockerfile").is_file():
        wrong = f"there is no images/{name}/Dockerfile."
        yield Fault(place=place, wrong=wrong, remedy=remove(place, "Add it, or remove the entry"))
    if not isinstance(figures, dict):
        yield Fault(place=place, wrong=f"{shown(figures)} is not a mapping of {_NAMES}.", remedy=remove(place))
        return
    for key, given in figures.items():
        here = (*place, key)
        if attribute := _FIGURES.get(key):
            rule, usual = whole_number(TOOL_LEAST[attribute]), getattr(TOOLS.get(name, ToolSettings()), attribute)
            if wrong := rule(given):
                meant = as_number(given)
                yield Fault(place=here, wrong=wrong, remedy=set_to(here, usual if rule(meant) else meant, given))
        elif key == "buildArgs":
            yield from _BUILD_ARGS.faults(here, given, {})
        else:
            wrong = f"there is no such figure; there are {_NAMES}."
            yield Fault(place=here, wrong=wrong, remedy=remove(here))


def _tool(name: str, figures: Mapping[str, Any]) -> ToolSettings:
    changes = {_FIGURES[key]: given for key, given in figures.items() if key in _FIGURES}
    if "buildArgs" in figures:
        changes["build_args"] = figures["buildArgs"]
    return replace(TOOLS.get(name, ToolSettings()), **changes)
