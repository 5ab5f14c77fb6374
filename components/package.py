"""The components as a package that programs of every Pulumi language can use: its schema and its host."""

import dataclasses
import inspect
import json
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any

import pulumi
from pulumi.errors import InputPropertyError
from pulumi.provider import ConstructResult
from pulumi.provider.experimental.analyzer import PropertyDefinition
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.experimental.schema import generate_schema

from components.batch_platform import BatchPlatform
from components.data_bucket import DataBucket
from components.network import Network
from components.permissions import BatchPermissions, SubmitPermissions

NAME = "biobatch"
VERSION = "0.1.0"

#: Not `ToolImage`, which builds from a folder beside the program and stands on another of its kind: neither travels. Nor
#: `ExistingNetwork` and `FlowLogs`, which are for Python programs.
COMPONENTS: list[type[pulumi.ComponentResource]] = [
    Network,
    DataBucket,
    BatchPermissions,
    SubmitPermissions,
    BatchPlatform,
]


class Package(ComponentProvider):
    """Pulumi's component provider, with the arguments taken as the components declare them.

    Pulumi's own calls a field with a default required, and hands a component a mapping in which whole numbers are floats. Here a default
    makes a field optional, and the component gets its own arguments.
    """

    def __init__(self) -> None:
        super().__init__(COMPONENTS, NAME, version=VERSION)
        for name, definition in self._component_defs.items():
            _relax(arguments_of(self._components[name]), definition.inputs, definition.inputs_mapping)
        for type_ in self._type_defs.values():
            if dataclasses.is_dataclass(type_.python_type):
                _relax(type_.python_type, type_.properties, type_.properties_mapping)
        definitions = (self._component_defs, self._type_defs, self._dependencies)
        self.schema = json.dumps(generate_schema(NAME, VERSION, None, *definitions).to_json())

    def construct(
        self, name: str, resource_type: str, inputs: pulumi.Inputs, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """Makes a component.

        Raises:
            InputPropertyError: for what the component's arguments refuse, in their words.
        """
        self.validate_resource_type(NAME, resource_type)
        kind = resource_type.rsplit(":", 1)[-1]
        component, definition = self._components[kind], self._component_defs[kind]
        try:
            arguments = restored(arguments_of(component), self.map_inputs(inputs, definition))
        except ValueError as refused:
            raise InputPropertyError("", f"{name}: {refused}") from None
        made = component(name, arguments, options)  # type: ignore[arg-type]
        return ConstructResult(made.urn, self.get_state(made, definition))


def arguments_of(component: type[pulumi.ComponentResource]) -> Any:
    """The class of a component's arguments."""
    return inspect.get_annotations(component.__init__)["args"]


def restored(wanted: Any, value: Any) -> Any:
    """A value as its annotation wants it: mappings become arguments again, and floats the whole numbers that they were.

    Args:
        wanted: a type, as annotated.
        value: the value as it came over the wire.
    """
    if dataclasses.is_dataclass(wanted) and isinstance(value, Mapping):
        types = {field.name: field.type for field in dataclasses.fields(wanted)}
        return wanted(**{key: restored(types[key], inner) for key, inner in value.items()})  # type: ignore[operator]
    if wanted is int and isinstance(value, float):
        return int(value)
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return wanted(value)
    inner_types = typing.get_args(wanted)
    if isinstance(value, Mapping) and len(inner_types) == 2:
        return {key: restored(inner_types[1], inner) for key, inner in value.items()}
    if isinstance(value, list) and len(inner_types) == 1:
        return [restored(inner_types[0], inner) for inner in value]
    return value


def _relax(arguments: Any, properties: dict[str, PropertyDefinition], mapping: dict[str, str]) -> None:
    fields = {field.name: field for field in dataclasses.fields(arguments)}
    for name, definition in properties.items():
        field = fields[mapping[name]]
        has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        definition.optional = definition.optional or has_default
