"""Conversion of values between the names and forms of Pulumi and those of the AWS API, by the shapes of botocore."""

import datetime
import json
from collections.abc import Iterable, Mapping
from typing import Any

from local.plugins.common import UNKNOWN, Failure

#: Properties whose keys the user chooses. They are not names of a model.
MAPS = frozenset({"tags", "tagsAll", "parameters", "inputPaths"})


class Refused(Failure):
    """A value that the model of the API does not accept."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def member(name: str, members: Iterable[str], names: Mapping[str, str] | None = None) -> str | None:
    """The member of the API that Pulumi calls `name`, or None.

    Pulumi uses camel case, whatever case the API uses, and the plural for a list that the API names in the singular.

    Args:
        name: Pulumi's name.
        members: the API's names.
        names: the API's names by Pulumi's, where neither rule applies.
    """
    by_lower = {m.lower(): m for m in members}
    wanted = name.lower()
    singular = wanted[:-3] + "y" if wanted.endswith("ies") else wanted.removesuffix("s")
    other = (names or {}).get(name, "").lower()
    return by_lower.get(wanted) or by_lower.get(singular) or by_lower.get(other)


def to_api(value: Any, shape: Any, path: str, names: Mapping[str, str] | None = None) -> Any:
    """Converts the value of a property to the form of the API. `UNKNOWN` stays.

    Args:
        value: in Pulumi's form.
        shape: botocore's shape of the member.
        path: the property's path, for messages.
        names: as for `member`.

    Raises:
        Refused: for a name, type or choice that the model does not have. The error names the path.
    """
    if value is UNKNOWN:
        return value
    kind = shape.type_name
    if kind == "structure":
        return _structure(value, shape, path, names)
    if kind == "list":
        if isinstance(value, Mapping) and {m.lower() for m in getattr(shape.member, "members", ())} == {"key", "value"}:
            key, content = shape.member.members
            return [
                {key: k, content: to_api(v, shape.member.members[content], f"{path}[{k!r}]")} for k, v in value.items()
            ]
        if isinstance(value, Mapping):  # one object in Terraform, a list of one in AWS
            return [to_api(value, shape.member, path, names)]
        _expect(isinstance(value, list), path, "a list", value)
        return [to_api(item, shape.member, f"{path}[{i}]", names) for i, item in enumerate(value) if item is not None]
    if kind == "map":
        _expect(isinstance(value, Mapping), path, "a mapping", value)
        return {k: to_api(v, shape.value, f"{path}[{k!r}]", names) for k, v in value.items() if v is not None}
    if kind in ("integer", "long"):
        _expect(isinstance(value, int) and not isinstance(value, bool), path, "a whole number", value)
    elif kind in ("float", "double"):
        _expect(isinstance(value, int | float) and not isinstance(value, bool), path, "a number", value)
    elif kind == "boolean":
        # Booleans that can be absent are text in Terraform.
        _expect(isinstance(value, bool) or value in ("true", "false"), path, "true or false", value)
        return value in (True, "true")
    else:
        _expect(isinstance(value, str), path, "text", value)
        if getattr(shape, "enum", None):
            _expect(value in shape.enum, path, f"one of {', '.join(shape.enum)}", value)
    return value


def _structure(value: Any, shape: Any, path: str, names: Mapping[str, str] | None) -> Any:
    members = shape.members
    if list(members) == ["Value"] and not isinstance(value, Mapping):
        return {"Value": to_api(value, members["Value"], path, names)}
    if isinstance(value, list) and len(value) == 1:  # a list in Terraform, one object in AWS
        value, path = value[0], f"{path}[0]"
        if value is UNKNOWN:
            return value
    _expect(isinstance(value, Mapping), path, "an object", value)
    result = {}
    for key, content in value.items():
        if content is None or key == "__defaults":
            continue
        target = member(key, members, names)
        if target is None:
            raise Refused(f"{path}.{key}", f"there is no such property; {shape.name} has {', '.join(members)}")
        result[target] = to_api(content, members[target], f"{path}.{key}", names)
    return result


def _expect(holds: bool, path: str, wanted: str, value: Any) -> None:
    if not holds:
        raise Refused(path, f"must be {wanted}, not {json.dumps(value, default=str)}")


def from_api(
    value: Any,
    prior: Any,
    names: Mapping[str, str] | None = None,
    unordered: frozenset[str] = frozenset(),
    key: str = "",
) -> Any:
    """Converts an answer of AWS for a property to the form of the previous value.

    An answer contains more than the request did. Of an object, only the members that `prior` has are read. Members that AWS leaves out
    stay as they were.

    Args:
        value: the API's answer.
        prior: the value as sent or last read, in Pulumi's form. None reads everything.
        names: as for `member`.
        unordered: names of lists whose order has no meaning. If only the order changed, the previous list stays.
        key: the property's name.
    """
    if isinstance(value, list) and (isinstance(prior, Mapping) or key in MAPS):
        return {entry[_key(entry, "key")]: entry.get(_key(entry, "value"), "") for entry in value}
    if isinstance(value, Mapping) and isinstance(prior, list):
        return [from_api(value, prior[0] if prior else None, names, unordered)]
    if isinstance(value, Mapping):
        if key in MAPS:
            return dict(value)
        if list(value) == ["Value"]:
            return value["Value"]
        if isinstance(prior, Mapping):
            found = {k: member(k, value, names) for k in prior}
            return {
                k: former if (m := found[k]) is None else from_api(value[m], former, names, unordered, k)
                for k, former in prior.items()
            }
        plain = {k[:1].lower() + k[1:]: v for k, v in value.items()}
        return {k: from_api(v, None, names, unordered, k) for k, v in plain.items()}
    if isinstance(value, list):
        if isinstance(prior, list) and len(prior) == len(value):
            if key in unordered and sorted(map(str, value)) == sorted(map(str, prior)):
                return prior
            return [from_api(v, p, names, unordered) for v, p in zip(value, prior, strict=True)]
        return [from_api(v, None, names, unordered) for v in value]
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(prior, str) and isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(prior, str) and isinstance(value, int) else value


def _key(entry: Mapping[str, Any], name: str) -> str:
    return next((k for k in entry if k.lower() == name), name)
