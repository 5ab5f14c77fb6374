"""What a machine does at boot, in the form that Batch accepts."""

import base64
from pathlib import Path

_BOUNDARY = "==BIOBATCH=="


def user_data(job_uid: int) -> str:
    """The launch template's user data: base64 of MIME multipart, with a blank line before each boundary; anything else makes
    the compute environment INVALID (Batch User Guide, "Launch template support").

    Its one part is `boot.sh`: the script settles the ECS agent, bars the jobs from the machine's own credentials, and puts Docker's data
    on the instance's own NVMe disks, as RAID 0 of all of them, where there are any.

    cloud-init runs it in cloud-final.service, by when Docker runs: it stops Docker, mounts, and starts it again. The agent's unit stands
    `After=docker.service` and `After=cloud-final.service`, so the agent, and every image and job, comes after the script; since July 2024
    it `Wants=docker.service`, before it `Requires=` it, and then Docker's stop takes the agent's waiting start along (aws/amazon-ecs-agent,
    packaging/amazon-linux-ami-integrated/ecs.service and pull request 4233; aws/amazon-ecs-init, packaging/amazon-linux-ami/ecs.service). To
    wait in the script for the agent would be a deadlock (aws/amazon-ecs-agent, issues 1707 and 4818), hence `--no-block`.

    Args:
        job_uid: the uid that every image runs as.
    """
    interpreter, _, body = Path(__file__).with_name("boot.sh").read_text().partition("\n")
    script = f"{interpreter}\nreadonly JOB_UID={job_uid}\n{body}"
    mime = f"""MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="{_BOUNDARY}"

--{_BOUNDARY}
Content-Type: text/x-shellscript; charset="us-ascii"

{script}
--{_BOUNDARY}--
"""
    return base64.b64encode(mime.encode("ascii")).decode()
