"""The built-in tools, and the config key `tools` that changes their settings and adds others."""

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
    """The defaults of a tool's jobs, which a submission can override, and the build arguments of its image."""

    vcpus: int = 1
    """vCPUs of a job, at least 1."""
    memory_mib: int = 1800
    """Memory of a job in MiB, at least 4."""
    timeout_seconds: int = 12 * 3600
    """Seconds after which Batch ends an attempt of a job, at least 60."""
    build_args: dict[str, str] = field(default_factory=dict)
    """Build arguments of the tool's Dockerfile."""
    base: str | None = None
    """The tool whose image is the base of this tool's image. It must come earlier in `TOOLS`. None: the shared base image."""


#: The built-in tools, sized for bacterial or small eukaryotic genomes. With up to 1,800 MiB per vCPU, jobs fill whole instances of the compute
#: families (see the table in `components.job_definition.Tool`). Alignment needs memory for the genome's index and for bwa's batch of reads. It
#: streams into sorting, so bwa's image also contains samtools. An instance that already has samtools' image downloads little more for bwa.
TOOLS: Mapping[str, ToolSettings] = {
    "fastqc": ToolSettings(timeout_seconds=2 * 3600),
    "samtools": ToolSettings(timeout_seconds=4 * 3600),
    "bwa": ToolSettings(vcpus=4, memory_mib=7200, base="samtools"),
    "bcftools": ToolSettings(),
}

#: The most additional tools. So many always fit the 6,144 characters of a managed policy, which the submit policy is.
MAX_OWN_TOOLS = 15

#: The numeric settings of a tool by their names in the configuration, with their fields.
_NUMBERS = {"vcpus": "vcpus", "memoryMib": "memory_mib", "timeoutSeconds": "timeout_seconds"}

_NAMES = ", ".join([*_NUMBERS, "buildArgs"])

_BUILD_ARGS = Table(
    name_rule=lambda name, _: build_arg_name_fault(name),
    value_rule=build_arg_text_fault,
    corrected=as_text,
    content="build arguments to strings",
)


class Tools(Kind):
    """Objects that map tool names to settings. A tool that is not built in needs a folder of its name in images/."""

    type = "object"
    form = f"up to {MAX_OWN_TOOLS}"

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if not isinstance(given, dict):
            wrong = f"{shown(given)} is not an object that maps tools to their settings."
            yield Fault(place=place, wrong=wrong, remedy=remove(place))
            return
        for name, tool in given.items():
            yield from _tool_faults((*place, name), name, tool)
        own = [name for name in given if name not in TOOLS]
        yield from surplus(place, own, MAX_OWN_TOOLS, "additional tools")

    def value(self, given: Any) -> Any:
        return {**TOOLS, **{name: _tool(name, tool) for name, tool in given.items()}}


def _tool_faults(place: Place, name: str, tool: Any) -> Iterator[Fault]:
    if wrong := tool_name_fault(name):
        yield Fault(place=place, wrong=wrong, remedy=remove(place))
        return
    if not Path("images", name, "Dockerfile").is_file():
        wrong = f"images/{name}/Dockerfile does not exist."
        yield Fault(place=place, wrong=wrong, remedy=remove(place, "Add the file, or remove the entry"))
    if not isinstance(tool, dict):
        yield Fault(place=place, wrong=f"{shown(tool)} is not an object with {_NAMES}.", remedy=remove(place))
        return
    for key, given in tool.items():
        here = (*place, key)
        if attribute := _NUMBERS.get(key):
            rule, usual = whole_number(TOOL_LEAST[attribute]), getattr(TOOLS.get(name, ToolSettings()), attribute)
            if wrong := rule(given):
                meant = as_number(given)
                yield Fault(place=here, wrong=wrong, remedy=set_to(here, usual if rule(meant) else meant, given))
        elif key == "buildArgs":
            yield from _BUILD_ARGS.faults(here, given, {})
        else:
            wrong = f"this setting does not exist. A tool has {_NAMES}."
            yield Fault(place=here, wrong=wrong, remedy=remove(here))


def _tool(name: str, tool: Mapping[str, Any]) -> ToolSettings:
    changes = {_NUMBERS[key]: given for key, given in tool.items() if key in _NUMBERS}
    if "buildArgs" in tool:
        changes["build_args"] = tool["buildArgs"]
    return replace(TOOLS.get(name, ToolSettings()), **changes)
