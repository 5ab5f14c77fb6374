"""AWS's schemas of its resource types, which CloudFormation uses and cfn-lint contains."""

import importlib.util
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

# Only the data of cfn-lint is needed, and importing it would take seconds.
_SCHEMAS = Path(str(getattr(importlib.util.find_spec("cfnlint"), "origin", None))).parent / "data" / "schemas"

#: The effect of a change of a property: no replacement, always a replacement, or a replacement under conditions that the schema omits.
Kind = Literal["in place", "replaced", "depends"]


@cache
def _schema(type_: str) -> dict[str, Any]:
    files: dict[str, str] = json.loads((_SCHEMAS / "providers" / "us-east-1.json").read_text())
    schema: dict[str, Any] = json.loads((_SCHEMAS / "resources" / f"{files[type_]}.json").read_text())
    return schema


def find(type_: str, name: str, within: str = "") -> str | None:
    """The path of the property that Pulumi calls `name`, apart from case and plural. None if the schema does not have it.

    Args:
        type_: such as `AWS::EC2::VPC`.
        name: such as `cidrBlock`.
        within: the path of the property that contains it, such as `ComputeResources`. Empty for the resource itself.
    """
    members = {member.lower(): member for node in _nodes(type_, within) for member in node.get("properties", {})}
    lower = name.lower()
    singular = f"{lower[:-3]}y" if lower.endswith("ies") else lower.removesuffix("s")
    member = members.get(lower) or members.get(singular) or members.get(f"{lower}s")
    return member and (f"{within}.{member}" if within else member)


def has(type_: str, path: str) -> bool:
    """Whether a type has a property at this path."""
    return any(True for _ in _nodes(type_, path))


def holds_members(type_: str, path: str) -> bool:
    """Whether the property at this path is an object, or a list of objects, of named members."""
    return any("properties" in node for node in _nodes(type_, path))


def kind(type_: str, path: str) -> Kind:
    """The effect of a change of the property at this path."""
    schema = _schema(type_)
    prefixes = {"/properties/" + "/".join(path.split(".")[:depth]) for depth in range(1, path.count(".") + 2)}

    def named(key: str) -> bool:
        return any(pointer.replace("/*", "") in prefixes for pointer in schema.get(key) or [])

    if named("createOnlyProperties"):
        return "replaced"
    return "depends" if named("conditionalCreateOnlyProperties") else "in place"


def _nodes(type_: str, path: str) -> list[Mapping[str, Any]]:
    """The objects of the schema at a path. There are several if the schema has alternatives."""
    schema = _schema(type_)
    nodes = list(_plain(schema, schema))
    for part in filter(None, path.split(".")):
        nodes = [
            plain
            for node in nodes
            if part in node.get("properties", {})
            for plain in _plain(schema, node["properties"][part])
        ]
    return nodes


def _plain(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A node with references, lists and alternatives resolved."""
    if "$ref" in node:
        yield from _plain(schema, schema["definitions"][node["$ref"].rpartition("/")[2]])
    elif node.get("type") == "array" or "items" in node:
        yield from _plain(schema, node.get("items", {}))
    else:
        yield node
        for alternative in ("oneOf", "anyOf", "allOf"):
            for inner in node.get(alternative, []):
                yield from _plain(schema, inner)
