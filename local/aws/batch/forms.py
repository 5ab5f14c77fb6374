"""Checks the form of requests against AWS's own model of the Batch API, and refuses faults in AWS's words."""

import re
import uuid
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator
from moto.batch.exceptions import ClientException

#: A JSON object of a request or an answer.
Document = dict[str, Any]

#: The form of the names of environments, queues, definitions, policies and jobs.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


def refusal(message: str) -> ClientException:
    """The error with which AWS answers a request that it cannot accept."""
    return ClientException(f"Error executing request, Exception : {message}, RequestId: {uuid.uuid4()}")


def check_form(operation: str, request: Document) -> None:
    """Checks a request against the model of the API in botocore.

    Args:
        operation: as `SubmitJob`.
        request: the body of the request.

    Raises:
        ClientException: if a required member is missing, or a type or an enumerated value is wrong.
    """
    shape = _model().operation_model(operation).input_shape
    assert shape is not None
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        raise refusal(report.generate_report())
    if faults := list(_enumeration_faults(shape, request, "")):
        raise refusal(f"{len(faults)} validation error detected: {'; '.join(faults)}")


def operations() -> list[str]:
    """The operations of the API of Batch, but those on tags, whose requests have a form of their own."""
    return [
        name for name in _model().operation_names if "/tags/" not in _model().operation_model(name).http["requestUri"]
    ]


@cache
def operation_of(path: str) -> str | None:
    """The operation, other than those on tags, whose requests have this path, such as `/v1/submitjob`. None if there is no such operation."""
    return next((name for name in operations() if path == f"/v1/{name.lower()}"), None)


@cache
def _model() -> ServiceModel:
    return botocore.session.Session().get_service_model("batch")


def _enumeration_faults(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        for name, member in value.items():
            if name in shape.members:
                yield from _enumeration_faults(shape.members[name], member, f"{path}.{name}" if path else name)
    elif isinstance(shape, ListShape):
        for index, member in enumerate(value, start=1):
            yield from _enumeration_faults(shape.member, member, f"{path}.{index}.member")
    elif isinstance(shape, MapShape):
        for key, member in value.items():
            yield from _enumeration_faults(shape.value, member, f"{path}.{key}")
    elif (allowed := getattr(shape, "enum", None)) and value not in allowed:
        # "The values aren't case sensitive" (API EvaluateOnExit), unlike those of all other members.
        if shape.name == "RetryAction" and value.upper() in allowed:
            return
        yield (
            f"Value '{value}' at '{path}' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(allowed)}]"
        )


def check_consumable_resources(properties: Document) -> None:
    """Refuses consumable resources as AWS refuses those that do not exist. The local stack cannot create them.

    Args:
        properties: `consumableResourceProperties` of a definition or a submission, or nothing.

    Raises:
        ClientException: if a resource is named.
    """
    named = [entry.get("consumableResource", "") for entry in properties.get("consumableResourceList", [])]
    if named:
        raise refusal(
            f"Consumable resource {named[0]} does not exist. The local stack does not support consumable resources"
        )


def check_name(kind: str, name: str) -> None:
    """Refuses a name that AWS does not allow.

    Args:
        kind: what is named, as `Job name`.
        name: 1 to 128 letters, digits, `-` and `_`, the first a letter or digit.

    Raises:
        ClientException: for any other name.
    """
    if not _NAME.fullmatch(name):
        raise refusal(f"{kind} should match valid pattern")


def page(name: str, items: list[Document], request: Document, most: int = 100) -> Document:
    """One page of an answer.

    Args:
        name: the member of the answer that lists the items.
        items: all items.
        request: the request, with `maxResults` and `nextToken`.
        most: the maximum number of items on a page.

    Raises:
        ClientException: if the token was not issued here.
    """
    token = str(request.get("nextToken") or 0)
    if not token.isdecimal():
        raise refusal("Invalid nextToken")
    start, size = int(token), min(request.get("maxResults") or most, most)
    rest = {"nextToken": str(start + size)} if start + size < len(items) else {}
    return {name: items[start : start + size], **rest}
