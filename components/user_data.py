"""What a machine does at boot, in the form that Batch accepts."""

import base64
from pathlib import Path

_BOUNDARY = "==BIOBATCH=="


def user_data(job_uid: int) -> str:
    """The launch template's user data: base64 of MIME multipart, with a blank line before each boundary; anything else makes
    the compute environment INVALID (Batch User Guide, "Launch template support").

    Its one part is `boot.sh`: the script settles the ECS agent, bars the jobs from the machine's own credentials, and puts Docker's data
    on the instance's own NVMe disks, as RAID 0 of all of them, where there are any.

    cloud-init runs it in cloud-final.service, when Docker runs already: the script stops Docker, mounts, and starts it again. The agent's
    unit has `After=docker.service` and `After=cloud-final.service`, so the agent, and with it every image and job, comes after the script. It
    also has `PartOf=docker.service` (`Requires=` before July 2024, and nothing of the kind for some weeks between), so that Docker's stop
    cancels the agent's waiting start (aws/amazon-ecs-agent, packaging/amazon-linux-ami-integrated/ecs.service, pull request 4233 and issue
    4270). To wait in the script for the agent would be a deadlock (aws/amazon-ecs-agent, issues 1707 and 4818), hence `--no-block`.

    With Docker 29 and its containerd image store, images are in `/var/lib/containerd` on the EBS root, and only volumes, the jobs' scratch
    among them, stay under Docker's data root on the NVMe disks. The script leaves it so: images are small beside the jobs' data.

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
