"""Parameters, to which the command of a job refers as `Ref::name`."""

import re
from collections.abc import Mapping, Sequence


def substituted(command: Sequence[str], parameters: Mapping[str, str]) -> list[str]:
    """Replaces every `Ref::name` of a known parameter in the command, anywhere in an argument.

    A name is taken whole, so `Ref::samples` is not `Ref::sample` and an s; what was put in is not looked at again; a name that
    is no parameter stays as it is (Batch User Guide, "Job definition parameters").

    Args:
        command: the arguments.
        parameters: values by name.
    """
    if not parameters:
        return list(command)
    # The longest name first, because a name can be the beginning of another, such as `a` of `a.b`.
    names = "|".join(re.escape(name) for name in sorted(parameters, key=len, reverse=True))
    reference = re.compile(rf"Ref::({names})(?![A-Za-z0-9_-])")
    return [reference.sub(lambda match: parameters[match[1]], argument) for argument in command]
