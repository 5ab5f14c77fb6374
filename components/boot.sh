#!/bin/bash
# Prepares a machine for jobs, before its ECS agent starts (see user_data.py, which gives JOB_UID).
set -euo pipefail

# Jobs share the machine's network (Batch allows no other mode on EC2), so the metadata address, where the machine's own
# credentials are, is closed to their uid. As a step of the agent's start it holds after a reboot too, and a machine where it fails
# takes no job. IPv6 may be off; where it is on, its address is closed as well.
mkdir -p /etc/systemd/system/ecs.service.d
rule() { echo "OUTPUT -d $1 -m owner --uid-owner $JOB_UID -j REJECT"; }
cat > /etc/systemd/system/ecs.service.d/bar-jobs.conf <<UNIT
[Service]
ExecStartPre=/bin/sh -c 'iptables -C $(rule 169.254.169.254) || iptables -I $(rule 169.254.169.254)'
ExecStartPre=-/bin/sh -c 'ip6tables -C $(rule fd00:ec2::254) || ip6tables -I $(rule fd00:ec2::254)'
UNIT
systemctl daemon-reload

cat >> /etc/ecs/ecs.config <<'SETTINGS'
ECS_ENABLE_SPOT_INSTANCE_DRAINING=true
ECS_CONTAINER_STOP_TIMEOUT=30s
ECS_IMAGE_PULL_BEHAVIOR=prefer-cached
ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=10m
SETTINGS

# Images and the jobs' scratch lie under Docker's data root: on the instance store where there is one, on the EBS root otherwise.
mapfile -t disks < <(lsblk --nodeps --noheadings --paths --output NAME,MODEL | awk '/Amazon EC2 NVMe Instance Storage/ { print $1 }')
if ((${#disks[@]} == 0)) || mountpoint -q /var/lib/docker; then
    exit 0
fi
store=${disks[0]}
if ((${#disks[@]} > 1)); then
    command -v mdadm > /dev/null || dnf install -y mdadm
    store=/dev/md0
    mdadm --create "$store" --run --level=0 --raid-devices="${#disks[@]}" "${disks[@]}"
fi
# The disks come trimmed: to discard their blocks again would take minutes.
mkfs.xfs -f -K "$store"
# A reboot keeps the disks but does not run this script again, and may number the array anew.
echo "UUID=$(blkid -s UUID -o value "$store") /var/lib/docker xfs noatime,nofail,x-systemd.before=docker.service 0 0" >> /etc/fstab
# Where the agent's unit requires Docker's (before mid-2024), stopping Docker also cancels the agent's start, which waits for
# cloud-init: it is asked for again, and not waited for, since cloud-init waits for this script.
trap 'systemctl start docker.socket docker.service; systemctl start --no-block ecs.service' EXIT
systemctl stop docker.socket docker.service
mount /var/lib/docker
chmod 710 /var/lib/docker
