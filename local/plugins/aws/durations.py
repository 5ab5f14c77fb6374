"""Durations in the form of Go, such as `2h45m`, which Terraform's providers use."""

import re

_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|h|m|s)"


def parsed(text: object) -> float | None:
    """The seconds of a duration, or None if the value is not a duration (Go's time.ParseDuration)."""
    if text == "0":
        return 0.0
    if not isinstance(text, str) or not re.fullmatch(f"(?:{_PART})+", text):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(_PART, text))


def written(seconds: float) -> str:
    """Formats a whole number of seconds (Go's time.Duration.String)."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
