"""The credentials of a job, from the endpoint of the ECS agent."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from local.aws import credentials
from tests.unit.local.aws.conftest import LocalAws

ROLE = "arn:aws:iam::123456789012:role/path/jobs"


def _get(path: str) -> tuple[str, dict[str, Any]]:
    environ: dict[str, Any] = {"PATH_INFO": path}
    setup_testing_defaults(environ)
    status: list[str] = []
    body = b"".join(credentials.application(environ, lambda line, headers: status.append(line)))
    return status[0], json.loads(body)


def test_a_session_belongs_to_the_role_of_the_job(aws: LocalAws) -> None:
    status, answer = _get(credentials.issue(ROLE))
    assert (status, answer["RoleArn"]) == ("200 OK", ROLE)
    sts = aws.client(
        "sts",
        aws_access_key_id=answer["AccessKeyId"],
        aws_secret_access_key=answer["SecretAccessKey"],
        aws_session_token=answer["Token"],
    )
    assert sts.get_caller_identity()["Arn"].startswith("arn:aws:sts::123456789012:assumed-role/jobs/")
    lifetime = datetime.fromisoformat(answer["Expiration"].replace("Z", "+00:00")) - datetime.now(timezone.utc)
    assert timedelta(hours=5) < lifetime < timedelta(hours=7)


def test_each_job_has_its_own_session_and_keeps_it() -> None:
    first, second = credentials.issue(ROLE), credentials.issue(ROLE)
    assert _get(first) == _get(first)
    assert _get(first)[1]["AccessKeyId"] != _get(second)[1]["AccessKeyId"]


def test_keys_that_expire_soon_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = credentials.issue(ROLE)
    before = _get(uri)[1]
    later = datetime.now(timezone.utc).replace(tzinfo=None) + timedelta(hours=5, minutes=45)
    monkeypatch.setattr(credentials, "utcnow", lambda: later)
    assert _get(uri)[1]["AccessKeyId"] != before["AccessKeyId"]


@pytest.mark.parametrize("path", ["/", "/v2/credentials/", "/v2/credentials/unknown", "/v3/unknown"])
def test_an_unknown_path_is_refused_in_the_agents_form(path: str) -> None:
    status, answer = _get(path)
    assert (status, answer["code"]) == ("404 Not Found", "InvalidIdInRequest")
