"""How a component refuses its arguments."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from components.limits import repeated

#: A rule of `components.limits`: what is wrong with a value, in a sentence or several.
Rule = Callable[[Any], str | Iterable[str]]


def refuse(arguments: object, more: Iterable[str] = (), /, **rules: Rule) -> None:
    """Raises everything that is wrong with a component's arguments.

    Args:
        arguments: the component's.
        more: faults beyond those of a single argument, each with the argument's name.
        rules: the rule of each argument, by the argument's name. Outputs are not known yet, and so are not looked at.

    Raises:
        ValueError: all faults at once, separated by semicolons.
    """
    found = [f"{name}: {wrong}" for name, rule in rules.items() for wrong in _sentences(rule, getattr(arguments, name))]
    if faults := [fault.rstrip(".") for fault in (*found, *more)]:
        raise ValueError("; ".join(faults))


def known(rule: Rule) -> Rule:
    """The same rule for an input: one that is an Output is not known yet."""
    return lambda value: rule(value) if isinstance(value, str) else ""


def each(rule: Rule, *, least: int = 0, most: int | None = None) -> Rule:
    """The rule that each item of a list is right, and none is there twice.

    Args:
        rule: the rule of an item. Outputs among the items are not looked at.
        least: how many items there must be.
        most: how many items there may be.
    """

    def check(values: Any) -> Iterator[str]:
        if not isinstance(values, Sequence):
            return
        if len(values) < least:
            yield "it must name one or more." if least == 1 else f"it must name {least} or more."
        if most is not None and len(values) > most:
            yield f"it names {len(values)}, which is more than {most}."
        plain = {i: value for i, value in enumerate(values) if isinstance(value, str)}
        for i, value in plain.items():
            yield from (f"[{i}]: {wrong}" for wrong in _sentences(rule, value))
        for i in repeated(list(plain.values())):
            yield f"{list(plain.values())[i]!r} is there twice."

    return check


def _sentences(rule: Rule, value: Any) -> Iterator[str]:
    found = rule(value)
    yield from filter(None, [found] if isinstance(found, str) else found)
