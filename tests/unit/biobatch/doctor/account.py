"""An account with a healthy stack. moto simulates its network, roles, images, keys, bucket and logs. Batch answers from the dictionaries of
`Account`, since moto's Batch has no machines, and other services answer what a test says."""

import fnmatch
import json
import re
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from biobatch.aws import Aws
from biobatch.doctor import job, stack
from biobatch.doctor.examination import examine
from biobatch.doctor.finding import Finding, LeftOut
from biobatch.doctor.view import View
from biobatch.stack_outputs import StackOutputs

ACCOUNT, REGION = "123456789012", "us-east-1"
BATCH = f"arn:aws:batch:{REGION}:{ACCOUNT}"
JOB = "4f6c5e0a-6a0f-4b52-9d0e-0c6c5b1d2f3a"
OTHER = "5f6c5e0a-6a0f-4b52-9d0e-0c6c5b1d2f3a"

Answer = Callable[[Any], Any]


class Denied(Exception):
    """An error of AWS, by its code."""


def _instance_types(body: Any) -> Any:
    """Some types, by their names or their architecture."""
    types: list[dict[str, Any]] = [
        {
            "InstanceType": f"{family}.{size}",
            "VCpuInfo": {"DefaultVCpus": vcpus},
            "MemoryInfo": {"SizeInMiB": 4096 * vcpus},
            "ProcessorInfo": {"SupportedArchitectures": ["arm64" if family.endswith("g") else "x86_64"]},
            "SupportedUsageClasses": ["on-demand", "spot"],
        }
        for family in ("m6i", "c7g")
        for size, vcpus in (("large", 2), ("xlarge", 4), ("8xlarge", 32))
    ]
    wanted = [value for name, value in body.items() if name.startswith("Filter.1.Value")]
    return {
        "InstanceTypes": [
            each
            for each in types
            if {*wanted} & {*each["ProcessorInfo"]["SupportedArchitectures"]}
            or any(fnmatch.fnmatchcase(each["InstanceType"], pattern) for pattern in wanted)
        ]
    }


class Account:
    """The healthy stack, with what tests change."""

    def __init__(self, clients: Aws, folder: Path) -> None:
        self.clients = clients
        self.folder = folder
        self._stubs: dict[tuple[str, str], Answer] = {}
        self._registered: set[tuple[str, str]] = set()
        self._make_network()
        self._make_roles()
        self._make_launch()
        self._make_image()
        clients.s3.create_bucket(Bucket="data")
        clients.logs.create_log_group(logGroupName="jobs")
        self.reset()

    def reset(self) -> None:
        """Makes every answer that of the healthy stack again. Resources in moto stay as they are."""
        self.architecture = "amd64"
        self.quotas = {"L-34B43A08": 512.0, "L-1216C47A": 512.0}
        self.jobs: dict[str, Any] = {}
        self._stubs.clear()
        self._make_batch()
        self._answer()

    # Resources

    def _make_network(self) -> None:
        ec2 = self.clients.ec2
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})

        def subnet(block: str, zone: str) -> str:
            made = ec2.create_subnet(VpcId=self.vpc, CidrBlock=block, AvailabilityZone=REGION + zone)
            return made["Subnet"]["SubnetId"]

        def table(target: dict[str, str], *subnets: str) -> str:
            made = ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
            ec2.create_route(RouteTableId=made, DestinationCidrBlock="0.0.0.0/0", **target)  # type: ignore[arg-type]
            for each in subnets:
                ec2.associate_route_table(RouteTableId=made, SubnetId=each)
            return made

        self.public, self.subnets = subnet("10.0.0.0/24", "a"), [subnet("10.0.1.0/24", "a"), subnet("10.0.2.0/24", "b")]
        self.gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.public_table = table({"GatewayId": self.gateway}, self.public)
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = ec2.create_nat_gateway(SubnetId=self.public, AllocationId=address)["NatGateway"]
        self.nat = nat["NatGatewayId"]
        self.private_table = table({"NatGatewayId": self.nat}, *self.subnets)
        self.s3_endpoint = ec2.create_vpc_endpoint(
            VpcId=self.vpc,
            VpcEndpointType="Gateway",
            ServiceName=f"com.amazonaws.{REGION}.s3",
            RouteTableIds=[self.private_table],
        )["VpcEndpoint"]["VpcEndpointId"]
        self.group = ec2.create_security_group(GroupName="jobs", Description="jobs", VpcId=self.vpc)["GroupId"]

    def use_endpoints(self, *, without: str = "", private_dns: bool = True, open_to: str = "10.0.0.0/16") -> None:
        """Replaces the NAT gateway by interface endpoints."""
        ec2 = self.clients.ec2
        ec2.delete_route(RouteTableId=self.private_table, DestinationCidrBlock="0.0.0.0/0")
        group = ec2.create_security_group(GroupName="endpoints", Description="endpoints", VpcId=self.vpc)["GroupId"]
        rule: Any = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": open_to}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        for service in ("ecs", "ecs-agent", "ecs-telemetry", "ecr.api", "ecr.dkr", "logs"):
            if service != without:
                ec2.create_vpc_endpoint(
                    VpcId=self.vpc,
                    VpcEndpointType="Interface",
                    ServiceName=f"com.amazonaws.{REGION}.{service}",
                    SubnetIds=self.subnets,
                    SecurityGroupIds=[group],
                    PrivateDnsEnabled=private_dns,
                )

    @property
    def iam(self) -> Any:
        return self.clients.more("iam")

    def _make_roles(self) -> None:
        def role(name: str, service: str) -> str:
            trust = {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
            }
            made: str = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
            return made

        for name in ("AWSServiceRoleForBatch", "AWSServiceRoleForEC2Spot"):
            role(name, "batch.amazonaws.com")
        self.job_role, self.execution_role = (role(each, "ecs-tasks.amazonaws.com") for each in ("job", "execution"))
        role("instance", "ec2.amazonaws.com")
        self.profile = self.iam.create_instance_profile(InstanceProfileName="instance")["InstanceProfile"]["Arn"]
        self.iam.add_role_to_instance_profile(InstanceProfileName="instance", RoleName="instance")
        self.allow("instance", "ecs:*", "ssm:*", "ssmmessages:*")
        self.allow("job", "s3:ListBucket", "s3:GetObject", "s3:PutObject")
        self.allow(
            "execution",
            *("ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
            *("logs:CreateLogStream", "logs:PutLogEvents"),
        )

    def allow(self, role: str, *actions: str) -> None:
        """Sets what a role allows."""
        document = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}],
        }
        self.iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=json.dumps(document))

    def bound(self, role: str, *actions: str) -> None:
        """Sets a permissions boundary that allows only these actions."""
        document = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}],
        }
        arn = self.iam.create_policy(PolicyName="boundary", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
        self.iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=arn)

    def _make_launch(self) -> None:
        kms = self.clients.more("kms")
        self.key = kms.create_key()["KeyMetadata"]["KeyId"]
        linked = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
        self.grant = kms.create_grant(KeyId=self.key, GranteePrincipal=linked, Operations=["Decrypt"])["GrantId"]
        template = self.clients.ec2.create_launch_template(
            LaunchTemplateName="machines",
            LaunchTemplateData={
                "BlockDeviceMappings": [
                    {"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "KmsKeyId": self.key, "VolumeSize": 100}}
                ]
            },
        )
        self.template = template["LaunchTemplate"]["LaunchTemplateId"]

    def _make_image(self) -> None:
        ecr = self.clients.more("ecr")
        ecr.create_repository(repositoryName="bwa")
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        config = {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "digest": "sha256:" + "c" * 64,
            "size": 1,
        }
        manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []}
        made = ecr.put_image(repositoryName="bwa", imageManifest=json.dumps(manifest), imageTag="1")["image"]
        self.digest = made["imageId"]["imageDigest"]
        self.image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/bwa@{self.digest}"

    def _make_batch(self) -> None:
        def environment(kind: str, type_: str) -> dict[str, Any]:
            return {
                "computeEnvironmentName": kind,
                "computeEnvironmentArn": f"{BATCH}:compute-environment/{kind}",
                "ecsClusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{kind}",
                "state": "ENABLED",
                "status": "VALID",
                "statusReason": "ComputeEnvironment Healthy",
                "computeResources": {
                    "type": type_,
                    "minvCpus": 0,
                    "maxvCpus": 256,
                    "desiredvCpus": 0,
                    "instanceTypes": ["default_x86_64"],
                    "subnets": list(self.subnets),
                    "securityGroupIds": [self.group],
                    "instanceRole": self.profile,
                    "launchTemplate": {"launchTemplateId": self.template, "version": "1"},
                    "ec2Configuration": [{"imageType": "ECS_AL2023", "batchImageStatus": "LATEST"}],
                },
            }

        self.environments = [environment("spot", "SPOT"), environment("on-demand", "EC2")]

        def queue(name: str, *environments: str) -> dict[str, Any]:
            return {
                "jobQueueName": name,
                "jobQueueArn": f"{BATCH}:job-queue/{name}",
                "state": "ENABLED",
                "status": "VALID",
                "statusReason": "JobQueue Healthy",
                "priority": 1,
                "computeEnvironmentOrder": [
                    {"order": i, "computeEnvironment": f"{BATCH}:compute-environment/{each}"}
                    for i, each in enumerate(environments, start=1)
                ],
            }

        self.queues = [queue("main", "spot", "on-demand"), queue("uninterrupted", "on-demand")]
        self.definition: dict[str, Any] = {
            "jobDefinitionName": "bwa",
            "jobDefinitionArn": f"{BATCH}:job-definition/bwa:1",
            "revision": 1,
            "type": "container",
            "status": "ACTIVE",
            "containerProperties": {
                "image": self.image,
                "jobRoleArn": self.job_role,
                "executionRoleArn": self.execution_role,
                "resourceRequirements": [{"type": "VCPU", "value": "4"}, {"type": "MEMORY", "value": "7600"}],
                "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "jobs"}},
            },
        }
        self.definitions = [self.definition]
        self.snapshot: list[str] = []

    def add_job(self, id_: str = JOB, status: str = "FAILED", **members: Any) -> dict[str, Any]:
        """Adds a job in a state."""
        made: dict[str, Any] = {
            "jobId": id_,
            "jobArn": f"{BATCH}:job/{id_}",
            "jobName": f"job-{id_[0]}",
            "jobQueue": f"{BATCH}:job-queue/main",
            "jobDefinition": f"{BATCH}:job-definition/bwa:1",
            "status": status,
            "startedAt": 1,
            **members,
        }
        container = {
            "image": self.image,
            "resourceRequirements": [{"type": "VCPU", "value": "4"}, {"type": "MEMORY", "value": "7600"}],
            **members.get("container", {}),
        }
        made["container"] = container
        self.jobs[id_] = made
        return made

    def log(self, *lines: str, id_: str = JOB) -> None:
        """Writes the log of a job."""
        stream = f"bwa/{uuid.uuid4()}"
        self.jobs[id_]["container"]["logStreamName"] = stream
        logs, now = self.clients.logs, int(time.time() * 1000)
        logs.create_log_stream(logGroupName="jobs", logStreamName=stream)
        events: list[Any] = [{"timestamp": now, "message": line} for line in lines]
        if events:
            logs.put_log_events(logGroupName="jobs", logStreamName=stream, logEvents=events)

    # Answers

    def stub(self, service: str, operation: str, answer: Answer) -> None:
        """Answers an operation. The answer gets the body of the request. It raises `Denied` for an error of AWS."""
        self._stubs[service, operation] = answer
        if (service, operation) in self._registered:
            return
        self._registered.add((service, operation))
        client = getattr(self.clients, service, None) or self.clients.more(service)
        name = client.meta.service_model.service_id.hyphenize()

        def handle(params: Any, **_: Any) -> Any:
            body = params["body"]
            if (service, operation) not in self._stubs:
                return None
            try:
                parsed = self._stubs[service, operation](
                    json.loads(body) if isinstance(body, bytes | str) and body else body
                )
            except Denied as denied:
                error = {"Error": {"Code": str(denied), "Message": "no"}, "ResponseMetadata": {"HTTPHeaders": {}}}
                return SimpleNamespace(status_code=400), error
            return SimpleNamespace(status_code=200), parsed

        client.meta.events.register_first(f"before-call.{name}.{operation}", handle)

    def deny(self, service: str, operation: str, code: str = "AccessDeniedException") -> None:
        """Refuses an operation."""

        def refuse(_: Any) -> Any:
            raise Denied(code)

        self.stub(service, operation, refuse)

    def _answer(self) -> None:
        def found(member: str, identities: tuple[str, ...], asked: str) -> Answer:
            def answer(body: Any) -> Any:
                items = getattr(self, member)
                return {asked: [each for each in items if {each[i] for i in identities} & {*body[asked]}]}

            return answer

        self.stub("batch", "DescribeJobQueues", found("queues", ("jobQueueArn", "jobQueueName"), "jobQueues"))
        self.stub(
            "batch",
            "DescribeComputeEnvironments",
            found("environments", ("computeEnvironmentArn", "computeEnvironmentName"), "computeEnvironments"),
        )
        self.stub("batch", "DescribeJobDefinitions", found("definitions", ("jobDefinitionArn",), "jobDefinitions"))
        self.stub(
            "batch", "DescribeJobs", lambda body: {"jobs": [self.jobs[e] for e in body["jobs"] if e in self.jobs]}
        )
        self.stub("batch", "ListJobs", self._list_jobs)
        self.stub(
            "batch",
            "GetJobQueueSnapshot",
            lambda body: {"frontOfQueue": {"jobs": [{"jobArn": f"{BATCH}:job/{each}"} for each in self.snapshot]}},
        )
        self.stub(
            "service-quotas", "GetServiceQuota", lambda body: {"Quota": {"Value": self.quotas[body["QuotaCode"]]}}
        )
        config = self.folder / "config.json"

        def url(_: Any) -> Any:
            config.write_text(json.dumps({"architecture": self.architecture}))
            return {"downloadUrl": config.as_uri()}

        self.stub("ecr", "GetDownloadUrlForLayer", url)

        offers = [{"InstanceType": "m6i.xlarge", "Location": REGION + zone} for zone in "ab"]
        # moto answers with hundreds of types and thousands of offers, which takes long to read.
        self.stub("ec2", "DescribeInstanceTypes", _instance_types)
        self.stub("ec2", "DescribeInstanceTypeOfferings", lambda _: {"InstanceTypeOfferings": offers})
        # moto would load all policies of AWS, which takes seconds.
        self.stub("iam", "ListAttachedRolePolicies", lambda _: {"AttachedPolicies": [], "IsTruncated": False})

    def _list_jobs(self, body: Any) -> Any:
        array, state = body.get("arrayJobId"), body.get("jobStatus")
        jobs = [
            {"createdAt": 1, **each}
            for each in self.jobs.values()
            if each["status"] == state
            and (each["jobId"].startswith(f"{array}:") if array else body.get("jobQueue") == each["jobQueue"])
        ]
        return {"jobSummaryList": jobs}

    # Examination

    @property
    def stack(self) -> StackOutputs:
        return StackOutputs(
            queue_arn=f"{BATCH}:job-queue/main",
            on_demand_queue_arn=f"{BATCH}:job-queue/uninterrupted",
            job_definition_arns={"bwa": f"{BATCH}:job-definition/bwa:1"},
            bucket="data",
            region=REGION,
            log_group="jobs",
            max_vcpus=256,
            scratch_gib=100,
            instance_types=["default_x86_64"],
        )

    def refuse_changes(self) -> None:
        """Refuses calls that change resources, because tests share this account. They may write logs."""

        def refuse(model: Any, **_: Any) -> None:
            if not re.match(r"Describe|Get|List|Head|Batch(Check|Get)|CreateLogStream|PutLogEvents", model.name):
                raise AssertionError(f"{model.name} changes the account: mark the fault as a Change")

        for service in ("ec2", "s3", "logs", "iam", "kms", "ecr"):
            client = getattr(self.clients, service, None) or self.clients.more(service)
            client.meta.events.register(
                f"before-parameter-build.{client.meta.service_model.service_id.hyphenize()}", refuse
            )

    def view(self) -> View:
        return stack.view(self.clients, self.stack)

    def answers(self, subject: str = "") -> list[Finding | LeftOut]:
        """What the doctor finds out about the stack, or about a job."""
        if not subject:
            return list(examine(self.view(), stack.STACK, patience=60))
        detail = job.describe(self.clients, subject)
        return list(examine(job.view(self.clients, self.stack, detail), job.checks(detail), patience=60))

    def findings(self, subject: str = "") -> list[Finding]:
        """The findings alone."""
        return [each for each in self.answers(subject) if isinstance(each, Finding)]
