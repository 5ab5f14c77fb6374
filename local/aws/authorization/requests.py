"""Decides calls before moto answers them. Those of S3 are decided in `local.aws.s3.authorization`, where moto has found out their operation."""

import io
import json
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Any

from local.aws.authorization import batch, logs, sts
from local.aws.authorization.callers import credential, find
from local.aws.authorization.needs import Call, Need

#: The prefix of the actions of a service that signs with another name.
_PREFIXES = {"monitoring": "cloudwatch"}


def check(environ: dict[str, Any]) -> None:
    """Does nothing if the caller may make this call.

    Raises:
        Refused: if it may not, or is not known.
        Unsupported: if the local stack cannot decide it.
    """
    scope = credential(environ)
    service = scope[3].lower() if scope else ""
    if not scope or service == "s3":
        return
    region = scope[2]
    caller = find(scope[0], region)
    if caller is None and service != "sts":
        return
    call = _call(environ, service, region)
    if service == "sts":
        sts.check(call, caller)
        return
    assert caller is not None
    for need in _needs(call):
        if need.resource:
            caller.demand(need.action, need.resource, need.context)
        else:
            caller.demand_somewhere(need.action)


def _needs(call: Call) -> Iterable[Need]:
    if call.service == "batch":
        return batch.needs(call)
    if call.service == "logs" and (needs := logs.needs(call)):
        return needs
    return [Need(action=f"{_PREFIXES.get(call.service, call.service)}:{call.operation}", resource="")]


def _call(environ: dict[str, Any], service: str, region: str) -> Call:
    """Reads the operation and the request, and leaves the body for moto."""
    # Without this mark, the input ends only when the connection does.
    body: bytes = environ["wsgi.input"].read() if environ.get("wsgi.input_terminated") else b""
    environ["wsgi.input"] = io.BytesIO(body)
    query = dict(urllib.parse.parse_qsl(environ.get("QUERY_STRING", "")))
    form = "x-www-form-urlencoded" in str(environ.get("CONTENT_TYPE", ""))
    request = dict(urllib.parse.parse_qsl(body.decode(errors="replace"))) if form else _json(body)
    request = {**query, **request}
    if service == "batch":
        operation, members = batch.operation_of(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        if "tagKeys" in query:
            members = {**members, "tagKeys": urllib.parse.parse_qs(environ["QUERY_STRING"])["tagKeys"]}  # type: ignore[dict-item]
        request = {**request, **members}
    elif target := environ.get("HTTP_X_AMZ_TARGET"):
        operation = str(target).rpartition(".")[2]
    else:
        operation = str(request.get("Action", f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"))
    return Call(service=service, region=region, operation=operation, request=request)


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
