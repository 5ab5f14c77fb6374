"""Fixtures that every unit test uses."""

import gc
import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import hypothesis
import pytest
from botocore import loaders, regions, session
from botocore.client import ClientCreator
from botocore.endpoint_provider import EndpointProvider
from botocore.hooks import EventAliaser
from moto.core import responses
from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import ActionContext, ActionResult
from moto.ec2.responses.instances import InstanceResponse

# By default, Hypothesis fails an example that takes longer than 200 ms, which happens on a busy machine.
hypothesis.settings.register_profile("any speed", deadline=None)
hypothesis.settings.load_profile("any speed")


def pytest_collection_finish() -> None:
    """Keeps what the imports made, the SDKs and moto's data, out of every later search for garbage."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def light_clients_and_clouds() -> Iterator[None]:
    """Keeps the constant results that botocore and moto otherwise compute again for each client, request and cloud."""
    with pytest.MonkeyPatch.context() as patch:
        # A service's description and the methods of its client
        patch.setattr(session, "create_loader", cache(loaders.create_loader))
        patch.setattr(ClientCreator, "_create_methods", _methods_once(ClientCreator._create_methods))  # type: ignore[attr-defined]
        # A service's rules for endpoints, and the present names of botocore's events
        patch.setattr(regions, "EndpointProvider", _endpoints_once)
        patch.setattr(EventAliaser, "_alias_event_name", _aliases_once(EventAliaser._alias_event_name))  # type: ignore[attr-defined]
        # The names of a service's operations, which moto lists at each request to look for one of them
        patch.setattr(responses, "method_names_from_class", _Functions)
        # AWS's catalogue of machines: 1,300 images, and megabytes of XML for the types of an architecture
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        for name in ("describe_instance_types", "describe_instance_type_offerings"):
            patch.setattr(InstanceResponse, name, _serialized_once(getattr(InstanceResponse, name)))
        yield


@dataclass(frozen=True)
class _Functions:
    """The names of a class's functions, those that are added to it later too."""

    of: type

    def __contains__(self, name: str) -> bool:
        return inspect.isfunction(getattr(self.of, name, None))


def _methods_once(create: Callable[[ClientCreator, Any], dict[str, Any]]) -> Callable[[Any, Any], dict[str, Any]]:
    created: dict[tuple[str, str], dict[str, Any]] = {}

    def create_once(self: ClientCreator, service_model: Any) -> dict[str, Any]:
        key = (service_model.service_name, service_model.api_version)
        if key not in created:
            created[key] = create(self, service_model)
        # boto3 adds to what it is given.
        return dict(created[key])

    return create_once


_ENDPOINTS: dict[tuple[int, int, frozenset[str]], tuple[EndpointProvider, object, object]] = {}


def _endpoints_once(ruleset_data: Any, partition_data: Any, excluded_params: Any = None) -> EndpointProvider:
    key = (id(ruleset_data), id(partition_data), frozenset(excluded_params or ()))
    if key not in _ENDPOINTS:
        # The data is kept too, because an id is unique only while its object exists.
        provider = EndpointProvider(ruleset_data, partition_data, excluded_params=excluded_params)
        _ENDPOINTS[key] = (provider, ruleset_data, partition_data)
    return _ENDPOINTS[key][0]


def _aliases_once(alias: Callable[[EventAliaser, str], str]) -> Callable[[EventAliaser, str], str]:
    """Shares the names among clients. Each client otherwise starts without any."""
    names: dict[str, str] = {}

    def alias_once(self: EventAliaser, event_name: str) -> str:
        if event_name not in names:
            names[event_name] = alias(self, event_name)
        return names[event_name]

    return alias_once


def _serialized_once(
    describe: Callable[[InstanceResponse], ActionResult],
) -> Callable[[InstanceResponse], ActionResult]:
    """Keeps the text of each answer of an operation that only reads moto's data files."""
    texts: dict[str, TYPE_RESPONSE] = {}

    class Kept(ActionResult):
        def execute_result(self, context: ActionContext) -> TYPE_RESPONSE:
            response = context.response
            key = json.dumps([response.region, response.querystring], sort_keys=True)
            if key not in texts:
                texts[key] = super().execute_result(context)
            status, headers, body = texts[key]
            return status, dict(headers), body

    return lambda self: Kept(describe(self).result)
