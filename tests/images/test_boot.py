"""Runs the boot script in a container, with real tools, file systems and firewall rules, and with fake disks.

Loop devices replace the instance store, and a fake /sys names their model (`lsblk --sysroot`). A fake systemctl records its calls. If this
kernel has no md driver, one disk of the array's size replaces the array.
"""

import base64
import email
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from components.user_data import user_data
from local.machine import docker_engine
from local.paths import ROOT
from local.stack import base_image, docker_objects

STORE = "Amazon EC2 NVMe Instance Storage"
EBS = "Amazon Elastic Block Store"
MIB_A_DISK = 400
METADATA, TASK_CREDENTIALS = "169.254.169.254", "169.254.170.2"


class Machine:
    """A container that boots like an instance."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.run(
            "mknod /dev/loop-control c 10 237; for i in {0..31}; do mknod /dev/loop$i b 7 $i; done; mkdir -p /machine/{sys,proc,dev}"
        )
        self.run(
            "mkdir -p /etc/ecs /var/lib/docker; echo ECS_CLUSTER=jobs > /etc/ecs/ecs.config; touch /machine/systemctl"
        )
        self._model("nvme0n1", "259:0", EBS)

    def attempt(self, script: str, user: int = 0) -> tuple[int, str]:
        """Returns the exit code and the output."""
        code, said = self.container.exec_run(["bash", "-c", script], user=str(user))
        assert isinstance(code, int)
        assert isinstance(said, bytes)
        return code, said.decode()

    def run(self, script: str) -> str:
        code, said = self.attempt(script)
        assert code == 0, said
        return said

    def add_disk(self, number: int) -> None:
        name, image = f"nvme{number}n1", f"/machine/disk{number}"
        loop = self.run(f"truncate --size {MIB_A_DISK}M {image}; losetup --find --show {image}").strip()
        minor = loop.removeprefix("/dev/loop")
        self.run(f"mknod /dev/{name} b 7 {minor}")
        self._model(name, f"7:{minor}", STORE)

    def _model(self, name: str, number: str, model: str) -> None:
        device = f"/machine/sys/devices/{name}"
        files = {
            "device/model": f"{model:40}",
            "size": f"{MIB_A_DISK * 2048}",
            "dev": number,
            "removable": "0",
            "ro": "0",
        }
        self.run(
            f"mkdir -p /machine/sys/{{block,dev/block,class/block}} {device}/{{device,holders,slaves,queue}}; "
            + "".join(f"echo {shlex.quote(content)} > {device}/{path}; " for path, content in files.items())
            + "".join(
                f"ln -s {device} /machine/sys/{at}; "
                for at in (f"block/{name}", f"class/block/{name}", f"dev/block/{number}")
            )
        )

    def boot(self) -> None:
        """Runs the user data, as cloud-init does at the first boot of an instance."""
        message = email.message_from_bytes(base64.b64decode(user_data(10001)))
        script = next(part for part in message.walk() if part.get_content_type() == "text/x-shellscript")
        self.run(
            f"cat > /machine/boot <<'END OF SCRIPT'\n{script.get_payload()}\nEND OF SCRIPT\nbash /machine/boot 2>&1"
        )

    def calls(self) -> list[str]:
        """Returns the calls of systemctl, each with the file system of Docker's data at that time."""
        return self.run("cat /machine/systemctl").splitlines()

    def start_agent(self) -> None:
        """Runs the steps that the script has added to the agent's unit."""
        unit = self.run("cat /etc/systemd/system/ecs.service.d/*.conf")
        for optional, step in re.findall(r"^ExecStartPre=(-?)(.*)$", unit, re.MULTILINE):
            code, said = self.attempt(step)
            assert code == 0 or optional, said

    def reaches(self, address: str, user: int) -> bool:
        return self.attempt(f"timeout 10 bash -c 'exec 3<> /dev/tcp/{address}/80 && head -n 1 <&3'", user) == (
            0,
            "here\n",
        )

    def clear(self) -> None:
        """Releases the loop devices, which belong to this machine."""
        self.attempt(
            "umount /var/lib/docker; losetup --list --noheadings --output NAME,BACK-FILE "
            "| awk '$2 ~ \"^/machine/\" { print $1 }' | xargs --no-run-if-empty losetup --detach"
        )


@pytest.fixture(scope="module")
def engine_client(request: pytest.FixtureRequest) -> Iterator[docker.DockerClient]:
    with docker_engine.client(
        docker_engine.find() or request.getfixturevalue("local_stack").docker_host, timeout=600
    ) as client:
        yield client


@pytest.fixture(scope="module")
def image(engine_client: docker.DockerClient) -> str:
    base_image.obtain(engine_client)
    built, _ = engine_client.images.build(
        path=str(Path(__file__).with_name("machine")), tag="biobatch-cache/machine", rm=True, forcerm=True
    )
    return str(built.id)


@pytest.fixture
def machine(engine_client: docker.DockerClient, image: str) -> Iterator[Callable[[int], Machine]]:
    """Returns a function that creates the machine of a test with a number of local disks."""
    container = engine_client.containers.run(
        image,
        ["sleep", "infinity"],
        detach=True,
        init=True,
        cap_add=["SYS_ADMIN", "NET_ADMIN"],
        security_opt=["seccomp=unconfined", "apparmor=unconfined"],
        device_cgroup_rules=["b 7:* rwm", "c 10:237 rwm"],
        labels={docker_objects.LABEL: str(ROOT)},
    )
    made = Machine(container)

    def with_disks(count: int) -> Machine:
        for number in range(1, count + 1):
            made.add_disk(number)
        return made

    try:
        yield with_disks
    finally:
        made.clear()
        container.remove(force=True, v=True)


def test_without_local_disks_docker_stays_on_the_root_volume(machine: Callable[[int], Machine]) -> None:
    booted = machine(0)
    booted.boot()
    assert booted.calls() == ["daemon-reload [root]"]
    assert booted.run("cat /etc/ecs/ecs.config").startswith("ECS_CLUSTER=jobs\nECS_")


@pytest.mark.parametrize("disks", [1, 2, 3])
def test_all_local_disks_hold_dockers_data_before_docker_restarts(
    machine: Callable[[int], Machine], disks: int
) -> None:
    booted = machine(disks)
    booted.boot()
    assert booted.calls() == [
        "daemon-reload [root]",
        "stop docker.socket docker.service [root]",
        "start docker.socket docker.service [xfs]",
        "start --no-block ecs.service [xfs]",
    ]
    size, options = booted.run("findmnt --noheadings --bytes --output SIZE,OPTIONS /var/lib/docker").split()
    # The log of the file system takes 64 MiB.
    assert disks * MIB_A_DISK * 0.75 < int(size) / 2**20 <= disks * MIB_A_DISK
    assert "noatime" in options.split(",")
    assert booted.run("stat --format %a /var/lib/docker") == "710\n"


@pytest.mark.parametrize("disks", [1, 2])
def test_a_reboot_and_a_second_run_keep_the_data(machine: Callable[[int], Machine], disks: int) -> None:
    booted = machine(disks)
    booted.boot()
    booted.run("echo kept > /var/lib/docker/layer; umount /var/lib/docker")
    # On an instance, udev creates this link.
    booted.run(
        "store=/dev/md0; [ -b $store ] || store=/dev/nvme1n1; mkdir -p /dev/disk/by-uuid; "
        "ln -s $store /dev/disk/by-uuid/$(blkid -s UUID -o value $store); mount --all"
    )
    booted.boot()
    assert booted.run("cat /var/lib/docker/layer") == "kept\n"
    assert booted.run("grep --count docker /etc/fstab") == "1\n"
    assert booted.calls()[4:] == ["daemon-reload [xfs]"]


def test_jobs_reach_the_credentials_of_their_role_but_not_those_of_the_instance(
    machine: Callable[[int], Machine],
) -> None:
    booted = machine(0)
    for address in (METADATA, TASK_CREDENTIALS):
        booted.run(
            f"ip address add {address}/32 dev lo; "
            f"(socat TCP-LISTEN:80,bind={address},fork,reuseaddr 'SYSTEM:echo here' > /dev/null 2>&1 &) ; "
            f"for i in {{1..50}}; do (: < /dev/tcp/{address}/80) 2> /dev/null && exit 0; sleep 0.1; done; exit 1"
        )
    assert booted.reaches(METADATA, user=10001)
    booted.boot()
    for _ in range(2):
        booted.start_agent()
        assert not booted.reaches(METADATA, user=10001)
        assert booted.reaches(TASK_CREDENTIALS, user=10001)
        assert booted.reaches(METADATA, user=0)
        assert booted.reaches(METADATA, user=10002)
    assert booted.run("iptables -S OUTPUT").count("REJECT") == 1


def test_an_instance_that_cannot_block_its_credentials_powers_off_before_the_agent_starts(
    machine: Callable[[int], Machine],
) -> None:
    booted = machine(0)
    booted.boot()
    booted.run("mv $(command -v iptables) /machine/iptables")
    with pytest.raises(AssertionError):
        booted.start_agent()
    assert booted.calls()[1:] == ["--no-block poweroff [root]"]


def test_a_restart_of_the_agent_adds_no_second_rule_and_does_not_power_off(
    machine: Callable[[int], Machine],
) -> None:
    booted = machine(0)
    booted.boot()
    for _ in range(2):
        booted.start_agent()
    assert booted.run("iptables -S OUTPUT").count("REJECT") == 1
    assert booted.calls() == ["daemon-reload [root]"]


def test_without_mdadm_one_disk_holds_dockers_data(machine: Callable[[int], Machine]) -> None:
    booted = machine(2)
    # The script cannot install mdadm, because Debian has no dnf.
    booted.run("rm -f $(type -ap mdadm)")
    booted.boot()
    assert booted.calls()[-1] == "start --no-block ecs.service [xfs]"
    size = int(booted.run("findmnt --noheadings --bytes --output SIZE /var/lib/docker"))
    assert MIB_A_DISK * 0.75 < size / 2**20 <= MIB_A_DISK
