"""The kinds of values that config keys can have. Each kind checks values, suggests corrections and returns typed values."""

import difflib
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from components.limits import repeated, shown, whole_number
from settings.faults import Fault, Place, remove, set_to


class Kind:
    """A kind of value. This base class accepts any string."""

    type = "string"
    """The type in Pulumi.yaml."""
    items = ""
    """The type of a list's items in Pulumi.yaml."""
    form = ""
    """The limits of its values, in words, for the description of a key."""

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        """Yields the faults of a value.

        Args:
            place: the path of the value.
            given: the value from Pulumi, with JSON already parsed. If the value is not valid JSON, this is its text.
            default: the default of the key.
        """
        yield from ()

    def value(self, given: Any) -> Any:
        """Converts a value without faults to its typed form."""
        return given


class Integer(Kind):
    """Integers within a range."""

    type = "integer"

    def __init__(self, low: int, high: int) -> None:
        self._rule = whole_number(low, high)
        self.form = f"{low} to {high}"

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if wrong := self._rule(given):
            yield Fault(place=place, wrong=wrong, remedy=set_to(place, default))


class Step(Kind):
    """Integers from a list."""

    type = "integer"

    def __init__(self, steps: Sequence[int], rule: Callable[[object], str]) -> None:
        self._steps, self._rule = steps, rule
        self.form = f"{', '.join(map(str, steps))}"

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if wrong := self._rule(given):
            near = min(self._steps, key=lambda step: abs(step - given)) if type(given) is int else default
            yield Fault(place=place, wrong=wrong, remedy=set_to(place, near))


class Boolean(Kind):
    """Booleans."""

    type = "boolean"

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if not isinstance(given, bool):
            text = str(default).lower()
            yield Fault(place=place, wrong=f"{shown(given)} is neither true nor false.", remedy=set_to(place, text))


class Choice(Kind):
    """Words from a list."""

    def __init__(self, *choices: str) -> None:
        self._choices = choices
        self.form = f"{', '.join(choices[:-1])} or {choices[-1]}"

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if given not in self._choices:
            near = difflib.get_close_matches(str(given), self._choices, n=1)[:1] or [default]
            wrong = f"{shown(given)} is not one of {', '.join(self._choices)}."
            yield Fault(place=place, wrong=wrong, remedy=set_to(place, near[0]))


class Text(Kind):
    """Strings that follow a rule, or "" for none."""

    def __init__(self, rule: Callable[[Any], str], find: str) -> None:
        """Accepts the values that a rule accepts.

        Args:
            rule: a rule of `components.limits`.
            find: the words that tell users how to find a valid value. Only they can know which one they want.
        """
        self._rule, self._find = rule, find

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if given and (wrong := self._rule(given)):
            yield Fault(place=place, wrong=wrong, remedy=f"{self._find}, or {remove(place, 'remove it')}")


class Day(Text):
    """Dates, or "" for none."""

    # The CLI appends this to a date that has no quotes in the stack's file.
    _MIDNIGHT = " 00:00:00 +0000 UTC"

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        yield from super().faults(place, self.value(given), default)

    def value(self, given: Any) -> Any:
        return given.removesuffix(self._MIDNIGHT)


class Range(Kind):
    """Strings that follow a rule, with a function that corrects common mistakes."""

    def __init__(self, rule: Callable[[Any], str], corrected: Callable[[str], str]) -> None:
        self._rule, self._corrected = rule, corrected

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if wrong := self._rule(given):
            better = self._corrected(given)
            yield Fault(place=place, wrong=wrong, remedy=set_to(place, default if self._rule(better) else better))


class Names(Kind):
    """Lists of different names."""

    type = "array"
    items = "string"

    def __init__(self, rule: Callable[[Any], str], noun: str, most: int | None = None) -> None:
        """Accepts lists of the values that a rule accepts.

        Args:
            rule: a rule of `components.limits`, for one name.
            noun: the plural noun for the names.
            most: the most names.
        """
        self._rule, self._noun, self._most = rule, noun, most
        self.form = f"up to {most}" if most else ""

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if not isinstance(given, list):
            # If the value is a valid name, the remedy makes it the first item of a list.
            remedy = remove(place) if self._rule(given) else set_to((*place, 0), given)
            yield Fault(place=place, wrong=f"{shown(given)} is not a list of {self._noun}.", remedy=remedy)
            return
        twice = repeated(given)
        # From the end, so that no command changes the positions that later commands name.
        for i in reversed(range(len(given))):
            here = (*place, i)
            if wrong := self._rule(given[i]):
                yield Fault(place=here, wrong=wrong, remedy=remove(here))
            elif i in twice:
                yield Fault(place=here, wrong=f"{shown(given[i])} is listed twice.", remedy=remove(here))
        if self._most:
            yield from surplus(place, given, self._most, self._noun)

    def value(self, given: Any) -> Any:
        return tuple(given)


def surplus(place: Place, given: Collection[Any], most: int, noun: str, reason: str = "") -> Iterator[Fault]:
    """Yields the fault of a list or object that has too many entries."""
    if len(given) > most:
        over = len(given) - most
        last = (*place, len(given) - 1)
        remedy = (
            remove(last, "Remove the last one")
            if isinstance(given, list) and over == 1
            else f"Remove {over} of them from Pulumi.<stack>.yaml."
        )
        wrong = f"there are {len(given)} {noun}, but the limit is {most}{reason}."
        yield Fault(place=place, wrong=wrong, remedy=remedy)


class Table(Kind):
    """Objects whose names and values follow rules."""

    type = "object"

    def __init__(
        self,
        name_rule: Callable[[str, Any], str],
        value_rule: Callable[[Any], str],
        corrected: Callable[[Any], Any],
        content: str,
        most: tuple[int, str] | None = None,
    ) -> None:
        """Accepts objects of the names and values that the rules accept.

        Args:
            name_rule: a rule of `components.limits` for one name. It also gets the whole object.
            value_rule: a rule of `components.limits` for one value.
            corrected: returns the value that the user probably meant. If the rule refuses it too, the remedy removes the entry.
            content: words for the error message, such as `tag keys to values`.
            most: the most entries, and the plural noun for them.
        """
        self._name_rule, self._value_rule, self._corrected = name_rule, value_rule, corrected
        self._content, self._most = content, most

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if not isinstance(given, dict):
            yield Fault(
                place=place, wrong=f"{shown(given)} is not an object that maps {self._content}.", remedy=remove(place)
            )
            return
        for name, value in given.items():
            here = (*place, name)
            wrong_name = self._name_rule(name, given)
            if wrong_name:
                yield Fault(place=here, wrong=wrong_name, remedy=remove(here))
            if wrong := self._value_rule(value):
                better = self._corrected(value)
                keep = not wrong_name and not self._value_rule(better)
                yield Fault(place=here, wrong=wrong, remedy=set_to(here, better, value) if keep else remove(here))
        if self._most:
            yield from surplus(place, given, *self._most)

    def value(self, given: Any) -> Any:
        return dict(given)


def as_text(value: Any) -> Any:
    """Converts a number or a boolean to the string that the user probably meant."""
    return value if isinstance(value, str | dict | list) or value is None else str(value).lower()


def as_number(value: Any) -> Any:
    """Converts a string to the number that the user probably meant."""
    if isinstance(value, bool):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return value
    return int(number) if number.is_integer() else number
