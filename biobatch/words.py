"""Numbers and lists as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence

#: Names of a list that are printed.
_SHOWN = 3


def few(names: Sequence[str]) -> str:
    """The first three names of a list, and how many more there are."""
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def duration(seconds: float) -> str:
    """Seconds as a duration, such as `1 h 05 min`, `3 min 10 s` or `7 s`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def age(seconds: float) -> str:
    """Seconds as a rough age, such as `3 d`, `5 h`, `12 min` or `7 s`."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds)} s"


def volume(size: float) -> str:
    """A number of bytes, such as `1.2 GiB`, `3.0 MiB` or `512 bytes`."""
    for unit, power in (("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if size >= 2**power:
            return f"{size / 2**power:,.1f} {unit}"
    return f"{int(size)} bytes"
