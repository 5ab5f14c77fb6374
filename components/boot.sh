#!/bin/bash
# Prepares a machine for jobs, before its ECS agent starts (see user_data.py, which gives JOB_UID and ENGINE_IMAGE).
set -euo pipefail

# Jobs share the machine's network (Batch allows no other mode on EC2), so the metadata address, which hands out the machine's own
# credentials, is closed to the jobs' uid, and to every container of a task, root's too. The rules are a step of the agent's start, so they
# hold after a reboot too. A machine on which one fails powers off: it could take no job, and would cost money for as long as jobs wait.
# (The unit restarts on failure, so OnFailure= would not do.) IPv6 may be off. Where it is on, its address is closed as well.
#
# The agent puts each task below ecstasks.slice. The kernel looks a cgroup's path up when the rule is set, so the slice starts before. A slice
# needs no file, and one that was started stays, also while it is empty. It is a step too: a dependency (Wants=) would come too late for the
# start of the agent that already waits for this script.
mkdir -p /etc/systemd/system/ecs.service.d
rule() { echo "OUTPUT -d $1 -m $2 -j REJECT"; }
off() { echo "{ echo Biobatch: $1, no jobs: powering off > /dev/console; systemctl --no-block poweroff; exit 1; }"; }
{
    printf "[Service]\nExecStartPre=-/bin/sh -c 'systemctl start ecstasks.slice'\n"
    for match in "owner --uid-owner $JOB_UID" 'cgroup --path ecstasks.slice'; do
        four=$(rule 169.254.169.254 "$match") six=$(rule fd00:ec2::254 "$match")
        echo "ExecStartPre=/bin/sh -c 'iptables -w -C $four || iptables -w -I $four || $(off 'no firewall rule')'"
        echo "ExecStartPre=-/bin/sh -c 'ip6tables -w -C $six || ip6tables -w -I $six'"
    done
} > /etc/systemd/system/ecs.service.d/bar-jobs.conf
systemctl daemon-reload

# `once` uses the image that an earlier job of the machine has pulled, which the digest makes the right one. Unlike `prefer-cached` it lets the
# agent delete images that no job has used for an hour, or a machine that lives for weeks would keep those of every revision.
# With ECS_ENABLE_TASK_CPU_MEM_LIMIT, an agent that cannot make a task's cgroup does not start. By default it would start the task elsewhere.
cat >> /etc/ecs/ecs.config <<'SETTINGS'
ECS_ENABLE_SPOT_INSTANCE_DRAINING=true
ECS_CONTAINER_STOP_TIMEOUT=30s
ECS_IMAGE_PULL_BEHAVIOR=once
ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=10m
ECS_ENABLE_TASK_CPU_MEM_LIMIT=true
SETTINGS

# Engines run images that lack `aws`, and mount /opt/biobatch. Its files come from the base image, which ECR has even where nothing else can be
# reached. Docker checks the image by its digest. The machine has no AWS CLI, so curl signs the request for the registry's password, which
# no argument and no file on the disk holds.
metadata() { curl --silent --show-error --fail --max-time 10 "${@:2}" "http://169.254.169.254/latest/$1"; }
field() { sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"; }
password() {
    local api=api.${1#*.dkr.} region token role keys
    region=${api#api.ecr.} region=${region%%.*}
    token=$(metadata api/token --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60') || return
    token="X-aws-ec2-metadata-token: $token"
    role=$(metadata meta-data/iam/security-credentials/ --header "$token") || return
    keys=$(metadata "meta-data/iam/security-credentials/$role" --header "$token") || return
    curl --silent --show-error --fail --max-time 30 --config - --aws-sigv4 "aws:amz:$region:ecr" --data '{}' \
        --header 'Content-Type: application/x-amz-json-1.1' \
        --header 'X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken' "https://$api/" <<CONFIG |
user = "$(field AccessKeyId <<< "$keys"):$(field SecretAccessKey <<< "$keys")"
header = "X-Amz-Security-Token: $(field Token <<< "$keys")"
CONFIG
        field authorizationToken | base64 --decode | cut -d : -f 2
}
copy_engine_files() {
    local registry=${ENGINE_IMAGE%%/*} container file
    password "$registry" | docker login --username AWS --password-stdin "$registry" || return
    docker pull --quiet "$ENGINE_IMAGE" && container=$(docker create "$ENGINE_IMAGE" true) || return
    for file in bin/aws etc/ca.pem; do
        mkdir -p "/opt/biobatch/${file%/*}"
        docker cp --follow-link "$container:/opt/biobatch/$file" "/opt/biobatch/$file" || return
    done
    docker rm "$container"
}
if [[ -n $ENGINE_IMAGE ]]; then
    # Without the files, every task of an engine would fail at once, and the machine would take one task after the other.
    pauses=(1 2 4 8 16 32 64 128)
    DOCKER_CONFIG=$(mktemp --directory --tmpdir=/run)
    export DOCKER_CONFIG
    until copy_engine_files; do
        ((${#pauses[@]})) || eval "$(off "no files for engines from $ENGINE_IMAGE")"
        sleep "${pauses[0]}"
        pauses=("${pauses[@]:1}")
    done
    rm -rf "$DOCKER_CONFIG"
    unset DOCKER_CONFIG
fi

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
