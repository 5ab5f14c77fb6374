"""Checks of the arguments of components."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from components.limits import repeated

#: A rule of `components.limits`. It returns what is wrong with a value, in one or more sentences.
Rule = Callable[[Any], str | Iterable[str]]


def refuse(arguments: object, more: Iterable[str] = (), /, **rules: Rule) -> None:
    """Raises an error if a component's arguments have faults.

    Args:
        arguments: the arguments of the component.
        more: faults that involve several arguments. Each begins with the name of an argument.
        rules: the rule of each argument, by the argument's name.

    Raises:
        ValueError: if there are faults. The message lists all of them, separated by semicolons.
    """
    found = [f"{name}: {wrong}" for name, rule in rules.items() for wrong in _sentences(rule, getattr(arguments, name))]
    if faults := [fault.rstrip(".") for fault in (*found, *more)]:
        raise ValueError("; ".join(faults))


def known(rule: Rule) -> Rule:
    """Returns the same rule for an input. It accepts every Output, because the value of an Output is not known yet."""
    return lambda value: rule(value) if isinstance(value, str) else ""


def each(rule: Rule, *, least: int = 0, most: int | None = None) -> Rule:
    """Returns the rule that every item of a list is valid and that no item occurs twice.

    Args:
        rule: the rule of an item. Items that are Outputs are not checked.
        least: the smallest number of items.
        most: the largest number of items.
    """

    def check(values: Any) -> Iterator[str]:
        if not isinstance(values, Sequence):
            return
        if len(values) < least:
            yield f"it must list at least {least}."
        if most is not None and len(values) > most:
            yield f"there are {len(values)}, but the limit is {most}."
        plain = {i: value for i, value in enumerate(values) if isinstance(value, str)}
        for i, value in plain.items():
            yield from (f"[{i}]: {wrong}" for wrong in _sentences(rule, value))
        for i in repeated(list(plain.values())):
            yield f"{list(plain.values())[i]!r} is listed twice."

    return check


def _sentences(rule: Rule, value: Any) -> Iterator[str]:
    found = rule(value)
    yield from filter(None, [found] if isinstance(found, str) else found)
