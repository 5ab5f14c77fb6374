"""`Ref::name` in a job's command."""

import re
from collections.abc import Mapping, Sequence


def substituted(command: Sequence[str], parameters: Mapping[str, str]) -> list[str]:
    """The command with every `Ref::name` of a known parameter replaced, wherever in an argument it stands.

    A name is taken whole, so `Ref::samples` is not `Ref::sample` and an s; what was put in is not looked at again; a name that
    is no parameter stays as it is (Batch User Guide, "Job definition parameters").

    Args:
        command: the arguments.
        parameters: values by name.
    """
    if not parameters:
        return list(command)
    # The longest first, since one name may be the beginning of another where a character like `.` separates them.
    names = "|".join(re.escape(name) for name in sorted(parameters, key=len, reverse=True))
    reference = re.compile(rf"Ref::({names})(?![A-Za-z0-9_-])")
    return [reference.sub(lambda match: parameters[match[1]], argument) for argument in command]
