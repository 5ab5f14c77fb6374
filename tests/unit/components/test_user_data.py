"""The user data has the format that Batch requires, and its script prepares the instance."""

import base64
import email
import email.policy
import re
import shutil
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest

from components.user_data import user_data

STORE = "Amazon EC2 NVMe Instance Storage"
EBS = "/dev/nvme0n1 Amazon Elastic Block Store"


def message(job_uid: int = 10001) -> EmailMessage:
    parsed = email.message_from_bytes(base64.b64decode(user_data(job_uid), validate=True), policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def script(job_uid: int = 10001) -> str:
    (part,) = message(job_uid).iter_parts()
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


class Machine:
    """A machine with fake commands, which record their calls. Its files are in a folder."""

    #: The real commands that the script may call. They cannot change this machine, even if a test removes a fake command.
    TRUE = ("awk", "bash", "cat", "mkdir", "mv")
    COMMANDS = ("lsblk", "mdadm", "mkfs.xfs", "mount", "chmod", "systemctl", "iptables", "ip6tables", "dnf", "blkid")

    def __init__(self, root: Path, disks: list[str]) -> None:
        self.root, self.log = root, root / "calls"
        self.bin = root / "bin"
        self.bin.mkdir()
        (root / "etc/ecs").mkdir(parents=True)
        (root / "etc/ecs/ecs.config").write_text("ECS_CLUSTER=jobs\n")
        (root / "disks").write_text("".join(f"{disk}\n" for disk in [EBS, *disks]))
        for command in self.TRUE:
            found = shutil.which(command)
            assert found
            (self.bin / command).symlink_to(found)
        for command in self.COMMANDS:
            self.fake(command, f'cat "{root}/disks"' if command == "lsblk" else "")
        self.fake("mountpoint", "exit 1")

    def fake(self, command: str, body: str) -> None:
        path = self.bin / command
        path.write_text(f'#!/bin/bash\necho "{command} $*" >> "{self.log}"\n{body}\n')
        path.chmod(0o755)

    def run(self, text: str) -> int:
        text = text.replace("/etc/", f"{self.root}/etc/").replace("/bin/sh -c", "bash -c")
        text = text.replace("/dev/console", f"{self.root}/console")
        return subprocess.run([self.bin / "bash", "-c", text], env={"PATH": str(self.bin)}, check=False).returncode

    def calls(self, *commands: str) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if not commands or line.split()[0] in commands]

    def start_agent(self) -> int:
        """Runs the steps of the unit before the agent, as systemd does."""
        unit = (self.root / "etc/systemd/system/ecs.service.d/bar-jobs.conf").read_text()
        for step in re.findall(r"^ExecStartPre=(.*)$", unit, re.MULTILINE):
            code = self.run(step.removeprefix("-"))
            if code and not step.startswith("-"):
                return code
        return 0


def machine(tmp_path: Path, disks: int = 0) -> Machine:
    made = Machine(tmp_path, [f"/dev/nvme{i}n1 {STORE}" for i in range(1, disks + 1)])
    assert made.run(script()) == 0
    return made


def test_the_user_data_is_mime_multipart_with_one_shell_script() -> None:
    parsed = message()
    assert parsed["MIME-Version"] == "1.0"
    assert parsed.get_content_type() == "multipart/mixed"
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/x-shellscript"]
    assert [part.defects for part in parsed.walk()] == [[], []]


def test_a_blank_line_precedes_each_boundary() -> None:
    text = base64.b64decode(user_data(10001)).decode("ascii")
    boundary = message().get_boundary()
    assert len(re.findall(f"^--{boundary}(--)?$", text, re.MULTILINE)) == 2
    assert len(re.findall(f"\n\n--{boundary}(--)?\n", text)) == 2


def test_the_user_data_is_within_the_limit_of_ec2() -> None:
    # 16 KB before the encoding (EC2 User Guide, "Run commands when you launch an EC2 instance with user data input").
    assert len(base64.b64decode(user_data(10001))) <= 16 * 1024


def test_shellcheck_finds_nothing_in_the_script() -> None:
    checked = subprocess.run(
        [Path(sys.executable).with_name("shellcheck"), "-"], input=script(), capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout) == (0, "")


def test_the_settings_of_the_agent_are_added_to_those_of_batch(tmp_path: Path) -> None:
    machine(tmp_path)
    settings = dict(line.split("=") for line in (tmp_path / "etc/ecs/ecs.config").read_text().splitlines())
    assert settings["ECS_CLUSTER"] == "jobs"
    assert settings["ECS_ENABLE_SPOT_INSTANCE_DRAINING"] == "true"
    # ECS keeps scratch volumes without a host path for this time.
    assert settings["ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION"] == "10m"


def test_the_jobs_user_id_is_blocked_from_the_instances_credentials_before_the_agent_starts(tmp_path: Path) -> None:
    booted = machine(tmp_path)
    booted.fake("iptables", '[ "$2" = -I ]')
    booted.fake("ip6tables", '[ "$2" = -I ]')
    assert "systemctl daemon-reload" in booted.calls()
    assert booted.start_agent() == 0
    assert [c for c in booted.calls("iptables", "ip6tables") if " -I " in c] == [
        "iptables -w -I OUTPUT -d 169.254.169.254 -m owner --uid-owner 10001 -j REJECT",
        "ip6tables -w -I OUTPUT -d fd00:ec2::254 -m owner --uid-owner 10001 -j REJECT",
    ]


def test_a_restart_of_the_agent_adds_no_second_rule(tmp_path: Path) -> None:
    booted = machine(tmp_path)
    assert booted.start_agent() == 0
    assert [c for c in booted.calls("iptables", "ip6tables") if " -I " in c] == []


@pytest.mark.parametrize(("missing", "starts"), [("iptables", False), ("ip6tables", True)])
def test_an_instance_that_cannot_block_jobs_from_its_credentials_powers_off(
    tmp_path: Path, missing: str, starts: bool
) -> None:
    booted = machine(tmp_path)
    booted.fake(missing, "exit 3")
    assert (booted.start_agent() == 0) is starts
    assert ("systemctl --no-block poweroff" in booted.calls()) is not starts
    # The reason is only in the output of `aws ec2 get-console-output`.
    assert (tmp_path / "console").exists() is not starts


def test_without_an_instance_store_docker_stays_on_the_root_volume(tmp_path: Path) -> None:
    booted = machine(tmp_path)
    assert booted.calls("lsblk")
    assert booted.calls("mdadm", "mkfs.xfs", "mount", "chmod", "dnf", "systemctl") == ["systemctl daemon-reload"]


def test_a_single_nvme_disk_holds_all_of_dockers_data(tmp_path: Path) -> None:
    assert machine(tmp_path, disks=1).calls()[3:] == [
        "mkfs.xfs -f -K /dev/nvme1n1",
        "blkid -s UUID -o value /dev/nvme1n1",
        "systemctl stop docker.socket docker.service",
        "mount /var/lib/docker",
        "chmod 710 /var/lib/docker",
        "systemctl start docker.socket docker.service",
        "systemctl start --no-block ecs.service",
    ]


def test_two_nvme_disks_become_a_raid_0_array(tmp_path: Path) -> None:
    assert machine(tmp_path, disks=2).calls("mdadm", "mkfs.xfs", "mount", "dnf") == [
        "mdadm --create /dev/md0 --run --level=0 --raid-devices=2 /dev/nvme1n1 /dev/nvme2n1",
        "mkfs.xfs -f -K /dev/md0",
        "mount /var/lib/docker",
    ]


def test_without_mdadm_one_disk_holds_dockers_data(tmp_path: Path) -> None:
    made = Machine(tmp_path, [f"/dev/nvme{i}n1 {STORE}" for i in (1, 2)])
    (made.bin / "mdadm").unlink()
    made.fake("dnf", "exit 1")
    assert made.run(script()) == 0
    assert made.calls("mdadm", "mkfs.xfs", "mount", "dnf") == [
        "dnf install -y mdadm",
        "mkfs.xfs -f -K /dev/nvme1n1",
        "mount /var/lib/docker",
    ]


def test_the_script_installs_mdadm_if_it_is_missing(tmp_path: Path) -> None:
    made = Machine(tmp_path, [f"/dev/nvme{i}n1 {STORE}" for i in (1, 2)])
    (made.bin / "mdadm").rename(made.bin / "hidden")
    made.fake("dnf", f'mv "{made.bin}/hidden" "{made.bin}/mdadm"')
    assert made.run(script()) == 0
    assert made.calls("mdadm", "mkfs.xfs", "dnf") == [
        "dnf install -y mdadm",
        "mdadm --create /dev/md0 --run --level=0 --raid-devices=2 /dev/nvme1n1 /dev/nvme2n1",
        "mkfs.xfs -f -K /dev/md0",
    ]


def test_if_a_disk_cannot_be_formatted_docker_keeps_running_on_the_root_volume(tmp_path: Path) -> None:
    broken = Machine(tmp_path, [f"/dev/nvme1n1 {STORE}"])
    broken.fake("mkfs.xfs", "exit 1")
    assert broken.run(script()) != 0
    assert broken.calls("systemctl", "mount") == ["systemctl daemon-reload"]
    assert broken.start_agent() == 0


def test_if_a_disk_cannot_be_mounted_docker_and_the_agent_start_anyway(tmp_path: Path) -> None:
    broken = Machine(tmp_path, [f"/dev/nvme1n1 {STORE}"])
    broken.fake("mount", "exit 1")
    assert broken.run(script()) != 0
    assert broken.calls("systemctl")[-2:] == [
        "systemctl start docker.socket docker.service",
        "systemctl start --no-block ecs.service",
    ]
