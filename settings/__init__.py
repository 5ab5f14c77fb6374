"""The stack's configuration as typed, checked values: every fault found, all told at once, before anything is created.

It imports no SDK, so that a script can read a configuration in a moment.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from components.limits import instance_architecture, region_fault, shown
from settings.buckets import SharedBucket
from settings.cross_checks import disagreements
from settings.faults import Fault, Refused, remove, set_to
from settings.keys import FIELDS, KEYS, Key, Settings
from settings.tools import TOOLS, ToolSettings

__all__ = [
    "FIELDS",
    "KEYS",
    "PROJECT",
    "TOOLS",
    "Fault",
    "Key",
    "Refused",
    "Settings",
    "SharedBucket",
    "ToolSettings",
    "instance_architecture",
    "parse",
]

PROJECT = "biobatch"

#: What Batch picks machines from when no instance types are named (Batch User Guide, "instance types").
DEFAULT_INSTANCE_TYPES = {"x86_64": ("default_x86_64",), "arm64": ("default_arm64",)}


def parse(config: Mapping[str, str]) -> Settings:
    """Checks a stack's whole configuration.

    Args:
        config: full keys (`biobatch:azCount`, `aws:region`) to values as Pulumi hands them over: strings, JSON for all
            that is no string.

    Raises:
        Refused: with every fault, one a line.
    """
    own = {key.split(":", 1)[1]: value for key, value in config.items() if key.startswith(f"{PROJECT}:")}
    faults = [_unknown(name) for name in sorted(own.keys() - KEYS.keys())]
    values: dict[str, Any] = {}
    for name, key in KEYS.items():
        given, wrong = _given(name, key, own)
        wrong += key.kind.faults((name,), given, key.default) if not wrong else []
        if not wrong:
            values[name] = key.kind.value(given)
        faults += wrong
    region = config.get("aws:region", "")
    if wrong_region := "it is not set." if not region else region_fault(region):
        faults.append(Fault(place=("aws:region",), wrong=wrong_region, remedy=set_to(("aws:region",), "us-east-1")))
        region = ""
    faults += disagreements(region, values)
    if faults:
        raise Refused(faults)
    settings = {FIELDS[name]: value for name, value in values.items()}
    types = settings["instance_types"] or DEFAULT_INSTANCE_TYPES[settings["architecture"]]
    return Settings(**{**settings, "instance_types": types}, region=region)


def _unknown(name: str) -> Fault:
    near = difflib.get_close_matches(name, KEYS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(KEYS)}."
    return Fault(place=(name,), wrong=f"there is no such key; {hint}", remedy=remove((f"{PROJECT}:{name}",)))


def _given(name: str, key: Key, own: Mapping[str, str]) -> tuple[Any, list[Fault]]:
    """The value of a key, its JSON parsed, or what keeps it from being one."""
    if name not in own:
        return key.default, []
    if key.kind.type == "string":
        return own[name], []
    try:
        given = json.loads(own[name])
        texts = list(_texts(given))
    except (ValueError, RecursionError):
        return own[name], []
    # JSON can escape half of a character, which no file, message or call can hold.
    if halves := [text for text in texts if any("\ud800" <= c <= "\udfff" for c in text)]:
        wrong = f"it holds {shown(halves[0])}, half a character that nothing can write."
        return None, [Fault(place=(name,), wrong=wrong, remedy=remove((name,), "Write it anew, or remove it"))]
    return given, []


def _texts(value: Any, depth: int = 10) -> Iterator[str]:
    """All texts in a value, names included.

    Raises:
        RecursionError: for a value that is nested deeper than any key's.
    """
    if not depth:
        raise RecursionError
    if isinstance(value, str):
        yield value
    for inner in [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from _texts(inner, depth - 1)
