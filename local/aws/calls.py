"""The log of calls, and the errors of moto in AWS's form."""

import io
import json
import logging
import time
import urllib.parse
from collections.abc import Callable, Iterable
from typing import Any
from xml.sax.saxutils import escape

from local.aws.authorization.callers import Refused
from local.aws.authorization.policies import Unsupported
from local.errors import LocalError

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_log = logging.getLogger("local.aws.calls")

#: A form up to this size, in bytes, is read for the name of the operation. No form of AWS is larger.
_FORM_LIMIT = 16 * 2**20


def logged(application: Application, paths: bool = True) -> Application:
    """Logs the caller, name, status and milliseconds of every call, but not its content. Answers with an error in AWS's form if the
    application raises. Only the log contains the traceback.

    Args:
        application: the application to serve.
        paths: whether to log paths. False if they are secret.
    """

    def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = time.monotonic()
        service, operation = service_of(environ), _operation(environ, paths)
        status = "500"

        def recorded(line: str, *rest: Any) -> Any:
            nonlocal status
            status = line.split()[0]
            return start_response(line, *rest)

        try:
            return application(environ, recorded)
        except (Refused, Unsupported) as refusal:
            return _refusal(environ, recorded, service, refusal)
        except Exception as error:
            _log.exception("%s %s failed", service, operation)
            return _failure(environ, recorded, service, operation, error)
        finally:
            milliseconds = (time.monotonic() - started) * 1000
            _log.info("%s %s %s %s %.0f ms", environ["REMOTE_ADDR"], service, operation, status, milliseconds)

    return serve


def service_of(environ: Environ) -> str:
    """The service for which the call is signed, or a hyphen."""
    scope = str(environ.get("HTTP_AUTHORIZATION", "")).partition("Credential=")[2].partition(",")[0].split("/")
    return scope[3] if len(scope) == 5 else "-"


def _operation(environ: Environ, paths: bool) -> str:
    """The name of the operation, or method and path if it has no name. Queries are left out, because a presigned query is a secret."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rpartition(".")[2]
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if _is_form(environ) and 0 < length <= _FORM_LIMIT:
        body: bytes = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = io.BytesIO(body)
        for name, value in urllib.parse.parse_qsl(body.decode(errors="replace")):
            if name == "Action":
                return value
    path = str(environ.get("RAW_URI", "")).partition("?")[0] if paths else "…"
    return f"{environ['REQUEST_METHOD']} {path}"


#: The names that services give to refusals, by the protocol of the service. The keys are those of the query protocol.
_JSON_CODES = {
    "AccessDenied": "AccessDeniedException",
    "ExpiredToken": "ExpiredTokenException",
    "InvalidClientTokenId": "UnrecognizedClientException",
}
_EC2_CODES = {
    "AccessDenied": "UnauthorizedOperation",
    "ExpiredToken": "RequestExpired",
    "InvalidClientTokenId": "AuthFailure",
}


def _refusal(
    environ: Environ, start_response: Callable[..., Any], service: str, refusal: Refused | Unsupported
) -> Iterable[bytes]:
    code = refusal.code if isinstance(refusal, Refused) else "NotImplemented"
    if service == "ec2":
        code = _EC2_CODES.get(code, code)
    elif not _is_form(environ):
        code = _JSON_CODES.get(code, code)
    return _answer(environ, start_response, service, "403 Forbidden", code, str(refusal))


def _failure(
    environ: Environ, start_response: Callable[..., Any], service: str, operation: str, error: Exception
) -> Iterable[bytes]:
    if isinstance(error, NotImplementedError):
        status, code, message = "501 Not Implemented", "NotImplemented", f"the local AWS has no {operation}"
    else:
        status, code = "500 Internal Server Error", "InternalFailure"
        cause = str(error) if isinstance(error, LocalError) else f"{type(error).__name__}: {error}"
        message = f"the local AWS failed at {operation}: {cause}"
    return _answer(environ, start_response, service, status, code, message)


def _is_form(environ: Environ) -> bool:
    return "x-www-form-urlencoded" in str(environ.get("CONTENT_TYPE", ""))


def _answer(
    environ: Environ, start_response: Callable[..., Any], service: str, status: str, code: str, message: str
) -> Iterable[bytes]:
    """An error in the form of the service."""
    fault = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    if service == "s3":
        kind, text = "application/xml", f"<Error>{fault}</Error>"
    elif service == "ec2":
        kind, text = "text/xml", f"<Response><Errors><Error>{fault}</Error></Errors></Response>"
    elif _is_form(environ):
        kind, text = "text/xml", f"<ErrorResponse><Error>{fault}</Error></ErrorResponse>"
    else:
        kind, text = "application/json", json.dumps({"__type": code, "message": message})
    body = text.encode()
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("x-amzn-ErrorType", code)]
    start_response(status, headers)
    return [body]
