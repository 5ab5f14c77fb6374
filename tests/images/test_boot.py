"""Runs the boot script in a container, with real tools, file systems and firewall rules, and with fake disks.

Loop devices replace the instance store, and a fake /sys names their model (`lsblk --sysroot`). A fake systemctl records its calls. If this
kernel has no md driver, one disk of the array's size replaces the array. Cgroups of version 2 are mounted, and the test makes those that
systemd and the ECS agent would make.
"""

import base64
import contextlib
import email
import io
import re
import shlex
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import docker.errors
import pytest
from docker.models.containers import Container
from docker.models.images import Image

from components.user_data import user_data
from local.machine import docker_engine
from local.paths import ROOT
from local.record import Record
from local.stack import base_image, docker_objects
from tests.images.containers import REGISTRY_LOGIN, Images
from tests.images.instance_services import ECR, REGION, Services, instance_services

STORE = "Amazon EC2 NVMe Instance Storage"
EBS = "Amazon Elastic Block Store"
MIB_A_DISK = 400
METADATA, TASK_CREDENTIALS = "169.254.169.254", "169.254.170.2"
METADATA_6 = "fd00:ec2::254"

CGROUPS = "/machine/cgroup"
#: The cgroups of a task and its container, as the ECS agent and Docker make them (aws/amazon-ecs-agent, `buildCgroupV2Root`).
TASK = f"ecstasks.slice/ecstasks-{'5f' * 16}.slice/docker-{'a1' * 32}.scope"
#: What Docker gives to the root of a container (Docker, "Runtime privilege and Linux capabilities").
CONTAINER_ROOT = "chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,net_raw,sys_chroot,mknod,audit_write,setfcap"


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
        self.run(f"mkdir -p {CGROUPS} && mount -t cgroup2 none {CGROUPS}")
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

    def boot(self, engine_image: str = "") -> None:
        """Runs the user data, as cloud-init does at the first boot of an instance."""
        message = email.message_from_bytes(base64.b64decode(user_data(10001, engine_image)))
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

    def start_task(self) -> None:
        """Makes the cgroups of a task."""
        self.run(f"mkdir -p {CGROUPS}/{TASK}")

    def in_task(self, user: int, command: str) -> tuple[int, str]:
        """Runs a command in the task's container, with the capabilities that Docker gives to the user."""
        kept = "".join(f",+{name}" for name in CONTAINER_ROOT.split(","))
        ids = f"--reuid {user} --regid {user} --clear-groups " if user else ""
        return self.attempt(
            f"echo $$ > {CGROUPS}/{TASK}/cgroup.procs && "
            f"exec setpriv --bounding-set=-all{kept} --inh-caps=-all {ids}bash -c {shlex.quote(command)}"
        )

    def reaches(self, address: str, user: int, *, task: bool = False) -> bool:
        command = f"timeout 10 socat -u TCP:{address}:80 STDOUT"
        code, said = self.in_task(user, command) if task else self.attempt(command, user)
        return (code, said) == (0, "here\n")

    def clear(self) -> None:
        """Releases the loop devices, which belong to this machine."""
        self.attempt(
            f"rmdir {CGROUPS}/{TASK} {CGROUPS}/{TASK.rpartition('/')[0]} {CGROUPS}/ecstasks.slice; "
            "umount /var/lib/docker; losetup --list --noheadings --output NAME,BACK-FILE "
            "| awk '$2 ~ \"^/machine/\" { print $1 }' | xargs --no-run-if-empty losetup --detach"
        )


@pytest.fixture(scope="module")
def engine_host(request: pytest.FixtureRequest) -> str:
    """The address of the engine."""
    return docker_engine.find() or str(request.getfixturevalue("local_stack").docker_host)


@pytest.fixture(scope="module")
def engine_client(engine_host: str) -> Iterator[docker.DockerClient]:
    with docker_engine.client(engine_host, timeout=600) as client:
        yield client


@pytest.fixture(scope="module")
def image(engine_client: docker.DockerClient) -> str:
    base_image.obtain(engine_client)
    built, _ = engine_client.images.build(
        path=str(Path(__file__).with_name("machine")), tag="biobatch-cache/machine", rm=True, forcerm=True
    )
    return str(built.id)


@pytest.fixture
def machine(engine_client: docker.DockerClient, engine_host: str, image: str) -> Iterator[Callable[[int], Machine]]:
    """Returns a function that creates the machine of a test with a number of local disks."""
    container = engine_client.containers.run(
        image,
        ["sleep", "infinity"],
        detach=True,
        init=True,
        cap_add=["SYS_ADMIN", "NET_ADMIN"],
        security_opt=["seccomp=unconfined", "apparmor=unconfined"],
        cgroupns="private",
        volumes=[f"{engine_host.removeprefix('unix://')}:/var/run/docker.sock"],
        sysctls={"net.ipv6.conf.all.disable_ipv6": "0"},
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


@pytest.fixture
def serving(machine: Callable[[int], Machine]) -> Machine:
    """A machine without local disks, with a metadata service and a service for the credentials of tasks."""
    booted = machine(0)
    for address, family in ((METADATA, "4"), (TASK_CREDENTIALS, "4"), (METADATA_6, "6")):
        name = f"[{address}]" if family == "6" else address
        booted.run(
            f"ip address add {address}/{'128' if family == '6' else '32'} dev lo nodad; "
            f"(socat TCP{family}-LISTEN:80,bind={name},fork,reuseaddr 'SYSTEM:echo here' > /dev/null 2>&1 &) ; "
            f"for i in {{1..50}}; do socat -u TCP:{name}:80 /dev/null 2> /dev/null && exit 0; sleep 0.1; done; exit 1"
        )
    return booted


@pytest.mark.parametrize("metadata", [METADATA, f"[{METADATA_6}]"])
def test_jobs_reach_the_credentials_of_their_role_but_not_those_of_the_instance(
    serving: Machine, metadata: str
) -> None:
    assert serving.reaches(metadata, user=10001)
    serving.boot()
    # The second start finds the rules of the first.
    for _ in range(2):
        serving.start_agent()
        serving.start_task()
        assert not serving.reaches(metadata, user=10001)
        for user in (0, 10001, 10002):
            assert not serving.reaches(metadata, user, task=True)
            assert serving.reaches(TASK_CREDENTIALS, user, task=True)
        # The agent, Session Manager and others.
        assert serving.reaches(metadata, user=0)
        assert serving.reaches(metadata, user=10002)
    assert serving.run("iptables -S OUTPUT").count("REJECT") == 2
    assert serving.run("ip6tables -S OUTPUT").count("REJECT") == 2


def test_root_of_a_container_cannot_remove_the_rules_or_leave_its_cgroup(serving: Machine) -> None:
    serving.boot()
    serving.start_agent()
    serving.start_task()
    for attack in (
        "iptables -F OUTPUT",
        "iptables -I OUTPUT -j ACCEPT",
        "mount -t cgroup2 none /mnt",
        "ip address flush dev lo",
    ):
        code, said = serving.in_task(0, attack)
        assert code != 0, said
    assert not serving.reaches(METADATA, user=0, task=True)


def test_the_rule_matches_tasks_that_start_and_end_later(serving: Machine) -> None:
    serving.boot()
    serving.start_agent()
    for _ in range(2):
        serving.start_task()
        assert not serving.reaches(METADATA, user=0, task=True)
        # The slice of all tasks stays, as systemd keeps it.
        serving.run(f"rmdir {CGROUPS}/{TASK} {CGROUPS}/{TASK.rpartition('/')[0]}")


def test_without_the_cgroup_of_the_tasks_the_machine_powers_off(machine: Callable[[int], Machine]) -> None:
    booted = machine(0)
    booted.boot()
    booted.run(f"umount {CGROUPS} && rmdir {CGROUPS}")
    with pytest.raises(AssertionError):
        booted.start_agent()
    assert booted.calls()[1:] == ["start ecstasks.slice [root]", "--no-block poweroff [root]"]


def test_an_instance_that_cannot_block_its_credentials_powers_off_before_the_agent_starts(
    machine: Callable[[int], Machine],
) -> None:
    booted = machine(0)
    booted.boot()
    booted.run("mv $(command -v iptables) /machine/iptables")
    with pytest.raises(AssertionError):
        booted.start_agent()
    assert booted.calls()[1:] == ["start ecstasks.slice [root]", "--no-block poweroff [root]"]


def test_a_restart_of_the_agent_adds_no_second_rule_and_does_not_power_off(
    machine: Callable[[int], Machine],
) -> None:
    booted = machine(0)
    booted.boot()
    for _ in range(2):
        booted.start_agent()
    assert booted.run("iptables -S OUTPUT").count("REJECT") == 2
    assert booted.calls() == ["daemon-reload [root]", *2 * ["start ecstasks.slice [root]"]]


def test_without_mdadm_one_disk_holds_dockers_data(machine: Callable[[int], Machine]) -> None:
    booted = machine(2)
    # The script cannot install mdadm, because Debian has no dnf.
    booted.run("rm -f $(type -ap mdadm)")
    booted.boot()
    assert booted.calls()[-1] == "start --no-block ecs.service [xfs]"
    size = int(booted.run("findmnt --noheadings --bytes --output SIZE /var/lib/docker"))
    assert MIB_A_DISK * 0.75 < size / 2**20 <= MIB_A_DISK


@pytest.fixture
def engine_image(images: Images, local_stack: Record, registry_with_login: str, tmp_path: Path) -> Iterator[str]:
    """The URI in ECR of an image with the files for engines, as links like those of the base image. Only the registry has the image."""
    files = {"usr/local/bin/job": b"program", "etc/ssl/certs/ca-certificates.crt": b"roots"}
    links = {
        "opt/biobatch/bin/aws": "/usr/local/bin/job",
        "opt/biobatch/etc/ca.pem": "/etc/ssl/certs/ca-certificates.crt",
    }
    with tarfile.open(tmp_path / "files.tar", "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755 if "bin" in name else 0o644
            archive.addfile(member, io.BytesIO(content))
        for name, target in links.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    (tmp_path / "Dockerfile").write_text("FROM scratch\nADD files.tar /\n")
    tag = f"127.0.0.1:{local_stack.registry_port}/login/engine"
    built: Image
    built, _ = images.engine.images.build(path=str(tmp_path), tag=f"{tag}:1", rm=True, forcerm=True)
    for line in images.engine.images.push(tag, "1", stream=True, decode=True):
        assert "error" not in line, line
    (digest,) = {each.partition("@")[2] for each in images.engine.images.get(f"{tag}:1").attrs["RepoDigests"]}
    images.engine.images.remove(str(built.id), force=True)
    yield f"123456789012.dkr.ecr.{REGION}.amazonaws.com/login/engine@{digest}"
    with contextlib.suppress(docker.errors.ImageNotFound):
        images.engine.images.remove(f"{registry_with_login}/login/engine@{digest}", force=True)


@pytest.fixture
def connected(machine: Callable[[int], Machine], registry_with_login: str) -> Iterator[tuple[Machine, Services]]:
    """A machine that reaches a metadata service and, over TLS, an ECR that checks signatures. Its Docker is the real one of this machine."""
    booted = machine(0)
    booted.container.reload()
    gateway = next(iter(booted.container.attrs["NetworkSettings"]["Networks"].values()))["Gateway"]
    with instance_services(REGISTRY_LOGIN["password"]) as services:
        here = f"TCP:{gateway}:{services.port}"
        booted.run(
            f"echo {registry_with_login} > /machine/registry; ip address add {METADATA}/32 dev lo; echo 127.0.0.1 {ECR} >> /etc/hosts; "
            f"cd /machine; openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN={ECR} -addext subjectAltName=DNS:{ECR} "
            "-keyout key.pem -out /usr/local/share/ca-certificates/ecr.crt 2> /dev/null; update-ca-certificates > /dev/null 2>&1; "
            f"(socat TCP-LISTEN:80,bind={METADATA},fork,reuseaddr {here} > /dev/null 2>&1 &) ; "
            "(socat OPENSSL-LISTEN:443,bind=127.0.0.1,fork,reuseaddr,verify=0,key=key.pem,cert=/usr/local/share/ca-certificates/ecr.crt "
            f"{here} > /dev/null 2>&1 &) ; sleep 0.5"
        )
        yield booted, services


def test_the_files_for_engines_come_from_the_image_with_a_signed_login(
    connected: tuple[Machine, Services], engine_image: str
) -> None:
    booted, services = connected
    services.outages = 1
    booted.boot(engine_image)
    assert services.refused == []
    assert services.outages == 0
    assert booted.run("cat /opt/biobatch/bin/aws /opt/biobatch/etc/ca.pem") == "programroots"
    assert booted.run("stat --format '%a %U %F' /opt/biobatch/bin/aws /opt/biobatch/etc/ca.pem") == (
        "755 root regular file\n644 root regular file\n"
    )
    # No login is left behind.
    assert booted.run("find / -xdev -name config.json -path '*docker*' 2> /dev/null; ls /run | grep tmp || true") == ""


def test_an_image_with_another_digest_is_not_used(connected: tuple[Machine, Services], engine_image: str) -> None:
    booted, _ = connected
    booted.run("printf '#!/bin/bash\n' > /usr/local/bin/sleep; chmod +x /usr/local/bin/sleep")
    with pytest.raises(AssertionError):
        booted.boot(f"{engine_image.partition('@')[0]}@sha256:{'0' * 64}")
    assert booted.calls()[-1] == "--no-block poweroff [root]"
    assert booted.run("ls /opt") == ""
