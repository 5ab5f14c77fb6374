"""The credentials of the jobs' roles, where the ECS agent answers for them: at the gateway of the jobs' network."""

import json
import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.utils import utcnow
from moto.sts.models import AssumedRole, STSBackend, sts_backends

#: Where SDKs ask, and no other port (ECS Developer Guide, "task IAM role").
PORT = 80

_PREFIX = "/v2/credentials/"
_LIFETIME = timedelta(hours=6)
#: SDKs ask anew some minutes before the end; keys with less than this to live are no use to them.
_MARGIN = timedelta(minutes=30)


@dataclass
class _Session:
    """One job's session of its role."""

    role_arn: str
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    keys: AssumedRole | None = None

    def current(self) -> AssumedRole:
        """The session's keys, new ones if those before end soon."""
        if self.keys is None or self.keys.expiration - utcnow() < _MARGIN:
            backend: STSBackend = sts_backends[DEFAULT_ACCOUNT_ID]["aws"]
            # In process: the role trusts a service, and over HTTP a caller is a user or a role.
            self.keys = backend.assume_role(
                region_name="us-east-1",
                role_session_name=self.name,
                role_arn=self.role_arn,
                policy="",
                duration=int(_LIFETIME.total_seconds()),
                external_id="",
            )
        return self.keys


_sessions: dict[str, _Session] = {}
_lock = threading.Lock()


def issue(role_arn: str) -> str:
    """Opens a session of a role for one job.

    Args:
        role_arn: the job's role; that it exists is the caller's to have checked.

    Returns:
        The job's AWS_CONTAINER_CREDENTIALS_RELATIVE_URI. Who knows it gets the role's keys, so nobody can guess it.
    """
    identity = str(uuid.uuid4())
    with _lock:
        _sessions[identity] = _Session(role_arn)
    return f"{_PREFIX}{identity}"


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answers as the ECS agent does: the role's keys as JSON, or the agent's error."""
    path = str(environ["PATH_INFO"])
    with _lock:
        session = _sessions.get(path.removeprefix(_PREFIX)) if path.startswith(_PREFIX) else None
        keys = session.current() if session else None
    if keys:
        status = "200 OK"
        answer = {
            "RoleArn": keys.role_arn,
            "AccessKeyId": keys.access_key_id,
            "SecretAccessKey": keys.secret_access_key,
            "Token": keys.session_token,
            "Expiration": _timestamp(keys.expiration),
        }
    else:
        status = "404 Not Found"
        answer = {"code": "InvalidIdInRequest", "message": "CredentialsV2Request: Credentials not found"}
    body = json.dumps(answer).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
