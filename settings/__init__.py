"""Parses a stack's configuration into typed, checked values. It reports all faults at once.

This package imports no SDK, so scripts can read a configuration quickly.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from components.architectures import ARCHITECTURES
from components.limits import region_fault, shown
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
    "parse",
]

PROJECT = "biobatch"


def parse(config: Mapping[str, str]) -> Settings:
    """Checks a stack's whole configuration and returns it as typed values.

    Args:
        config: the values by full key, such as `biobatch:azCount` or `aws:region`. Values are strings, as Pulumi passes them. Those of other
            types are JSON.

    Raises:
        Refused: if the configuration has faults. The message lists all of them.
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
    if wrong_region := "this setting is required." if not region else region_fault(region):
        faults.append(Fault(place=("aws:region",), wrong=wrong_region, remedy=set_to(("aws:region",), "us-east-1")))
        region = ""
    faults += disagreements(region, values)
    if faults:
        raise Refused(faults)
    settings = {FIELDS[name]: value for name, value in values.items()}
    # Without instance types, Batch chooses from its default set.
    types = settings["instance_types"] or (ARCHITECTURES[settings["architecture"]].batch_set,)
    return Settings(**{**settings, "instance_types": types}, region=region)


def _unknown(name: str) -> Fault:
    near = difflib.get_close_matches(name, KEYS, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"The keys are {', '.join(KEYS)}."
    return Fault(place=(name,), wrong=f"this key does not exist. {hint}", remedy=remove((f"{PROJECT}:{name}",)))


def _given(name: str, key: Key, own: Mapping[str, str]) -> tuple[Any, list[Fault]]:
    """The value of a key with its JSON parsed, and the faults that prevent that."""
    if name not in own:
        return key.default, []
    if key.kind.type == "string":
        return own[name], []
    try:
        given = json.loads(own[name])
        texts = list(_texts(given))
    except (ValueError, RecursionError):
        return own[name], []
    # JSON can escape an unpaired surrogate, which no file, message or API call can hold.
    if unpaired := [text for text in texts if any("\ud800" <= c <= "\udfff" for c in text)]:
        wrong = f"{shown(unpaired[0])} contains an unpaired surrogate, which is not a valid character."
        return None, [Fault(place=(name,), wrong=wrong, remedy=remove((name,), "Write the value again, or remove it"))]
    return given, []


def _texts(value: Any, depth: int = 10) -> Iterator[str]:
    """Yields all strings in a value, including the names of objects.

    Raises:
        RecursionError: if the value is nested deeper than any valid value.
    """
    if not depth:
        raise RecursionError
    if isinstance(value, str):
        yield value
    for inner in [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from _texts(inner, depth - 1)
