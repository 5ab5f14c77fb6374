"""The Docker engine: a running one, or else one that the stack starts and ends.

The stack's engine stores images and layers in the user's cache, so the next stack can use them. A reboot removes its other files. It uses
a separate bridge and containerd namespace, so it can run beside another engine.
"""

import contextlib
import ipaddress
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors
import psutil
import requests

from local.console import say
from local.errors import LocalError
from local.machine import debian, processes
from local.machine.processes import run
from local.paths import CACHE, RUN

ROLE = "docker"
OWN_HOST = f"unix://{RUN}/docker.sock"
DATA = CACHE / "docker"

#: Debian's packages of an engine and of the tools that start one.
_PACKAGES = ("docker.io", "docker-cli", "ca-certificates", "iproute2", "iptables")
_BRIDGE = "biobatch0"
#: The control group of all containers. With it, they are found even after the engine and its shims were killed.
_CGROUP = "biobatch"
#: Networks for the bridge, tried in this order. Only the containers of image builds use it.
_SUBNETS = ("172.31.254.0/24", "10.254.254.0/24", "192.168.254.0/24")


@contextlib.contextmanager
def client(host: str, timeout: int = 60) -> Iterator[docker.DockerClient]:
    """A client of an engine, which is closed when the block ends.

    Args:
        host: address as in DOCKER_HOST.
        timeout: seconds without an answer after which a call fails.

    Raises:
        LocalError: if the engine does not answer.
    """
    try:
        connection = docker.DockerClient(base_url=host, timeout=timeout)
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise LocalError(f"no Docker engine answers at {host}: {error}") from None
    with contextlib.closing(connection):
        yield connection


def answers(host: str) -> bool:
    """Whether a Docker engine answers at this address."""
    try:
        with client(host, timeout=5) as engine:
            return bool(engine.ping())
    except (LocalError, docker.errors.DockerException, requests.RequestException):
        return False


def _candidates() -> list[str]:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    sockets = ["/var/run/docker.sock", *([f"{runtime}/docker.sock"] if runtime else [])]
    sockets += [str(Path.home() / ".docker" / folder / "docker.sock") for folder in ("run", "desktop")]
    return [f"unix://{path}" for path in sockets]


def find() -> str | None:
    """The address of an engine that answers, or None.

    Raises:
        LocalError: if DOCKER_HOST names an engine that does not answer.
    """
    chosen = os.environ.get("DOCKER_HOST")
    # In a local shell of an earlier stack, DOCKER_HOST is the address of the stack's engine.
    if chosen and chosen != OWN_HOST:
        if not answers(chosen):
            raise LocalError(
                f"DOCKER_HOST={chosen}: no Docker engine answers there. Start that engine, or run `unset DOCKER_HOST`."
            )
        return chosen
    return next((host for host in _candidates() if answers(host)), None)


def obtain() -> str | None:
    """Like `find`, but installs Docker if it is missing. None means that `start` must start an engine.

    Raises:
        LocalError: if no engine answers and none can be started.
    """
    if host := find():
        return host
    if sys.platform != "linux" or os.geteuid() != 0:
        raise LocalError(
            f"no Docker engine answers (tried DOCKER_HOST and {', '.join(_candidates())}), and only root on Linux can start one. "
            "Start Docker, or set DOCKER_HOST, or run this as root."
        )
    if not _is_installed():
        if not debian.installable():
            raise LocalError(
                "there is no Docker engine (no dockerd on PATH), and no apt-get to install one. Install Docker: https://docs.docker.com/engine/install"
            )
        debian.install(*_PACKAGES)
        # If an init system runs, the package has started the engine.
        return find()
    return None


def missing_packages() -> tuple[str, ...]:
    """The packages that `obtain` would install."""
    return _PACKAGES if debian.installable() and not _is_installed() and not find() else ()


def _is_installed() -> bool:
    return all(shutil.which(program) for program in ("dockerd", "ip", "iptables"))


def start() -> str:
    """Starts an engine for this stack and returns its address.

    Raises:
        LocalError: if it does not start. The error contains the end of its log.
    """
    say(f"starting a Docker engine for this stack; it keeps image layers in {DATA}")
    clear()
    RUN.mkdir(parents=True, mode=0o700)
    subnet = _free_subnet()
    run(["ip", "link", "add", _BRIDGE, "type", "bridge"], "bridge of the Docker engine")
    run(["ip", "address", "add", f"{subnet[1]}/{subnet.prefixlen}", "dev", _BRIDGE], "bridge of the Docker engine")
    run(["ip", "link", "set", _BRIDGE, "up"], "bridge of the Docker engine")
    # Options in a file, because the machine's /etc/docker/daemon.json could contradict options on the command line.
    settings = {
        "hosts": [OWN_HOST],
        "data-root": str(DATA),
        "exec-root": str(RUN / "exec"),
        "pidfile": str(RUN / "docker.pid"),
        "bridge": _BRIDGE,
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "cgroup-parent": f"/{_CGROUP}",
    }
    (RUN / "daemon.json").write_text(json.dumps(settings))
    namespaces = ["--containerd-namespace=biobatch", "--containerd-plugins-namespace=biobatch-plugins"]
    process = processes.start(ROLE, ["dockerd", "--config-file", RUN / "daemon.json", *namespaces])
    processes.wait_until(lambda: answers(OWN_HOST), process, ROLE, seconds=90)
    return OWN_HOST


def _free_subnet() -> ipaddress.IPv4Network:
    taken = [
        ipaddress.ip_interface(f"{address.address}/{address.netmask or 32}").network
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET
    ]
    for subnet in map(ipaddress.IPv4Network, _SUBNETS):
        if not any(subnet.overlaps(other) for other in taken):
            return subnet
    raise LocalError(
        f"the machine uses all of {', '.join(_SUBNETS)}. The Docker engine needs one of them for its bridge."
    )


def stop(root: Path) -> None:
    """Ends the stack's engine and removes everything that belongs to it, also after a crash.

    Args:
        root: folder of the clone that started it.
    """
    # A daemon that ends normally ends its containerd too. `clear` removes what remains after a SIGKILL.
    processes.stop(processes.running(root, ROLE)[:1], seconds=20)
    clear()


def clear() -> None:
    """Removes what the stack's engine leaves behind when it is killed: processes, mounts, interfaces and firewall rules."""
    processes.stop(leftovers(), seconds=5)
    mounts = [p.mountpoint for p in psutil.disk_partitions(all=True) if _is_of_stack_engine(Path(p.mountpoint))]
    for mount in sorted(mounts, reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)
    root = Path("/sys/fs/cgroup")
    # Not deeper, because groups of other engines appear and disappear during a search.
    for group in [root / _CGROUP, *root.glob(f"*/{_CGROUP}")]:
        for folder in sorted(group.glob("**/"), reverse=True):
            with contextlib.suppress(OSError):
                folder.rmdir()
    bridges = list(Path("/sys/class/net").glob("biobatch*"))
    for interface in [*(end for bridge in bridges for end in bridge.glob("brif/*")), *bridges]:
        subprocess.run(["ip", "link", "delete", interface.name], check=False, capture_output=True)
    if shutil.which("iptables"):
        _clear_firewall()
    shutil.rmtree(RUN, ignore_errors=True)


def _is_of_stack_engine(path: Path) -> bool:
    return path.is_relative_to(DATA) or path.is_relative_to(RUN)


def leftovers() -> list[psutil.Process]:
    """Processes of the stack's engine and of its containers, including orphans."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            groups = Path(f"/proc/{process.pid}/cgroup").read_text()
            if f":/{_CGROUP}/" in groups or any(argument.startswith(f"{RUN}/") for argument in process.cmdline()):
                found.append(process)
    return found


def _clear_firewall() -> None:
    for table in ("nat", "filter"):
        rules = subprocess.run(["iptables", "-t", table, "-S"], check=False, capture_output=True, text=True)
        for rule in rules.stdout.splitlines():
            action, *rest = shlex.split(rule)
            if action == "-A" and any(word.startswith("biobatch") for word in rest):
                subprocess.run(["iptables", "-t", table, "-D", *rest], check=False, capture_output=True)


def machine(host: str) -> tuple[int, int]:
    """The vCPUs, and the memory in MiB, that an engine can give to jobs. One GiB stays free for everything else.

    Args:
        host: address of the engine.
    """
    with client(host) as engine:
        info = engine.info()
    return int(info["NCPU"]), max(1024, int(info["MemTotal"]) // 2**20 - 1024)
