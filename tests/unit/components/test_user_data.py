"""The machines' user data is in the form that Batch takes, and its script is sound."""

import base64
import email
import email.policy
import re
import subprocess
from email.message import EmailMessage

from components.user_data import user_data


def message(job_uid: int = 10001) -> EmailMessage:
    parsed = email.message_from_bytes(base64.b64decode(user_data(job_uid), validate=True), policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def script(job_uid: int = 10001) -> str:
    (part,) = message(job_uid).iter_parts()
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


def test_it_is_mime_multipart_of_one_shell_script() -> None:
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


def test_it_is_within_what_ec2_takes() -> None:
    # 16 KB before the encoding (EC2 User Guide, "Run commands when you launch an EC2 instance with user data input").
    assert len(base64.b64decode(user_data(10001))) <= 16 * 1024


def test_the_script_is_one_that_bash_can_read() -> None:
    text = script()
    assert text.startswith("#!/bin/bash\n")
    checked = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_settings_of_the_agent_are_plain_assignments() -> None:
    block = re.search(r"<<'SETTINGS'\n(.*?)^SETTINGS$", script(), re.DOTALL | re.MULTILINE)
    assert block
    settings = dict(line.split("=") for line in block[1].splitlines())
    assert settings["ECS_ENABLE_SPOT_INSTANCE_DRAINING"] == "true"
    # Host-less scratch volumes live until then.
    assert settings["ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION"] == "10m"


def test_the_uid_of_the_jobs_is_barred_from_the_machines_credentials() -> None:
    rules = [line for line in script(4711).splitlines() if "REJECT" in line]
    assert len(rules) == 2
    assert all("--uid-owner 4711 -j REJECT" in rule for rule in rules)
    assert "-d 169.254.169.254 " in rules[0]
    assert "-d fd00:ec2::254 " in rules[1]
