"""One thing that is wrong with a stack's configuration, and the command that corrects it."""

import shlex
from dataclasses import dataclass

#: Where a value is: its key, then the names and positions that lead to it, as in `("dataBuckets", 1, "prefix")`.
Place = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A refused value."""

    place: Place
    """The smallest part of the configuration that is wrong."""
    wrong: str
    """What is wrong, with the value given and the limit, in a sentence."""
    remedy: str
    """The command that corrects exactly this fault, in a sentence that ends with it. Where no command can know what you mean, words."""

    def __str__(self) -> str:
        return f"{_shown(self.place)}: {self.wrong} {self.remedy}"


class Refused(Exception):
    """A configuration that is refused. Its text tells every fault, one a line."""

    def __init__(self, faults: list[Fault]) -> None:
        number = len({fault.place for fault in faults})
        count = "1 setting is" if number == 1 else f"{number} settings are"
        super().__init__("\n".join([f"{count} refused; nothing was created.", *(f"  - {fault}" for fault in faults)]))
        self.faults = faults


def set_to(place: Place, value: str | float, given: object = None) -> str:
    """The remedy that gives a value to a place.

    Args:
        place: where the value goes.
        value: what it should be.
        given: what is there now.
    """
    command = _set(place, value)
    # In the stack's file, what is in quotes stays in quotes whatever is set there: a number would become a text (sdk/go/common/util/yamlutil, `Edit`).
    if command and len(place) > 1 and isinstance(given, str) and not isinstance(value, str):
        command = f"{_remove(place)} && {command}"
    return f"Set it: {command}" if command else _EDIT


def remove(place: Place, what: str = "Remove it") -> str:
    """The remedy that takes a place out of the configuration.

    Args:
        place: what to take out.
        what: the words before the command.
    """
    command = _remove(place)
    return f"{what}: {command}" if command else _EDIT


def either(*remedies: str) -> str:
    """One of several remedies, each of which is enough."""
    first, *others = remedies
    return ", ".join([first, *(f"or {other[0].lower()}{other[1:]}" for other in others)])


_EDIT = "Correct it in Pulumi.<stack>.yaml."


def _set(place: Place, value: str | float) -> str:
    path = _path(place)
    text = str(value)
    # With --path, Pulumi reads whole numbers and booleans out of texts, and no other numbers (sdk/go/common/resource/config, `coerce`).
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
    """The place as Pulumi's `--path` writes it, or "" for one that it cannot name (sdk/go/common/resource, `ParsePropertyPathStrict`)."""
    key, *inner = place
    steps = [_step(step) for step in inner]
    return f"{key}{''.join(steps)}" if all(steps) else ""


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if step and not set(step) & set('.[]"\\ ') and step.isprintable():
        return f".{step}"
    # Only a quote can be escaped, so that nothing may end in the escape. What is not printable cannot be pasted.
    return "" if step.endswith("\\") or not step.isprintable() else '["{}"]'.format(step.replace('"', '\\"'))


def _shown(place: Place) -> str:
    key, *inner = place
    return "".join([str(key), *(_step(step) or f"[{step!a}]" for step in inner)])
