"""Faults of a stack's configuration, each with the command that corrects it."""

import shlex
from dataclasses import dataclass

#: The path of a value in the configuration: its key, then the names and list positions below it, such as `("dataBuckets", 1, "prefix")`.
Place = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault of a configuration."""

    place: Place
    """The path of the smallest value that is wrong."""
    wrong: str
    """A sentence that states the fault, the given value and the limit."""
    remedy: str
    """A sentence that ends with the command that corrects exactly this fault. It has no command if only you can know the correct value."""

    def __str__(self) -> str:
        return f"{_shown(self.place)}: {self.wrong} {self.remedy}"


class Refused(Exception):
    """An invalid configuration. The message lists every fault on its own line."""

    def __init__(self, faults: list[Fault]) -> None:
        number = len({fault.place for fault in faults})
        count = "1 setting is" if number == 1 else f"{number} settings are"
        super().__init__("\n".join([f"{count} invalid. Nothing was created.", *(f"  - {fault}" for fault in faults)]))
        self.faults = faults


def set_to(place: Place, value: str | float, given: object = None) -> str:
    """Returns the remedy that sets a value.

    Args:
        place: the path of the value.
        value: the correct value.
        given: the current value.
    """
    command = _set(place, value)
    # Pulumi keeps the quotes of a value in the stack's file when it sets another, so a number would become a string
    # (sdk/go/common/util/yamlutil, `Edit`). The command removes the value first.
    if command and len(place) > 1 and isinstance(given, str) and not isinstance(value, str):
        command = f"{_remove(place)} && {command}"
    return f"Set it: {command}" if command else _EDIT


def remove(place: Place, what: str = "Remove it") -> str:
    """Returns the remedy that removes a value.

    Args:
        place: the path of the value.
        what: the words before the command.
    """
    command = _remove(place)
    return f"{what}: {command}" if command else _EDIT


def either(*remedies: str) -> str:
    """Joins remedies of which one is enough."""
    first, *others = remedies
    return ", ".join([first, *(f"or {other[0].lower()}{other[1:]}" for other in others)])


_EDIT = "Correct it in Pulumi.<stack>.yaml."


def _set(place: Place, value: str | float) -> str:
    path = _path(place)
    text = str(value)
    # With --path, Pulumi converts strings to integers and booleans, but not to other numbers (sdk/go/common/resource/config, `coerce`).
    flags = ["--path"] if len(place) > 1 else []
    if flags and isinstance(value, float):
        flags.append("--type float")
    elif flags and isinstance(value, str) and (value in ("true", "false") or value.lstrip("+-").isdecimal()):
        flags.append("--type string")
    value_ = f"-- {shlex.quote(text)}" if text.startswith("-") else shlex.quote(text)
    return " ".join(["pulumi config set", *flags, shlex.quote(path), value_]) if path else ""


def _remove(place: Place) -> str:
    path = _path(place)
    return " ".join(["pulumi config rm", *(["--path"] if len(place) > 1 else []), shlex.quote(path)]) if path else ""


def _path(place: Place) -> str:
    """The path in the syntax of Pulumi's `--path`, or "" if that syntax cannot express it (sdk/go/common/resource, `ParsePropertyPathStrict`)."""
    key, *inner = place
    steps = [_step(step) for step in inner]
    return f"{key}{''.join(steps)}" if all(steps) else ""


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if step and not set(step) & set('.[]"\\ ') and step.isprintable():
        return f".{step}"
    # In this syntax only a quote can be escaped, so a name cannot end with a backslash. A user cannot paste unprintable characters.
    return "" if step.endswith("\\") or not step.isprintable() else '["{}"]'.format(step.replace('"', '\\"'))


def _shown(place: Place) -> str:
    key, *inner = place
    return "".join([str(key), *(_step(step) or f"[{step!a}]" for step in inner)])
