"""The traces of a stack on this machine."""

from pathlib import Path

import psutil

from local.machine import docker_engine, processes
from local.paths import CACHE, ROOT, RUN
from local.record import Record
from local.stack import docker_objects, emulator


def left_on_the_machine(record: Record) -> dict[str, list[str]]:
    """Everything of a stack that is left on this machine, by kind. Empty if nothing is left."""
    found = {
        "processes": [str(process) for process in processes.running(ROOT)],
        "engine": [str(process) for process in docker_engine.leftovers()],
        "interfaces": [name for name in psutil.net_if_addrs() if name.startswith("biobatch")],
        "mounts": [p.mountpoint for p in psutil.disk_partitions(all=True) if _is_ours(p.mountpoint)],
        "emulators": emulator.ours(),
        "control groups": [str(path) for path in Path("/sys/fs/cgroup").glob("*/biobatch")],
        "files": [
            str(path) for path in (ROOT / ".local", ROOT / ".biobatch", RUN, CACHE / "stack.json") if path.exists()
        ],
    }
    if not record.own_engine:
        with docker_engine.client(record.docker_host) as client:
            label: dict[str, str | list[str] | bool] = {"label": f"{docker_objects.LABEL}={ROOT}"}
            found["containers"] = [str(c.id) for c in client.containers.list(all=True, filters=label)]
            found["networks"] = [str(n.id) for n in client.networks.list(filters=label)]
    return {kind: things for kind, things in found.items() if things}


def _is_ours(path: str) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in (CACHE, RUN, ROOT / ".local"))
