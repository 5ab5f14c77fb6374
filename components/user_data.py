"""The user data of instances, in the format that Batch requires."""

import base64
from pathlib import Path

_BOUNDARY = "==BIOBATCH=="


def user_data(job_uid: int) -> str:
    """The user data of the launch template, in base64.

    Batch requires MIME multipart with a blank line before each boundary. With any other format, the compute environment becomes INVALID (Batch
    User Guide, "Launch template support").

    The only part is `boot.sh`. The script configures the ECS agent and blocks the jobs' access to the instance's credentials. If the instance has
    NVMe disks, the script combines them to a RAID 0 array for Docker's data.

    cloud-init runs the script in cloud-final.service, when Docker is already running. The script stops Docker, mounts the array, and starts Docker
    again. The agent's unit has `After=docker.service` and `After=cloud-final.service`, so the agent, and with it every image and job, starts after
    the script. The unit also has `PartOf=docker.service` (`Requires=` before July 2024, and neither for some weeks in between). Stopping Docker
    therefore cancels the agent's pending start (aws/amazon-ecs-agent, packaging/amazon-linux-ami-integrated/ecs.service, pull request 4233 and
    issue 4270). The script starts the agent with `--no-block`, because waiting for it would be a deadlock (aws/amazon-ecs-agent, issues 1707 and
    4818).

    With Docker 29 and its containerd image store, images are in `/var/lib/containerd` on the EBS volume. Only volumes, including the jobs' scratch
    volumes, remain in Docker's data root on the NVMe disks. The script does not change this, because images are small compared with the jobs' data.

    Args:
        job_uid: the user ID in every image.
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
