"""The user data has the format that Batch requires, and its script prepares the instance."""

import base64
import email
import email.policy
import json
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


#: As ToolImage gives it.
ENGINE_IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/biobatch-base-1a2b3c4@sha256:{'5f' * 32}"


def message(engine_image: str = "") -> EmailMessage:
    data = base64.b64decode(user_data(10001, engine_image), validate=True)
    parsed = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def script(engine_image: str = "") -> str:
    return part("text/x-shellscript", engine_image)


def part(kind: str, engine_image: str) -> str:
    (found,) = (part for part in message(engine_image).iter_parts() if part.get_content_type() == kind)
    assert isinstance(found, EmailMessage)
    return str(found.get_content())


class Machine:
    """A machine with fake commands, which record their calls. Its files are in a folder."""

    #: The real commands that the script may call. They cannot change this machine, even if a test removes a fake command.
    TRUE = ("awk", "base64", "bash", "cat", "cut", "mkdir", "mktemp", "mv", "rm", "sed")
    COMMANDS = ("lsblk", "mdadm", "mkfs.xfs", "mount", "chmod", "systemctl", "iptables", "ip6tables", "dnf", "blkid")

    def __init__(self, root: Path, disks: list[str]) -> None:
        self.root, self.log = root, root / "calls"
        self.bin = root / "bin"
        self.bin.mkdir()
        (root / "etc/ecs").mkdir(parents=True)
        (root / "run").mkdir()
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
        text = text.replace("/dev/console", f"{self.root}/console").replace(
            "--tmpdir=/run", f"--tmpdir={self.root}/run"
        )
        text = text.replace('-p "/opt/', f'-p "{self.root}/opt/')
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


#: What the metadata service and ECR answer, in their forms.
KEYS = """{
  "Code" : "Success",
  "AccessKeyId" : "ASIAKEY",
  "SecretAccessKey" : "secret/key+",
  "Token" : "session//token==",
  "Expiration" : "2030-01-01T00:00:00Z"
}"""
CURL = f"""case "$*" in
*/api/token*) echo metadata-token ;;
*/security-credentials/) echo machine-role ;;
*/security-credentials/machine-role) cat <<'KEYS'
{KEYS}
KEYS
;;
*) cat > "$0.config"
   echo '{{"authorizationData":[{{"authorizationToken":"{base64.b64encode(b"AWS:password").decode()}","expiresAt":1.9E9}}]}}' ;;
esac"""


def engine_machine(tmp_path: Path, disks: int = 0) -> Machine:
    """A machine whose fake metadata service, ECR and Docker answer as long as a test does not change them."""
    made = Machine(tmp_path, [f"/dev/nvme{i}n1 {STORE}" for i in range(1, disks + 1)])
    made.fake("curl", CURL)
    made.fake("docker", 'case "$1" in login) cat > "$0.password" ;; create) echo container ;; esac')
    made.fake("sleep", "")
    return made


def test_the_user_data_is_mime_multipart_with_one_shell_script() -> None:
    parsed = message()
    assert parsed["MIME-Version"] == "1.0"
    assert parsed.get_content_type() == "multipart/mixed"
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/x-shellscript"]
    assert [part.defects for part in parsed.walk()] == [[], []]


def test_a_blank_line_precedes_each_boundary() -> None:
    text = base64.b64decode(user_data(10001, ENGINE_IMAGE)).decode("ascii")
    boundary = message(ENGINE_IMAGE).get_boundary()
    assert len(re.findall(f"^--{boundary}(--)?$", text, re.MULTILINE)) == 3
    assert len(re.findall(f"\n\n--{boundary}(--)?\n", text)) == 3


def test_the_user_data_is_within_the_limit_of_ec2() -> None:
    # 16 KB before the encoding (EC2 User Guide, "Run commands when you launch an EC2 instance with user data input").
    assert len(base64.b64decode(user_data(10001, ENGINE_IMAGE))) <= 16 * 1024


@pytest.mark.parametrize("kind", ["text/x-shellscript", "text/cloud-boothook"])
def test_shellcheck_finds_nothing_in_the_scripts(kind: str) -> None:
    command = str(Path(sys.executable).with_name("shellcheck"))
    text = part(kind, ENGINE_IMAGE)
    checked = subprocess.run([command, "-"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "")


@pytest.mark.parametrize("present", [None, "{}\n", "{\n}\n", '{"debug": true}\n', '{\n  "debug": true\n}\n'])
def test_with_engines_docker_denies_new_privileges_and_keeps_the_settings_of_the_machine_image(
    tmp_path: Path, present: str | None
) -> None:
    settings = tmp_path / "etc/docker/daemon.json"
    if present:
        settings.parent.mkdir(parents=True)
        settings.write_text(present)
    text = part("text/cloud-boothook", ENGINE_IMAGE).replace("/etc/", f"{tmp_path}/etc/")
    for _ in range(2):  # cloud-init runs a boothook at every boot
        subprocess.run(["bash", "-c", text], check=True)
        assert json.loads(settings.read_text()) == {
            "no-new-privileges": True,
            **(json.loads(present) if present else {}),
        }


def test_without_engines_docker_keeps_its_settings() -> None:
    assert [part.get_content_type() for part in message().iter_parts()] == ["text/x-shellscript"]


def test_the_settings_of_the_agent_are_added_to_those_of_batch(tmp_path: Path) -> None:
    machine(tmp_path)
    settings = dict(line.split("=") for line in (tmp_path / "etc/ecs/ecs.config").read_text().splitlines())
    assert settings["ECS_CLUSTER"] == "jobs"
    assert settings["ECS_ENABLE_SPOT_INSTANCE_DRAINING"] == "true"
    # ECS keeps scratch volumes without a host path for this time.
    assert settings["ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION"] == "10m"
    # The agent puts every task below ecstasks.slice, or does not start.
    assert settings["ECS_ENABLE_TASK_CPU_MEM_LIMIT"] == "true"


def test_the_jobs_user_id_is_blocked_from_the_instances_credentials_before_the_agent_starts(tmp_path: Path) -> None:
    booted = machine(tmp_path)
    booted.fake("iptables", '[ "$2" = -I ]')
    booted.fake("ip6tables", '[ "$2" = -I ]')
    assert "systemctl daemon-reload" in booted.calls()
    assert booted.start_agent() == 0
    assert [c for c in booted.calls("iptables", "ip6tables") if " -I " in c] == [
        f"{command} -w -I OUTPUT -d {address} -m {match} -j REJECT"
        for match in ("owner --uid-owner 10001", "cgroup --path ecstasks.slice")
        for command, address in (("iptables", "169.254.169.254"), ("ip6tables", "fd00:ec2::254"))
    ]


def test_the_cgroup_of_the_tasks_exists_before_its_rule(tmp_path: Path) -> None:
    booted = machine(tmp_path)
    booted.fake("iptables", '[ "$2" = -I ]')
    assert booted.start_agent() == 0
    calls = booted.calls()
    # A slice needs no unit file. The agent's start may wait already when the script runs, so a dependency of its unit would come too late.
    assert calls.index("systemctl start ecstasks.slice") < min(
        i for i, call in enumerate(calls) if "cgroup --path" in call
    )
    assert "Wants" not in (tmp_path / "etc/systemd/system/ecs.service.d/bar-jobs.conf").read_text()


@pytest.mark.parametrize("failing", ["owner", "cgroup"])
def test_each_rule_is_needed(tmp_path: Path, failing: str) -> None:
    booted = machine(tmp_path)
    booted.fake("iptables", f'[[ "$*" != *{failing}* ]]')
    assert booted.start_agent() != 0
    assert "systemctl --no-block poweroff" in booted.calls()


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


def test_without_an_engine_image_nothing_is_pulled(tmp_path: Path) -> None:
    made = engine_machine(tmp_path)
    assert made.run(script()) == 0
    assert made.calls("curl", "docker", "sleep") == []


def test_the_files_for_engines_come_from_the_image_before_docker_restarts(tmp_path: Path) -> None:
    made = engine_machine(tmp_path, disks=1)
    assert made.run(script(ENGINE_IMAGE)) == 0
    assert made.calls("docker", "systemctl")[1:8] == [
        "docker login --username AWS --password-stdin 123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        f"docker pull --quiet {ENGINE_IMAGE}",
        f"docker create {ENGINE_IMAGE} true",
        "docker cp --follow-link container:/opt/biobatch/bin/aws /opt/biobatch/bin/aws",
        "docker cp --follow-link container:/opt/biobatch/etc/ca.pem /opt/biobatch/etc/ca.pem",
        "docker rm container",
        "systemctl stop docker.socket docker.service",
    ]
    assert made.calls("sleep") == []
    # The credentials of the registry are gone.
    assert list((tmp_path / "run").iterdir()) == []


def test_the_registrys_password_is_requested_with_the_keys_of_the_instance(tmp_path: Path) -> None:
    made = engine_machine(tmp_path)
    assert made.run(script(ENGINE_IMAGE)) == 0
    assert (tmp_path / "bin/docker.password").read_text() == "password\n"
    config = (tmp_path / "bin/curl.config").read_text()
    assert 'user = "ASIAKEY:secret/key+"' in config
    assert 'header = "X-Amz-Security-Token: session//token=="' in config
    request = made.calls("curl")[-1]
    assert request.endswith(" https://api.ecr.eu-west-1.amazonaws.com/")
    assert "--aws-sigv4 aws:amz:eu-west-1:ecr " in request
    # Every user of a machine can see the arguments of its processes.
    assert not [call for call in made.calls() if "secret" in call or "session//" in call or "password\n" in call]


@pytest.mark.parametrize(
    ("registry", "api", "region"),
    [
        ("dkr.ecr.cn-north-1.amazonaws.com.cn", "api.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("dkr.ecr.us-gov-west-1.amazonaws.com", "api.ecr.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("dkr.ecr.eusc-de-east-1.amazonaws.eu", "api.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
    ],
)
def test_ecr_is_asked_in_the_region_and_partition_of_the_image(
    tmp_path: Path, registry: str, api: str, region: str
) -> None:
    made = engine_machine(tmp_path)
    assert made.run(script(f"123456789012.{registry}/base@sha256:{'5f' * 32}")) == 0
    request = made.calls("curl")[-1]
    assert request.endswith(f" https://{api}/")
    assert f"aws:amz:{region}:ecr " in request


def test_the_files_are_requested_again_until_ecr_answers(tmp_path: Path) -> None:
    made = engine_machine(tmp_path)
    made.fake("sleep", f"[ $1 != 2 ] || mv {made.bin}/answers {made.bin}/curl")
    (made.bin / "curl").rename(made.bin / "answers")
    made.fake("curl", "exit 22")
    assert made.run(script(ENGINE_IMAGE)) == 0
    assert made.calls("sleep") == ["sleep 1", "sleep 2"]
    assert made.calls("docker")[-1] == "docker rm container"
    assert "systemctl --no-block poweroff" not in made.calls()


@pytest.mark.parametrize(
    ("broken", "body"),
    [
        ("curl", "exit 22"),
        ("docker", "[ $1 != login ]"),
        ("docker", "[ $1 != pull ]"),
        ("docker", "[ $1 != create ]"),
        ("docker", "[[ $1 != cp || $4 != */ca.pem ]]"),
    ],
)
def test_an_instance_without_the_files_for_engines_powers_off(tmp_path: Path, broken: str, body: str) -> None:
    made = engine_machine(tmp_path, disks=1)
    made.fake(broken, body)
    assert made.run(script(ENGINE_IMAGE)) != 0
    assert made.calls("sleep") == [f"sleep {2**i}" for i in range(8)]
    assert made.calls("systemctl") == ["systemctl daemon-reload", "systemctl --no-block poweroff"]
    assert ENGINE_IMAGE in (tmp_path / "console").read_text()
