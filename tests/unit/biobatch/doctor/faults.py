"""Faults of a stack and of jobs: how each is injected, and what the doctor must name first."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.unit.biobatch.doctor.account import JOB, OTHER, Account

Inject = Callable[[Account], Any]


@dataclass(frozen=True)
class Change:
    """An injection that changes resources in moto. It needs an account of its own. All others only change what AWS answers."""

    inject: Inject

    def __call__(self, account: Account) -> None:
        self.inject(account)


#: Name, injection, and a pattern that the first finding's cause must match.
Fault = tuple[str, Inject, str]


def _all(*injections: Inject) -> Inject:
    def inject(account: Account) -> None:
        for each in injections:
            each(account)

    return Change(inject) if any(isinstance(each, Change) for each in injections) else inject


def _queue(**members: Any) -> Inject:
    return lambda account: account.queues[0].update(members)


def _environments(**members: Any) -> Inject:
    return lambda account: [each.update(members) for each in account.environments]


def _resources(**members: Any) -> Inject:
    return lambda account: [each["computeResources"].update(members) for each in account.environments]


def _container(**members: Any) -> Inject:
    return lambda account: account.definition["containerProperties"].update(members)


def _ec2(operation: str, **arguments: Any) -> Inject:
    """A call of EC2. An argument that is callable is asked for its value with the account."""
    return Change(
        lambda account: getattr(account.clients.ec2, operation)(
            **{name: value(account) if callable(value) else value for name, value in arguments.items()}
        )
    )


def _network_acl(egress: bool) -> Inject:
    def bar(account: Account) -> None:
        (acl,) = account.clients.ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [account.vpc]}])[
            "NetworkAcls"
        ]
        account.clients.ec2.create_network_acl_entry(
            NetworkAclId=acl["NetworkAclId"],
            RuleNumber=10,
            Protocol="6",
            RuleAction="deny",
            Egress=egress,
            CidrBlock="0.0.0.0/0",
            PortRange={"From": 0, "To": 65535},
        )

    return Change(bar)


def _no_egress(account: Account) -> None:
    everything: Any = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    account.clients.ec2.revoke_security_group_egress(GroupId=account.group, IpPermissions=everything)


def _full_subnets(account: Account) -> None:
    subnets = account.clients.ec2.describe_subnets(SubnetIds=account.subnets)["Subnets"]
    answer = {"Subnets": [{**each, "AvailableIpAddressCount": 0} for each in subnets]}
    account.stub("ec2", "DescribeSubnets", lambda _: answer)


def _nat(state: str) -> Inject:
    def break_(account: Account) -> None:
        gateways = account.clients.ec2.describe_nat_gateways()["NatGateways"]
        account.stub("ec2", "DescribeNatGateways", lambda _: {"NatGateways": [{**g, "State": state} for g in gateways]})

    return break_


def _blackhole(account: Account) -> None:
    tables = account.clients.ec2.describe_route_tables()["RouteTables"]
    for table in tables:
        for route in table["Routes"]:
            if route.get("NatGatewayId"):
                route["State"] = "blackhole"
    account.stub("ec2", "DescribeRouteTables", lambda _: {"RouteTables": tables})


def _trust(role: str) -> Inject:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}  # fmt: skip
    return Change(
        lambda account: account.iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(document))
    )


def _delete_role(role: str) -> Inject:
    def delete(account: Account) -> None:
        for name in account.iam.list_role_policies(RoleName=role)["PolicyNames"]:
            account.iam.delete_role_policy(RoleName=role, PolicyName=name)
        account.iam.delete_role(RoleName=role)

    return Change(delete)


def _delete_profile(account: Account) -> None:
    account.iam.remove_role_from_instance_profile(InstanceProfileName="instance", RoleName="instance")
    account.iam.delete_instance_profile(InstanceProfileName="instance")


def _delete_bucket(account: Account) -> None:
    account.clients.s3.delete_bucket(Bucket="data")


def _barred_bucket(account: Account) -> None:
    account.deny("s3", "HeadBucket", "403")
    policy = {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}]}
    account.stub("s3", "GetBucketPolicy", lambda _: {"Policy": json.dumps(policy)})


def _index(account: Account) -> None:
    platforms = [{"digest": "sha256:" + "d" * 64, "platform": {"architecture": "arm64", "os": "linux"}}]
    answer = {"images": [{"imageManifest": json.dumps({"schemaVersion": 2, "manifests": platforms})}]}
    account.stub("ecr", "BatchGetImage", lambda _: answer)


def _activity(message: str) -> Inject:
    """Auto Scaling could not start a machine for an environment that wants some."""

    def fail(account: Account) -> None:
        _resources(desiredvCpus=4)(account)
        group = {"AutoScalingGroupName": "spot-asg-1", "Instances": []}
        activity = {"StatusCode": "Failed", "StatusMessage": message}
        account.stub("autoscaling", "DescribeAutoScalingGroups", lambda _: {"AutoScalingGroups": [group]})
        account.stub("autoscaling", "DescribeScalingActivities", lambda _: {"Activities": [activity]})
        account.stub("ecs", "DescribeClusters", lambda _: {"clusters": [{"registeredContainerInstancesCount": 0}]})

    return fail


def _lost_machine(account: Account) -> None:
    _activity("")(account)
    group = {"AutoScalingGroupName": "spot-asg-1", "Instances": [{"LifecycleState": "InService"}]}
    account.stub("autoscaling", "DescribeAutoScalingGroups", lambda _: {"AutoScalingGroups": [group]})
    account.stub("autoscaling", "DescribeScalingActivities", lambda _: {"Activities": [{"StatusCode": "Successful"}]})


def _waiting(reason: str) -> Inject:
    return lambda account: account.add_job(status="RUNNABLE", statusReason=reason)


def _full(account: Account) -> None:
    _resources(desiredvCpus=256)(account)
    account.stub("autoscaling", "DescribeAutoScalingGroups", lambda _: {"AutoScalingGroups": []})
    account.stub("ecs", "DescribeClusters", lambda _: {"clusters": []})
    account.add_job(status="RUNNABLE")
    account.snapshot = [JOB]


def _quota(**values: float) -> Inject:
    def set_(account: Account) -> None:
        account.quotas |= {"L-34B43A08": values.get("spot", 512.0), "L-1216C47A": values.get("on_demand", 512.0)}

    return set_


def _quota_in_use(account: Account) -> None:
    account.quotas["L-1216C47A"] = 32.0
    instance = {"InstanceType": "m6i.8xlarge", "CpuOptions": {"CoreCount": 16, "ThreadsPerCore": 2}}
    account.stub("ec2", "DescribeInstances", lambda _: {"Reservations": [{"Instances": [instance]}]})
    account.add_job(status="RUNNABLE")
    account.snapshot = [JOB]


def _elsewhere(account: Account) -> None:
    account.stub("s3", "HeadBucket", lambda _: {"BucketRegion": "eu-west-1"})


STACK: list[Fault] = [
    # The outputs
    ("the stack was destroyed", _all(lambda a: a.queues.clear(), lambda a: a.definitions.clear()), "outputs describe a stack that does not exist"),
    ("a queue is gone", lambda a: a.queues.pop(0), "queue main does not exist"),
    ("a definition was deregistered", lambda a: a.definition.update(status="INACTIVE"), "definition of bwa is INACTIVE"),
    ("a definition is gone", lambda a: a.definitions.clear(), "definition of bwa does not exist"),
    # Queues and environments
    ("a queue is disabled", _queue(state="DISABLED"), "queue main is disabled"),
    ("a queue is invalid", _queue(status="INVALID", statusReason="no environment"), "queue main is INVALID"),
    ("a queue has no environment", _queue(computeEnvironmentOrder=[]), "queue main has no compute environment"),
    ("all environments are disabled", _environments(state="DISABLED"), "environment spot is disabled"),
    ("an environment is invalid", _environments(status="INVALID", statusReason="CLIENT_ERROR - no such launch template"), "spot is INVALID: CLIENT_ERROR - no such launch template"),
    ("an environment is being deleted", _environments(status="DELETING"), "spot is DELETING"),
    ("an environment is gone", lambda a: a.environments.clear(), "environment spot does not exist"),
    ("the environments are full", _full, "spot is full: 256 of 256"),
    # Roles
    ("no role of Batch", _delete_role("AWSServiceRoleForBatch"), "no role AWSServiceRoleForBatch"),
    ("no role of Spot in a first account", _delete_role("AWSServiceRoleForEC2Spot"), "no role AWSServiceRoleForEC2Spot"),
    ("no instance profile", Change(_delete_profile), "instance profile instance does not exist"),
    ("an empty instance profile", Change(lambda a: a.iam.remove_role_from_instance_profile(InstanceProfileName="instance", RoleName="instance")), "instance profile instance has no role"),
    ("the machines may not join the cluster", Change(lambda a: a.allow("instance", "ssm:*", "ssmmessages:*")), "instance, does not allow ecs:DiscoverPollEndpoint, ecs:RegisterContainerInstance, ecs:Poll, ecs:SubmitTaskStateChange"),
    ("the machines may not report on tasks", Change(lambda a: a.allow("instance", "ecs:Re*", "ecs:Poll", "ecs:Disc*", "ssm:*", "ssmmessages:*")), "does not allow ecs:SubmitTaskStateChange, so no machine runs jobs"),
    ("Session Manager may not reach the machines", Change(lambda a: a.allow("instance", "ecs:*", "ssm:*")), "does not allow ssmmessages:CreateControlChannel, ssmmessages:CreateDataChannel"),
    ("the machines may not assume their role", _trust("instance"), "role instance does not trust ec2"),
    ("no job role", _delete_role("job"), "job role job does not exist"),
    ("no execution role", _delete_role("execution"), "execution role execution does not exist"),
    ("tasks may not assume the job role", _trust("job"), "role job does not trust ecs-tasks"),
    ("the execution role may not pull", Change(lambda a: a.allow("execution", "logs:*")), "execution does not allow ecr:GetAuthorizationToken"),
    ("the execution role may not log", Change(lambda a: a.allow("execution", "ecr:*")), "execution does not allow logs:CreateLogStream"),
    ("the job role may not write", Change(lambda a: a.allow("job", "s3:Get*", "s3:List*")), "job does not allow s3:PutObject"),
    ("a boundary bars the job role", Change(lambda a: a.bound("job", "ec2:*")), "boundary boundary bars s3:ListBucket"),
    # What machines start from
    ("no launch template", _ec2("delete_launch_template", LaunchTemplateId=lambda a: a.template), "launch template lt-.* does not exist"),
    ("no such version of the launch template", _resources(launchTemplate={"launchTemplateId": "lt-0123456789abcdef0", "version": "7"}), "version 7, does not exist"),
    ("the machine image is gone", _resources(ec2Configuration=[{"imageIdOverride": "ami-0123456789abcdef0"}]), "image ami-0123456789abcdef0 is not found"),
    ("the volumes' key is disabled", Change(lambda a: a.clients.more("kms").disable_key(KeyId=a.key)), "key of the machines' volumes is Disabled"),
    ("the volumes' key will be deleted", Change(lambda a: a.clients.more("kms").schedule_key_deletion(KeyId=a.key, PendingWindowInDays=7)), "key of the machines' volumes is PendingDeletion"),
    ("no grant for the volumes' key", Change(lambda a: a.clients.more("kms").revoke_grant(KeyId=a.key, GrantId=a.grant)), "Auto Scaling may not use the KMS key"),
    # The network
    ("the subnets are gone", _resources(subnets=["subnet-00000000"]), "subnet subnet-00000000 does not exist"),
    ("no address is free", _full_subnets, "no address is free"),
    ("no NAT gateway", _ec2("delete_nat_gateway", NatGatewayId=lambda a: a.nat), "NAT gateway nat-.* is deleted"),
    ("the NAT gateway failed", _nat("failed"), "NAT gateway nat-.* is failed"),
    ("the route leads nowhere", _blackhole, "default route leads to nat-.*, which is gone"),
    ("no route to the NAT gateway", _ec2("delete_route", RouteTableId=lambda a: a.private_table, DestinationCidrBlock="0.0.0.0/0"), "no way to ecs, .*no default route and no endpoint"),
    ("no route to the internet gateway", _ec2("delete_route", RouteTableId=lambda a: a.public_table, DestinationCidrBlock="0.0.0.0/0"), "NAT gateway nat-.* is in a subnet without a way"),
    ("the internet gateway is detached", _ec2("detach_internet_gateway", InternetGatewayId=lambda a: a.gateway, VpcId=lambda a: a.vpc), "internet gateway igw-.* is not attached"),
    ("public subnets without addresses", lambda a: _resources(subnets=[a.public])(a), "machines get no public addresses"),
    ("no endpoint of ECR", Change(lambda a: a.use_endpoints(without="ecr.dkr")), "no way to ecr.dkr: no default route and no endpoint"),
    ("endpoints without private names", Change(lambda a: a.use_endpoints(private_dns=False)), "has no private DNS"),
    ("endpoints that do not admit the machines", Change(lambda a: a.use_endpoints(open_to="192.168.0.0/16")), "does not admit the machines: 10.0.1.0/24"),
    ("no way to S3", _all(Change(Account.use_endpoints), Change(lambda a: a.clients.ec2.delete_vpc_endpoints(VpcEndpointIds=[a.s3_endpoint]))), "no way to S3"),
    ("no DNS", _ec2("modify_vpc_attribute", VpcId=lambda a: a.vpc, EnableDnsSupport={"Value": False}), "EnableDnsSupport of the VPC"),
    ("no names of endpoints", _all(Change(Account.use_endpoints), _ec2("modify_vpc_attribute", VpcId=lambda a: a.vpc, EnableDnsHostnames={"Value": False})), "EnableDnsHostnames of the VPC"),
    ("no security group", _resources(securityGroupIds=["sg-00000000"]), "security group sg-00000000 does not exist"),
    ("the security group lets nothing out", Change(_no_egress), "security group sg-.* lets nothing out"),
    ("an ACL bars calls", _network_acl(True), "network ACL acl-.* bars calls to port 443"),
    ("an ACL bars answers", _network_acl(False), "network ACL acl-.* bars the answers"),
    # Images, bucket, log group
    ("the image is gone", Change(lambda a: a.clients.more("ecr").batch_delete_image(repositoryName="bwa", imageIds=[{"imageDigest": a.digest}])), "image of bwa is gone from ECR"),
    ("the repository is gone", Change(lambda a: a.clients.more("ecr").delete_repository(repositoryName="bwa", force=True)), "repository of bwa, bwa, does not exist"),
    ("the image is of another architecture", lambda a: setattr(a, "architecture", "arm64"), "image of bwa is for arm64, and the machines are amd64"),
    ("the index lacks the architecture", _index, "image of bwa is for arm64"),
    ("the machines are of another architecture", _resources(instanceTypes=["c7g"]), "image of bwa is for amd64, and the machines are arm64"),
    ("the bucket is gone", Change(_delete_bucket), "bucket data does not exist"),
    ("a policy bars the bucket", _barred_bucket, "policy of the bucket data denies"),
    ("the bucket is in another region", _elsewhere, "bucket data is in eu-west-1"),
    ("the log group is gone", Change(lambda a: a.clients.logs.delete_log_group(logGroupName="jobs")), "log group jobs does not exist"),
    # Machines
    ("no type holds a job", _resources(instanceTypes=["m6i.large"]), "bwa: 4 vCPUs and 7,600 MiB can never start. No machine"),
    ("maxVcpus is smaller than a job", _resources(maxvCpus=2), "bwa: 4 vCPUs .* maxVcpus is 2"),
    ("the zones offer no type", lambda a: a.stub("ec2", "DescribeInstanceTypeOfferings", lambda _: {"InstanceTypeOfferings": []}), "offer none of the allowed machines"),
    ("the quota of Spot is too small", _quota(spot=2.0), "quota of Spot machines is 2 vCPUs"),
    ("the quota of On-Demand is nothing", _quota(on_demand=0.0), "quota of On-Demand machines is 0 vCPUs"),
    ("the quota is used up", _quota_in_use, "quota of 32 On-Demand vCPUs is used up"),
    ("a start beyond the quota", _activity("You have requested more vCPU capacity than your current vCPU limit of 8 allows."), "could not start a machine for spot: You have requested"),
    ("a start without capacity", _activity("We currently do not have sufficient m6i.xlarge capacity."), "do not have sufficient"),
    ("a machine does not join", _lost_machine, "1 machine runs in spot, and none has joined"),
    # Waiting jobs
    ("a waiting job is too large", _waiting("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job is too large."), "job-4: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"),
    ("no capacity", _waiting("CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - No machines."), "job-4: CAPACITY:INSUFFICIENT"),
    ("Batch does not know why", _waiting("UNDETERMINED - Batch job is blocked, root cause is undetermined."), "job-4: UNDETERMINED"),
    ("Batch does not know why, and the NAT gateway is gone", _all(_waiting("UNDETERMINED - blocked."), Change(lambda a: a.clients.ec2.delete_nat_gateway(NatGatewayId=a.nat))), "NAT gateway nat-.* is deleted"),
]  # fmt: skip


def _ended(code: int, *lines: str, reason: str = "", **members: Any) -> Inject:
    """A job whose command ended with an exit code."""

    def end(account: Account) -> None:
        said = {"reason": reason} if reason else {}
        account.add_job(
            statusReason="Essential container in task exited", container={"exitCode": code, **said}, **members
        )
        account.log(*lines)

    return end


def _failed(status_reason: str, reason: str = "", **members: Any) -> Inject:
    """A job whose container did not run to its end."""
    container = {"reason": reason} if reason else {}
    return lambda account: account.add_job(statusReason=status_reason, container=container, **members)


def _reading(key: str, code: int = 66) -> Inject:
    """A job that reads an object, and failed."""
    variables = [
        {"name": "JOB_INPUTS", "value": f"s3://data/{key}"},
        {"name": "JOB_OUTPUT_PREFIX", "value": "s3://data/o/"},
    ]
    return lambda account: account.add_job(
        statusReason="Essential container in task exited", container={"exitCode": code, "environment": variables}
    )


def _archived(account: Account) -> None:
    account.clients.s3.put_object(Bucket="data", Key="reads.fq.gz", Body=b"x", StorageClass="GLACIER")
    _reading("reads.fq.gz")(account)


def _input_elsewhere(account: Account) -> None:
    _reading("reads.fq.gz", 77)(account)
    account.stub("s3", "HeadBucket", lambda _: {"BucketRegion": "eu-west-1"})


def _missing_output_bucket(account: Account) -> None:
    variables = [{"name": "JOB_OUTPUT_PREFIX", "value": "s3://gone/o/"}]
    account.add_job(
        statusReason="Essential container in task exited", container={"exitCode": 73, "environment": variables}
    )


def _dependent(account: Account) -> None:
    account.add_job(OTHER, statusReason="Essential container in task exited", container={"exitCode": 65})
    account.log("reads of ada refused: the file is truncated", id_=OTHER)
    account.add_job(statusReason="Dependent Job failed", dependsOn=[{"jobId": OTHER}], startedAt=0)


def _reclaimed(account: Account) -> None:
    gone = "Host EC2 (instance i-0123456789abcdef0) terminated."
    account.add_job(statusReason=gone, attempts=[{"statusReason": gone}] * 4)


def _pull_and(change: Inject, words: str = "not found") -> Inject:
    def fail(account: Account) -> None:
        _failed("Task failed to start", f"CannotPullContainerError: {words}")(account)
        change(account)

    return Change(fail) if isinstance(change, Change) else fail


def _behind(reason: str) -> Inject:
    """A job that waits behind another one that blocks the queue."""

    def wait(account: Account) -> None:
        account.add_job(status="RUNNABLE")
        account.add_job(OTHER, status="RUNNABLE", statusReason=reason)
        account.snapshot = [OTHER, JOB]

    return wait


def _gone_output(account: Account) -> None:
    account.add_job(
        status="RUNNABLE", container={"environment": [{"name": "JOB_OUTPUT_PREFIX", "value": "s3://gone/o/"}]}
    )
    account.snapshot = [JOB]


def _disabled_queue(account: Account) -> None:
    _queue(state="DISABLED")(account)
    account.add_job(status="RUNNABLE")
    account.snapshot = [JOB]


JOBS: list[Fault] = [
    ("64", _ended(64, "job: JOB_OUTPUTS is wrong"), "JOB_… variable or the command is wrong: JOB_OUTPUTS is wrong"),
    ("65 with a refusal", _ended(65, "reads of ada refused: line 7 has no quality", "bwa ended"), "job-4: reads of ada refused: line 7"),
    ("65 of job", _ended(65), "input is damaged"),
    ("a refusal with another code", _ended(1, "reference refused: two sequences are named chr1"), "reference refused: two sequences"),
    ("66 with an input that is gone", _reading("gone.fq.gz"), "s3://data/gone.fq.gz: the object does not exist"),
    ("66 with an archived input", Change(_archived), "the object is archived"),
    ("66 without a cause that is left", _ended(66, "job: s3://data/a*: no object matches"), "cannot be found, or is archived: s3://data/a\\*"),
    ("69", _ended(69, "job: S3 does not answer"), "did not answer: S3 does not answer"),
    ("69 without a NAT gateway", _all(_ended(69), Change(lambda a: a.clients.ec2.delete_nat_gateway(NatGatewayId=a.nat))), "NAT gateway nat-.* is deleted"),
    ("71", _ended(71), "other jobs of the machine filled the scratch"),
    ("73", _ended(73, "job: *.bam matches nothing"), "output pattern matches nothing.*: \\*.bam matches nothing"),
    ("73 without a bucket", _missing_output_bucket, "bucket gone does not exist"),
    ("74", _ended(74), "S3 or the scratch volume failed"),
    ("77", _ended(77, "job: s3://other/a: access denied"), "S3 refused a request of the job: s3://other/a"),
    ("77 without rights of the role", _all(_ended(77), Change(lambda a: a.allow("job", "s3:ListBucket"))), "job role job does not allow s3:GetObject"),
    ("77 in another region", _input_elsewhere, "s3://data is in eu-west-1"),
    ("78", _ended(78), "scratch volume is too small"),
    ("126", _ended(126), "command cannot be run"),
    ("127", _ended(127, "bash: sammtools: command not found"), "command does not exist in the image"),
    ("no aws", _ended(127, "bash: line 1: aws: command not found"), "the container has no aws"),
    ("no aws of the machine", _ended(127, "bash: line 1: /opt/biobatch/bin/aws: No such file or directory"), "the container has no aws"),
    ("no ps", _ended(1, "Command 'ps' required by nextflow to collect task metrics cannot be found"), "the image has no ps"),
    ("not allowed to register", _ended(1, "ERROR ~ User: arn:x is not authorized to perform: batch:RegisterJobDefinition on resource: arn:y"), "the engine may not register"),
    ("137", _ended(137), "used up its memory of 7,600 MiB"),
    ("out of memory", _ended(1, reason="OutOfMemoryError: Container killed due to memory usage"), "used up its memory"),
    ("139", _ended(139), "segmentation fault"),
    ("143", _ended(143), "told to end"),
    ("the command failed", _ended(3, "samtools: truncated"), "command of job-4 failed with exit code 3"),
    ("reclaimed", _reclaimed, "Spot took the machine of job-4 away in 4 of 4 attempts"),
    ("timeout", _failed("Job attempt duration exceeded timeout", timeout={"attemptDurationSeconds": 7200}, isTerminated=True), "took longer than its limit of 2 hours"),
    ("terminated", _failed("unwanted", isTerminated=True), "Somebody ended job-4: unwanted"),
    ("cancelled by the queue", _failed("Canceled by JobStateTimeLimit action due to reason: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", isCancelled=True), "waited in vain .*MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"),
    ("overrides too long", _failed("Container Overrides length must be at most 8192"), "too long for Batch"),
    ("a job before it failed", _dependent, "job-4 was not run because job-5 failed: job-5: reads of ada refused"),
    ("a forgotten job before it failed", _failed("Dependent Job failed", dependsOn=[{"jobId": OTHER}]), "a job that it depends on failed"),
    ("no image", _pull_and(Change(lambda a: a.clients.more("ecr").batch_delete_image(repositoryName="bwa", imageIds=[{"imageDigest": a.digest}]))), "image of bwa is gone from ECR"),
    ("no right to pull", _pull_and(Change(lambda a: a.allow("execution", "logs:*")), "denied"), "execution does not allow ecr:"),
    ("no way to ECR", _pull_and(Change(lambda a: a.clients.ec2.delete_nat_gateway(NatGatewayId=a.nat)), "i/o timeout"), "NAT gateway nat-.* is deleted"),
    ("a pull for an unknown cause", _pull_and(lambda a: None, "toomanyrequests"), "could not pull the image of job-4"),
    ("no role to assume", _all(_failed("ECS was unable to assume the role 'x' that was provided for this task."), _delete_role("job")), "job role job does not exist"),
    ("no log group", _all(_failed("Task failed to start", "ResourceInitializationError: failed to create Cloudwatch log stream"), Change(lambda a: a.clients.logs.delete_log_group(logGroupName="jobs"))), "log group jobs does not exist"),
    ("initialization", _failed("Task failed to start", "ResourceInitializationError: unable to pull secrets"), "could not prepare job-4"),
    ("Docker is slow", _failed("Task failed to start", "DockerTimeoutError: Could not transition to started; timed out after waiting 3m0s"), "Docker on the machine took too long"),
    ("the wrong architecture", _ended(1, "exec /usr/local/bin/job: exec format error"), "of another architecture than the machine"),
    ("the disk is full", _failed("Task failed to start", "CannotCreateVolumeError: no space left on device"), "disk is full"),
    ("the container does not start", _failed("Task failed to start", "CannotStartContainerError: no such file"), "container of job-4 could not start"),
    ("a reason that is new", _failed("Something new"), "job-4 failed: Something new"),
    ("a blocked head", _behind("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - too large."), "job-5 is at the head of the queue and blocks it"),
    ("other jobs before it", _behind(""), "job-4 waits at place 2"),
    ("waits in a disabled queue", _disabled_queue, "queue main is disabled"),
    ("waits, and its bucket is gone", _gone_output, "bucket gone does not exist"),
    ("waits for a job", _all(lambda a: a.add_job(OTHER, status="RUNNING"), lambda a: a.add_job(status="PENDING", dependsOn=[{"jobId": OTHER}])), "job-4 waits for job-5, which is RUNNING"),
]  # fmt: skip


def rows(faults: list[Fault], *, changes: bool) -> list[Any]:
    """The faults that change resources, or those that do not, as parameters of a test."""
    return [pytest.param(i, expected, id=name) for name, i, expected in faults if isinstance(i, Change) == changes]


def check(account: Account, subject: str, expected: str) -> None:
    """Requires that the first finding is the expected one, and that it says how it is known and what to do."""
    found = account.findings(subject)
    assert found, "nothing was found"
    assert re.search(expected, found[0].cause), found[0].cause
    assert found[0].evidence
    assert all(found[0].evidence)
    assert found[0].remedy
    assert not found[0].cause.endswith(".")
