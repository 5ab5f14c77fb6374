"""The server of the local AWS: its log, its errors, its end."""

import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker.errors
import pytest
import requests
from moto.core.responses import BaseResponse
from moto.ec2.models.vpcs import VPCBackend

from local.aws import batch, server
from local.aws.__main__ import main
from local.aws.calls import logged
from local.aws.config import RECLAIM_PATH, Config
from local.errors import LocalError
from local.stack import aws_server
from tests.unit.local.aws.conftest import LocalAws


def test_calls_are_logged_by_name_without_their_content(aws: LocalAws, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "local.aws")
    aws.client("ec2").describe_vpcs(Filters=[{"Name": "tag:secret", "Values": ["hidden"]}])
    aws.client("logs").create_log_group(logGroupName="hidden")
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="logged")
    requests.get(s3.generate_presigned_url("get_object", {"Bucket": "logged", "Key": "a b"}), timeout=10)
    for words in ("ec2 DescribeVpcs 200", "logs CreateLogGroup 200", "s3 PUT /logged 200", "GET /logged/a%20b 404"):
        assert words in caplog.text
    for secret in ("hidden", "Signature", "Credential"):
        assert secret not in caplog.text


def test_secret_paths_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "local.aws")
    environ = {"REQUEST_METHOD": "GET", "RAW_URI": "/v2/credentials/hidden", "REMOTE_ADDR": "127.0.0.1"}
    list(logged(lambda environ, start: start("200 OK", []) or [], paths=False)(environ, lambda *_: None))
    assert ("GET" in caplog.text, "hidden" in caplog.text) == (True, False)


def test_an_upload_that_breaks_off_leaves_no_object(
    aws: LocalAws, refusal: Callable[..., tuple[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "local.aws")
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="broken-off")
    path = s3.generate_presigned_url("put_object", {"Bucket": "broken-off", "Key": "a"}).removeprefix(aws.url)
    host, _, port = aws.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\nhalf".encode())
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
    assert refusal(s3.head_object, Bucket="broken-off", Key="a")[0] == "404"
    assert "PUT /broken-off/a 400" in caplog.text


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("ec2", lambda client: client.create_placement_group(GroupName="a")),
        ("iam", lambda client: client.get_context_keys_for_custom_policy(PolicyInputList=["{}"])),
        ("ecr", lambda client: client.get_account_setting(name="BASIC_SCAN_TYPE_VERSION")),
        ("logs", lambda client: client.get_integration(integrationName="a")),
    ],
)
def test_an_unsupported_operation_is_named(
    aws: LocalAws, refusal: Callable[..., tuple[str, str]], service: str, call: Callable[[Any], Any]
) -> None:
    assert refusal(lambda: call(aws.client(service)))[0] == "NotImplemented"


@pytest.mark.parametrize("path", ["/v1/nosuchoperation", "/v2/submitjob", "/v1/tags/"])
def test_a_path_that_batch_does_not_know_is_refused_as_json(aws: LocalAws, path: str) -> None:
    scope = "AWS4-HMAC-SHA256 Credential=local/20261130/us-east-1/batch/aws4_request, SignedHeaders=host, Signature=a"
    answer = requests.post(f"{aws.url}{path}", json={}, headers={"Authorization": scope}, timeout=10)
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (501, "NotImplemented")
    assert path in answer.json()["message"]


@pytest.mark.parametrize("service", ["ec2", "iam", "ecr", "s3"])
def test_an_error_of_the_local_aws_has_the_form_of_awss_errors(
    aws: LocalAws, refusal: Callable[..., tuple[str, str]], service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise KeyError("something")

    monkeypatch.setattr(BaseResponse, "setup_class", fail)
    call = {"ec2": "describe_vpcs", "iam": "list_roles", "ecr": "describe_repositories", "s3": "list_buckets"}[service]
    code, text = refusal(getattr(aws.client(service), call))
    assert (code, "something" in text) == ("InternalFailure", True)


@pytest.mark.parametrize("path", ["/moto-api/reset", "/latest/meta-data/iam/security-credentials/default-role"])
def test_jobs_cannot_use_the_paths_that_moto_adds(path: str) -> None:
    reached: list[str] = []
    statuses: list[str] = []

    def aws(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        reached.append(environ["PATH_INFO"])
        return []

    guarded = server.for_jobs(aws)
    for asked in (path, "/bucket/key"):
        list(guarded({"PATH_INFO": asked}, lambda status, headers: statuses.append(status)))
    assert (reached, statuses) == (["/bucket/key"], ["403 Forbidden"])


def test_the_user_alone_can_take_a_machine_from_its_jobs(aws: LocalAws) -> None:
    asked: list[list[str]] = []

    def reclaim(jobs: list[str]) -> dict[str, Any]:
        asked.append(jobs)
        return {"instance": "i-1", "jobs": ["a:1"]}

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with server.serving(server.for_user(server.application(), reclaim), listener):
            assert aws_server.reclaim(port, ["a"]) == ("i-1", ["a:1"])
            assert requests.get(f"http://127.0.0.1:{port}/no-such-bucket", timeout=10).status_code == 404
    assert asked == [["a"]]
    statuses: list[str] = []
    guarded = server.for_jobs(server.for_user(server.application(), reclaim))
    list(guarded({"PATH_INFO": RECLAIM_PATH}, lambda status, headers: statuses.append(status)))
    assert statuses == ["403 Forbidden"]


def test_concurrent_calls_about_one_network_run_one_after_the_other(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = 0
    most = 0

    def describe(*args: Any, **kwargs: Any) -> list[Any]:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.02)
        inside -= 1
        return []

    monkeypatch.setattr(VPCBackend, "describe_vpcs", describe)
    ec2 = aws.client("ec2")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: ec2.describe_vpcs(), range(8)))
    assert most == 1


def _config(folder: Path, **changes: Any) -> Config:
    values: dict[str, Any] = {
        "port": 1,
        "registry": "127.0.0.1:1",
        "docker_host": "unix://nowhere",
        "network": "none",
        "idle_image": "none",
        "gateway": "127.0.0.1",
        "vcpus": 1,
        "memory_mib": 1024,
        "label": "biobatch.stack",
        "stack": str(folder),
        "data_dir": folder / "data",
        "log_file": folder / "log",
    }
    return Config(**{**values, **changes})


@pytest.fixture
def signals() -> Iterator[None]:
    """Restores the signal handlers of the process."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch, signals: None) -> list[int]:
    """A server that does not patch this process. It listens on these ports of the loopback interface: for the user, the jobs, the agent."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    queue = iter(listeners)
    monkeypatch.setattr(server, "_listening", lambda address, port: next(queue))
    monkeypatch.setattr(server, "_prepare", lambda config: None)
    monkeypatch.setattr(server, "patch_moto", lambda registry: None)
    return [listener.getsockname()[1] for listener in listeners]


def test_at_sigterm_it_ends_the_jobs_while_it_still_serves(
    ports: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[int] = []

    class Jobs:
        def reclaim(self, jobs: list[str]) -> dict[str, Any]:
            raise AssertionError("nobody asked for it")

        def stop(self) -> None:
            answers.extend(requests.get(f"http://127.0.0.1:{p}/moto-api/", timeout=10).status_code for p in ports)

    monkeypatch.setattr(batch, "install", lambda config, issue: Jobs())
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
    server.run(_config(tmp_path))
    assert answers == [200, 403, 404]
    for port in ports:  # the server can now listen on them
        socket.create_server(("127.0.0.1", port)).close()


def test_an_engine_that_does_not_answer_is_reported(
    ports: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def install(config: Config, issue: Callable[[str], str]) -> None:
        raise docker.errors.DockerException("refused")

    monkeypatch.setattr(batch, "install", install)
    with pytest.raises(LocalError, match="no Docker engine answers at unix://nowhere: refused"):
        server.run(_config(tmp_path))


@pytest.mark.usefixtures("signals")
def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(LocalError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            server.run(_config(tmp_path, port=port))


def test_a_wrong_configuration_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "aws.json"
    path.write_text(json.dumps({"port": 1}))
    monkeypatch.setattr(sys, "argv", ["local.aws", "--config", str(path)])
    assert main() == 1
    words = capsys.readouterr().err
    assert (len(words.splitlines()), str(path) in words) == (1, True)
