"""The rows agree with Pulumi's SDK and with botocore's models."""

import importlib

import pytest
from pulumi._types import input_type_py_to_pulumi_names

from local.plugins.aws.provider import TYPES
from tests.unit.local.plugins.pulumi_engine import Engine


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("token", TYPES)
def test_every_input_of_a_row_is_an_argument_of_the_sdk(offline: Engine, token: str) -> None:
    module, name = token.split(":")[1].split("/")[0], token.split(":")[2]
    sdk = importlib.import_module(f"pulumi_aws.{module}")
    # If a block of another resource has the name, the arguments of the resource are its InitArgs.
    arguments = getattr(sdk, f"{name}InitArgs", None) or getattr(sdk, f"{name}Args")
    sent = set(input_type_py_to_pulumi_names(arguments).values())
    assert offline.provider.resource(token).known - {"tagsAll"} <= sent


@pytest.mark.parametrize("token", TYPES)
def test_every_property_that_a_row_sends_is_a_member_of_the_operation(offline: Engine, token: str) -> None:
    resource = offline.provider.resource(token)
    for call in filter(None, (resource.creating, *resource.updating)):
        for name in call.sends.split():
            assert resource.shape_of(call, name) is not None, f"{call.operation} has no {name}"


@pytest.mark.parametrize("token", TYPES)
def test_every_property_in_a_row_belongs_to_the_type(offline: Engine, token: str) -> None:
    resource = offline.provider.resource(token)
    for names in (resource.required, resource.own, *(call.sends for call in resource.updating)):
        assert set(names.split()) <= resource.known
    assert {name.split(".")[0] for name in resource.replaces.split()} <= resource.known
    for keyed in (resource.defaults, resource.documents, resource.patterns, resource.answers):
        assert keyed.keys() <= resource.known
