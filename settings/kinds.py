"""The kinds of values that a config key can have. Each kind says what it takes, tells what is wrong with a value, and corrects it."""

import difflib
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from components.limits import repeated, shown, whole_number
from settings.faults import Fault, Place, remove, set_to


class Kind:
    """A kind of values: texts of any content."""

    type = "string"
    """Pulumi's name of the type, for Pulumi.yaml."""
    items = ""
    """Pulumi's name of the type of a list's items."""
    form = ""
    """How its values are limited, in words for the description of a key."""

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        """What is wrong with a value.

        Args:
            place: where it is.
            given: the value as Pulumi hands it over, JSON already parsed. A text in place of JSON is what was no JSON.
            default: the key's.
        """
        yield from ()

    def value(self, given: Any) -> Any:
        """The typed value of one that is right."""
        return given


class Integer(Kind):
    """Whole numbers within a range."""

    type = "integer"

    def __init__(self, low: int, high: int) -> None:
        self._rule = whole_number(low, high)
        self.form = f"{low} to {high}"

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if wrong := self._rule(given):
            yield Fault(place=place, wrong=wrong, remedy=set_to(place, default))


class Step(Kind):
    """Whole numbers of a list."""

    type = "integer"

    def __init__(self, steps: Sequence[int], rule: Callable[[object], str]) -> None:
        self._steps, self._rule = steps, rule
        self.form = f"{', '.join(map(str, steps))}"

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if wrong := self._rule(given):
            near = min(self._steps, key=lambda step: abs(step - given)) if type(given) is int else default
            yield Fault(place=place, wrong=wrong, remedy=set_to(place, near))


class Boolean(Kind):
    """true or false."""

    type = "boolean"

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if not isinstance(given, bool):
            text = str(default).lower()
            yield Fault(place=place, wrong=f"{shown(given)} is neither true nor false.", remedy=set_to(place, text))


class Choice(Kind):
    """One of a few words."""

    def __init__(self, *choices: str) -> None:
        self._choices = choices
        self.form = f"{', '.join(choices[:-1])} or {choices[-1]}"

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if given not in self._choices:
            near = difflib.get_close_matches(str(given), self._choices, n=1)[:1] or [default]
            wrong = f"{shown(given)} is none of {', '.join(self._choices)}."
            yield Fault(place=place, wrong=wrong, remedy=set_to(place, near[0]))


class Text(Kind):
    """Texts by a rule, or "" for none."""

    def __init__(self, rule: Callable[[Any], str], find: str) -> None:
        """Takes what a rule takes.

        Args:
            rule: one of `components.limits`.
            find: how you find a right value, in words: nobody else can know which one you mean.
        """
        self._rule, self._find = rule, find

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if given and (wrong := self._rule(given)):
            yield Fault(place=place, wrong=wrong, remedy=f"{self._find}, or {remove(place, 'remove it')}")


class Day(Text):
    """Days, or "" for none."""

    # So the CLI hands over a day that stands in the stack's file without quotes.
    _MIDNIGHT = " 00:00:00 +0000 UTC"

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        yield from super().faults(place, self.value(given), default)

    def value(self, given: Any) -> Any:
        return given.removesuffix(self._MIDNIGHT)


class Range(Kind):
    """Texts by a rule, which can be corrected to another text."""

    def __init__(self, rule: Callable[[Any], str], corrected: Callable[[str], str]) -> None:
        self._rule, self._corrected = rule, corrected

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if wrong := self._rule(given):
            better = self._corrected(given)
            yield Fault(place=place, wrong=wrong, remedy=set_to(place, default if self._rule(better) else better))


class Names(Kind):
    """Lists of names, none of them twice."""

    type = "array"
    items = "string"

    def __init__(self, rule: Callable[[Any], str], noun: str, most: int | None = None) -> None:
        """Takes lists of what a rule takes.

        Args:
            rule: one of `components.limits`, for one name.
            noun: what the names are of, in the plural.
            most: how many there may be.
        """
        self._rule, self._noun, self._most = rule, noun, most
        self.form = f"up to {most}"

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if not isinstance(given, list):
            # What is no list yet becomes one by its first item.
            remedy = remove(place) if self._rule(given) else set_to((*place, 0), given)
            yield Fault(place=place, wrong=f"{shown(given)} is not a list of {self._noun}.", remedy=remedy)
            return
        twice = repeated(given)
        # From the end: no command moves what a later one names.
        for i in reversed(range(len(given))):
            here = (*place, i)
            if wrong := self._rule(given[i]):
                yield Fault(place=here, wrong=wrong, remedy=remove(here))
            elif i in twice:
                yield Fault(place=here, wrong=f"{shown(given[i])} is there twice.", remedy=remove(here))
        if self._most:
            yield from surplus(place, given, self._most, self._noun)

    def value(self, given: Any) -> Any:
        return tuple(given)


def surplus(place: Place, given: Collection[Any], most: int, noun: str, reason: str = "") -> Iterator[Fault]:
    """The fault of a list or mapping that is too long."""
    if len(given) > most:
        over = len(given) - most
        last = (*place, len(given) - 1)
        remedy = (
            remove(last, "Remove the last one")
            if isinstance(given, list) and over == 1
            else f"Remove {over} of them in Pulumi.<stack>.yaml."
        )
        wrong = f"{len(given)} {noun} are more than {most}{reason}."
        yield Fault(place=place, wrong=wrong, remedy=remedy)


class Table(Kind):
    """Mappings of names to values, each by a rule."""

    type = "object"

    def __init__(
        self,
        name_rule: Callable[[str, Any], str],
        value_rule: Callable[[Any], str],
        corrected: Callable[[Any], Any],
        content: str,
        most: tuple[int, str] | None = None,
    ) -> None:
        """Takes mappings of what the rules take.

        Args:
            name_rule: one of `components.limits`, for one name beside all of the mapping.
            value_rule: one of `components.limits`, for one value.
            corrected: a value that was probably meant by a wrong one. If the rule refuses it too, the entry is to be removed.
            content: what is mapped to what.
            most: how many entries there may be, and what they are.
        """
        self._name_rule, self._value_rule, self._corrected = name_rule, value_rule, corrected
        self._content, self._most = content, most

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if not isinstance(given, dict):
            yield Fault(place=place, wrong=f"{shown(given)} is not a mapping of {self._content}.", remedy=remove(place))
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
    """A number or a boolean as the text that was probably meant."""
    return value if isinstance(value, str | dict | list) or value is None else str(value).lower()


def as_number(value: Any) -> Any:
    """A text as the number that was probably meant."""
    if isinstance(value, bool):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return value
    return int(number) if number.is_integer() else number
