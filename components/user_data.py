"""The user data of instances, in the format that Batch requires."""

import base64
import shlex
from pathlib import Path

_BOUNDARY = "==BIOBATCH=="


def user_data(job_uid: int, engine_image: str = "") -> str:
    """The user data of the launch template, in base64.

    Batch requires MIME multipart with a blank line before each boundary. With any other format, the compute environment becomes INVALID (Batch
    User Guide, "Launch template support").

    The first part is `boot.sh`. The script configures the ECS agent and blocks the jobs' access to the instance's credentials. If the instance has
    NVMe disks, the script combines them to a RAID 0 array for Docker's data.

    The rules of the firewall match the jobs' user ID and the cgroup of ECS's tasks. The agent puts each task below `ecstasks.slice`
    (aws/amazon-ecs-agent, `DefaultTaskCgroupV2Prefix` and `buildCgroupV2Root`), and its own container elsewhere. Docker's containers are there too,
    because Docker manages cgroups through systemd where systemd runs with cgroups of version 2. The kernels of Amazon Linux 2023
    have the match as a module, `CONFIG_NETFILTER_XT_MATCH_CGROUP=m`. The kernel resolves the path when the rule is set, and the rule then belongs
    to that cgroup, not to its name. systemd keeps a slice that was started until something stops it, and needs no file for it (systemd,
    `src/core/slice.c`). The rules bar connections, but not packet sockets. Root of a container may open those, because Docker gives containers
    CAP_NET_RAW and Batch cannot take it away.

    With an engine image, the script also copies `aws` and a CA bundle out of that image to `/opt/biobatch`. It does so while Docker still runs
    on the EBS volume, so the files do not depend on the restart below. It tries for about 4 minutes. If it fails, the instance powers off, because
    each task of an engine would fail at once on it.

    With an engine image, a second part, `docker.sh`, denies containers new privileges. cloud-init runs this part, a boothook, at every boot before
    the network is online, and Docker starts after that (ECS Developer Guide, "Bootstrapping Amazon ECS Linux container instances to pass data").

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
        engine_image: URI, with digest, of the image in ECR that has the files for engines. With "", the default, instances get no such files.
    """
    interpreter, _, body = Path(__file__).with_name("boot.sh").read_text().partition("\n")
    values = f"readonly JOB_UID={job_uid}\nreadonly ENGINE_IMAGE={shlex.quote(engine_image)}\n"
    script = f"{interpreter}\n{values}{body}"
    parts = [("x-shellscript", script)]
    if engine_image:
        parts.append(("cloud-boothook", Path(__file__).with_name("docker.sh").read_text()))
    bodies = "\n".join(
        f'--{_BOUNDARY}\nContent-Type: text/{kind}; charset="us-ascii"\n\n{body}' for kind, body in parts
    )
    mime = f"""MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="{_BOUNDARY}"

{bodies}
--{_BOUNDARY}--
"""
    return base64.b64encode(mime.encode("ascii")).decode()
