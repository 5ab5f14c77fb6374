#!/bin/bash
# Prepares a machine for jobs, before its ECS agent starts (see user_data.py, which gives JOB_UID).
set -euo pipefail

# Jobs share the machine's network (Batch allows no other mode on EC2), so the metadata address, which hands out the machine's own
# credentials, is closed to the jobs' uid. The rule is a step of the agent's start, so it holds after a reboot too. A machine on which it
# fails powers off: it could take no job, and would cost money for as long as jobs wait. (The unit restarts on failure, so OnFailure= would
# not do.) IPv6 may be off. Where it is on, its address is closed as well.
mkdir -p /etc/systemd/system/ecs.service.d
rule() { echo "OUTPUT -d $1 -m owner --uid-owner $JOB_UID -j REJECT"; }
off="{ echo Biobatch: no firewall rule, no jobs: powering off > /dev/console; systemctl --no-block poweroff; exit 1; }"
cat > /etc/systemd/system/ecs.service.d/bar-jobs.conf <<UNIT
[Service]
ExecStartPre=/bin/sh -c 'iptables -w -C $(rule 169.254.169.254) || iptables -w -I $(rule 169.254.169.254) || $off'
ExecStartPre=-/bin/sh -c 'ip6tables -w -C $(rule fd00:ec2::254) || ip6tables -w -I $(rule fd00:ec2::254)'
UNIT
systemctl daemon-reload

# `once` uses the image that an earlier job of the machine has pulled, which the digest makes the right one. Unlike `prefer-cached` it lets the
# agent delete images that no job has used for an hour, or a machine that lives for weeks would keep those of every revision.
cat >> /etc/ecs/ecs.config <<'SETTINGS'
ECS_ENABLE_SPOT_INSTANCE_DRAINING=true
ECS_CONTAINER_STOP_TIMEOUT=30s
ECS_IMAGE_PULL_BEHAVIOR=once
ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=10m
SETTINGS

# The jobs' scratch is under Docker's data root: on the instance store where there is one, on the EBS root otherwise.
mapfile -t disks < <(lsblk --nodeps --noheadings --paths --output NAME,MODEL | awk '/Amazon EC2 NVMe Instance Storage/ { print $1 }')
if ((${#disks[@]} == 0)) || mountpoint -q /var/lib/docker; then
    exit 0
fi
# The ECS-optimized image lacks mdadm. Where it cannot be had either, as in a network that closes the way to Amazon Linux's packages in S3,
# one disk of several is still better than the EBS root.
if ((${#disks[@]} > 1)) && ! command -v mdadm > /dev/null && ! dnf install -y mdadm; then
    disks=("${disks[0]}")
fi
store=${disks[0]}
if ((${#disks[@]} > 1)); then
    store=/dev/md0
    mdadm --create "$store" --run --level=0 --raid-devices="${#disks[@]}" "${disks[@]}"
fi
# The disks come trimmed: to discard their blocks again would take minutes.
mkfs.xfs -f -K "$store"
# A reboot keeps the disks but does not run this script again, and may number the array anew.
echo "UUID=$(blkid -s UUID -o value "$store") /var/lib/docker xfs noatime,nofail,x-systemd.before=docker.service 0 0" >> /etc/fstab
# Stopping Docker also cancels the agent's start, which waits for cloud-init: the agent's unit is part of Docker's. So its start is asked
# for again, and not waited for, since cloud-init waits for this script.
trap 'systemctl start docker.socket docker.service; systemctl start --no-block ecs.service' EXIT
systemctl stop docker.socket docker.service
mount /var/lib/docker
chmod 710 /var/lib/docker
