"""The credentials of the jobs' roles, at the address of the ECS agent: the gateway of the jobs' network."""

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

#: The port that SDKs use, and no other (ECS Developer Guide, "task IAM role").
PORT = 80

_PREFIX = "/v2/credentials/"
_LIFETIME = timedelta(hours=6)
#: SDKs request new keys some minutes before the old ones expire. Keys that expire sooner than this are of no use to them.
_MARGIN = timedelta(minutes=30)


@dataclass
class _Session:
    """The session of one job with its role."""

    role_arn: str
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    keys: AssumedRole | None = None

    def current(self) -> AssumedRole:
        """The keys of the session. Creates new keys if the present ones expire soon."""
        if self.keys is None or self.keys.expiration - utcnow() < _MARGIN:
            backend: STSBackend = sts_backends[DEFAULT_ACCOUNT_ID]["aws"]
            # Called directly, because the role trusts a service, and a caller over HTTP is a user or a role.
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
    """Opens a session with a role for one job.

    Args:
        role_arn: the role of the job. The caller must have checked that it exists.

    Returns:
        The AWS_CONTAINER_CREDENTIALS_RELATIVE_URI of the job. It gives access to the keys of the role, so it cannot be guessed.
    """
    identity = str(uuid.uuid4())
    with _lock:
        _sessions[identity] = _Session(role_arn)
    return f"{_PREFIX}{identity}"


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answers like the ECS agent: with the keys of the role as JSON, or with the error of the agent."""
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
