"""The components as a package for programs in every Pulumi language."""

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

from biobatch import __version__
from components.batch_platform import BatchPlatform
from components.data_bucket import DataBucket
from components.network import Network
from components.permissions.batch import BatchPermissions
from components.permissions.engines import EnginePermissions
from components.permissions.submit import SubmitPermissions

NAME = "biobatch"

#: The components of the package. `ToolImage` is not included, because it builds from a folder next to the program and takes another `ToolImage` as
#: an argument. `ExistingNetwork`, `FlowLogs` and `Monitoring` are for Python programs only.
COMPONENTS: list[type[pulumi.ComponentResource]] = [
    Network,
    DataBucket,
    BatchPermissions,
    SubmitPermissions,
    BatchPlatform,
    EnginePermissions,
]


class Package(ComponentProvider):
    """Pulumi's component provider, which passes each component an instance of its own arguments class.

    Pulumi's own class treats a field with a default as required, and passes a component a dictionary in which integers are floats. In this class,
    a field with a default is optional.
    """

    def __init__(self) -> None:
        super().__init__(COMPONENTS, NAME, version=__version__)
        for name, definition in self._component_defs.items():
            _relax(arguments_of(self._components[name]), definition.inputs, definition.inputs_mapping)
        for type_ in self._type_defs.values():
            if dataclasses.is_dataclass(type_.python_type):
                _relax(type_.python_type, type_.properties, type_.properties_mapping)
        definitions = (self._component_defs, self._type_defs, self._dependencies)
        self.schema = json.dumps(generate_schema(NAME, __version__, None, *definitions).to_json())

    def construct(
        self, name: str, resource_type: str, inputs: pulumi.Inputs, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """Creates a component.

        Raises:
            InputPropertyError: if the component's arguments are invalid, with their error message.
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
    """Converts a value to its annotated type: dictionaries to arguments classes, and floats to integers.

    Args:
        wanted: the annotated type.
        value: the value from the engine.
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
