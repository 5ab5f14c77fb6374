"""The local AWS as a process: `python -m local.aws`, one per stack."""

import contextlib
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence

import psutil

from local.aws.config import RECLAIM_PATH
from local.console import say
from local.errors import LocalError
from local.machine import docker_engine, ports, processes
from local.paths import LOCAL, LOGS, NO_PROFILES, ROOT
from local.record import Record
from local.stack.base_image import BASE_IMAGE
from local.stack.docker_objects import GATEWAY, LABEL, NETWORK

ROLE = "aws"
_DATA = LOCAL / "aws"
#: The buckets and objects of S3 (local.aws.s3.records).
OBJECTS = _DATA / "s3"
#: Port of the ECS agent. SDKs accept no other.
_CREDENTIALS_PORT = 80


def start(record: Record) -> None:
    """Starts the local AWS and waits until it answers.

    Raises:
        LocalError: if port 80 of the job network's gateway is in use, or the local AWS does not start.
    """
    say(f"starting the local AWS on 127.0.0.1:{record.aws_port}")
    if not ports.is_free(_CREDENTIALS_PORT, GATEWAY):
        raise LocalError(
            f"{_listener(_CREDENTIALS_PORT)} listens on port {_CREDENTIALS_PORT} of every address. Jobs get the credentials of their role "
            f"at {GATEWAY}:{_CREDENTIALS_PORT}. Stop that program, or make it listen on other addresses only."
        )
    vcpus, memory_mib = docker_engine.machine(record.docker_host)
    LOGS.mkdir(parents=True, exist_ok=True)
    NO_PROFILES.touch()
    config = LOCAL / "aws.json"
    config.write_text(
        json.dumps(
            {
                "port": record.aws_port,
                "registry": f"127.0.0.1:{record.registry_port}",
                "docker_host": record.docker_host,
                "network": NETWORK,
                "idle_image": BASE_IMAGE,
                "gateway": GATEWAY,
                "vcpus": vcpus,
                "memory_mib": memory_mib,
                "label": LABEL,
                "stack": str(ROOT),
                "data_dir": str(_DATA),
                "log_file": str(LOGS / "aws-server.log"),
            },
            indent=2,
        )
    )
    process = processes.start(ROLE, [sys.executable, "-m", "local.aws", "--config", config])
    processes.wait_until(lambda: answers(record.aws_port), process, ROLE, seconds=60)


def answers(port: int) -> bool:
    """Whether the local AWS answers on this port."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=5) as response:
            return bool(response.status == 200)
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False


def reclaim(port: int, jobs: Sequence[str]) -> tuple[str, list[str]]:
    """Takes the machine from running jobs, as EC2 does when it reclaims a Spot instance.

    Args:
        port: of the local AWS.
        jobs: ids of jobs, arrays or children. Empty: all running jobs.

    Returns:
        The id of the instance, and the ids of the jobs that ran on it.
    """
    request = urllib.request.Request(f"http://127.0.0.1:{port}{RECLAIM_PATH}", json.dumps(list(jobs)).encode())
    with urllib.request.urlopen(request, timeout=60) as response:
        answer = json.load(response)
    return answer["instance"], answer["jobs"]


def _listener(port: int) -> str:
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return "another program"
