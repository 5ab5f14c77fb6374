"""What a machine does at boot, in the form that Batch accepts."""

import base64

_BOUNDARY = "==BIOBATCH=="


def user_data(job_uid: int) -> str:
    """The launch template's user data: base64 of MIME multipart, with a blank line before each boundary; anything else makes
    the compute environment INVALID (Batch User Guide, "Launch template support").

    The script settles the ECS agent and bars the jobs from the machine's own credentials: they share its network (Batch allows
    no other mode on EC2), so the metadata address is closed to their uid.

    Args:
        job_uid: the uid that every image runs as.
    """
    script = f"""#!/bin/bash
set -euo pipefail
cat >> /etc/ecs/ecs.config <<'SETTINGS'
ECS_ENABLE_SPOT_INSTANCE_DRAINING=true
ECS_CONTAINER_STOP_TIMEOUT=30s
ECS_IMAGE_PULL_BEHAVIOR=prefer-cached
ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=10m
SETTINGS
command -v iptables > /dev/null || dnf install -y iptables-nft
iptables -I OUTPUT -d 169.254.169.254 -m owner --uid-owner {job_uid} -j REJECT
ip6tables -I OUTPUT -d fd00:ec2::254 -m owner --uid-owner {job_uid} -j REJECT
"""
    mime = f"""MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="{_BOUNDARY}"

--{_BOUNDARY}
Content-Type: text/x-shellscript; charset="us-ascii"

{script}
--{_BOUNDARY}--
"""
    return base64.b64encode(mime.encode()).decode()
