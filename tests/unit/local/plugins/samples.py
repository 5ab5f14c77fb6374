"""Inputs of every resource type, as the program and awsx send them, and a change that needs no replacement."""

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import boto3

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
BATCH_TRUST = TRUST.replace("ecs-tasks", "batch")


def policy(*actions: str) -> str:
    """A policy that allows actions on one bucket."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": ["arn:aws:s3:::genomes/*"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def bucket_policy(bucket: str, sid: str) -> str:
    """A policy that allows only TLS."""
    statement = {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def topic_policy(topic: str, sid: str) -> str:
    """A policy that lets EventBridge publish."""
    statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def notification(kind: str, threshold: int) -> dict[str, Any]:
    """A notification of a budget."""
    return {
        "comparisonOperator": "GREATER_THAN",
        "notificationType": kind,
        "threshold": threshold,
        "thresholdType": "PERCENTAGE",
        "subscriberEmailAddresses": ["lab@example.org"],
    }


def lifecycle_policy(count: int) -> str:
    """An ECR life-cycle policy that keeps some images."""
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count}
    return json.dumps({"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]})


def container(image: str = "tool@sha256:1", memory: str = "1900") -> str:
    """Container properties as the program writes them."""
    return json.dumps(
        {
            "image": image,
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": memory}],
            "jobRoleArn": "arn:aws:iam::123456789012:role/job",
            "user": "10001:10001",
            "privileged": False,
            "readonlyRootFilesystem": True,
            "linuxParameters": {"initProcessEnabled": True},
            "volumes": [{"name": "scratch"}],
            "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/scratch", "readOnly": False}],
            "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
        }
    )


class World:
    """The other resources that a resource needs. Each is created when it is first used."""

    def __init__(self, create: Callable[[str, str, Mapping[str, Any]], Any]) -> None:
        self._create = create

    def new(self, token: str, name: str = "given") -> Any:
        """A resource of a type, from its sample."""
        return self._create(token, name, SAMPLES[token](self))

    @cached_property
    def vpc(self) -> str:
        return str(self.new("aws:ec2/vpc:Vpc").id)

    @cached_property
    def subnet(self) -> str:
        return str(self.new("aws:ec2/subnet:Subnet").id)

    @cached_property
    def gateway(self) -> str:
        return str(self.new("aws:ec2/internetGateway:InternetGateway").id)

    @cached_property
    def table(self) -> str:
        return str(self.new("aws:ec2/routeTable:RouteTable").id)

    @cached_property
    def group(self) -> str:
        return str(self.new("aws:ec2/securityGroup:SecurityGroup", "given-group").id)

    @cached_property
    def template(self) -> str:
        return str(self.new("aws:ec2/launchTemplate:LaunchTemplate", "given-template").id)

    @cached_property
    def role(self) -> str:
        return str(self.new("aws:iam/role:Role").id)

    @cached_property
    def service_role(self) -> str:
        role = self._create("aws:iam/role:Role", "batch", {"assumeRolePolicy": BATCH_TRUST})
        return str(role.properties["arn"])

    @cached_property
    def profile(self) -> str:
        return str(self.new("aws:iam/instanceProfile:InstanceProfile", "given-profile").properties["arn"])

    @cached_property
    def bucket(self) -> str:
        return str(self.new("aws:s3/bucket:Bucket").id)

    @cached_property
    def key(self) -> str:
        return str(boto3.client("kms", region_name="us-east-1").create_key()["KeyMetadata"]["Arn"])

    @cached_property
    def topic(self) -> str:
        return str(self.new("aws:sns/topic:Topic").id)

    @cached_property
    def repository(self) -> str:
        return str(self.new("aws:ecr/repository:Repository").id)

    @cached_property
    def environment(self) -> str:
        return str(self.new("aws:batch/computeEnvironment:ComputeEnvironment", "given-environment").properties["arn"])


def resources(world: World) -> dict[str, Any]:
    """A Spot environment's resources."""
    return {
        "type": "SPOT",
        "allocationStrategy": "SPOT_PRICE_CAPACITY_OPTIMIZED",
        "minVcpus": 0,
        "maxVcpus": 256,
        "instanceTypes": ["m5"],
        "instanceRole": world.profile,
        "subnets": [world.subnet],
        "securityGroupIds": [world.group],
        "ec2Configurations": [{"imageType": "ECS_AL2023"}],
        "launchTemplate": {"launchTemplateId": world.template, "version": "1"},
        "tags": {"Name": "job"},
    }


TAGS = {"project": "genomes"}

SAMPLES: dict[str, Callable[[World], dict[str, Any]]] = {
    "aws:ec2/vpc:Vpc": lambda w: {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True, "tags": TAGS},
    "aws:ec2/subnet:Subnet": lambda w: {
        "vpcId": w.vpc,
        "availabilityZone": "us-east-1a",
        "cidrBlock": "10.0.0.0/20",
        "mapPublicIpOnLaunch": True,
        "assignIpv6AddressOnCreation": False,
        "tags": TAGS,
    },
    "aws:ec2/internetGateway:InternetGateway": lambda w: {"vpcId": w.vpc, "tags": TAGS},
    "aws:ec2/natGateway:NatGateway": lambda w: {
        "subnetId": w.subnet,
        "allocationId": w.new("aws:ec2/eip:Eip").properties["allocationId"],
        "tags": TAGS,
    },
    "aws:ec2/eip:Eip": lambda w: {"tags": TAGS},
    "aws:ec2/routeTable:RouteTable": lambda w: {"vpcId": w.vpc, "tags": TAGS},
    "aws:ec2/route:Route": lambda w: {
        "routeTableId": w.table,
        "destinationCidrBlock": "0.0.0.0/0",
        "gatewayId": w.gateway,
    },
    "aws:ec2/routeTableAssociation:RouteTableAssociation": lambda w: {"routeTableId": w.table, "subnetId": w.subnet},
    "aws:ec2/vpcEndpoint:VpcEndpoint": lambda w: {
        "vpcId": w.vpc,
        "serviceName": "com.amazonaws.us-east-1.s3",
        "vpcEndpointType": "Gateway",
        "routeTableIds": [w.table],
        "tags": TAGS,
    },
    "aws:ec2/securityGroup:SecurityGroup": lambda w: {
        "description": "Machines: everything out",
        "vpcId": w.vpc,
        "egress": [
            {
                "protocol": "-1",
                "fromPort": 0,
                "toPort": 0,
                "cidrBlocks": ["0.0.0.0/0"],
                "description": "To AWS and the internet",
            }
        ],
        "tags": TAGS,
    },
    "aws:ec2/securityGroupRule:SecurityGroupRule": lambda w: {
        "type": "ingress",
        "protocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "cidrBlocks": ["10.0.0.0/16"],
        "securityGroupId": w.group,
    },
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": lambda w: {
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "cidrIpv4": "10.0.0.0/16",
        "description": "From the network",
        "securityGroupId": w.group,
        "tags": TAGS,
    },
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": lambda w: {
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "cidrIpv4": "10.0.0.0/8",
        "securityGroupId": w.group,
    },
    "aws:ec2/launchTemplate:LaunchTemplate": lambda w: {
        "description": "Machines of jobs",
        "userData": "ZWNobwo=",
        "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1},
        "blockDeviceMappings": [
            {
                "deviceName": "/dev/xvda",
                "ebs": {"volumeType": "gp3", "volumeSize": 100, "encrypted": "true", "deleteOnTermination": "true"},
            }
        ],
        "tagSpecifications": [{"resourceType": "volume", "tags": {"Name": "job"}}],
        "tags": TAGS,
    },
    "aws:ec2/flowLog:FlowLog": lambda w: {
        "vpcId": w.vpc,
        "trafficType": "ALL",
        "logDestination": w.new("aws:cloudwatch/logGroup:LogGroup").properties["arn"],
        "iamRoleArn": w.new("aws:iam/role:Role").properties["arn"],
        "tags": TAGS,
    },
    "aws:iam/role:Role": lambda w: {"assumeRolePolicy": TRUST, "tags": TAGS},
    "aws:iam/rolePolicy:RolePolicy": lambda w: {"role": w.role, "policy": policy("s3:GetObject", "s3:PutObject")},
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": lambda w: {
        "role": w.role,
        "policyArn": w.new("aws:iam/policy:Policy").id,
    },
    "aws:iam/policy:Policy": lambda w: {"policy": policy("s3:GetObject"), "tags": TAGS},
    "aws:iam/instanceProfile:InstanceProfile": lambda w: {"role": w.role, "tags": TAGS},
    "aws:kms/grant:Grant": lambda w: {
        "keyId": w.key,
        "granteePrincipal": "arn:aws:iam::123456789012:role/machines",
        "operations": ["Encrypt", "Decrypt", "CreateGrant"],
    },
    "aws:s3/bucket:Bucket": lambda w: {"forceDestroy": True, "tags": TAGS},
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": lambda w: {
        "bucket": w.bucket,
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    },
    "aws:s3/bucketPolicy:BucketPolicy": lambda w: {"bucket": w.bucket, "policy": bucket_policy(w.bucket, "TlsOnly")},
    "aws:s3/bucketVersioning:BucketVersioning": lambda w: {
        "bucket": w.bucket,
        "versioningConfiguration": {"status": "Enabled"},
    },
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": lambda w: {
        "bucket": w.bucket,
        "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}],
    },
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": lambda w: {
        "bucket": w.bucket,
        "rules": [
            {
                "id": "incomplete-uploads",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
            },
            {
                "id": "noncurrent-versions",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "noncurrentVersionExpiration": {"noncurrentDays": 30},
            },
        ],
    },
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": lambda w: {
        "bucket": w.bucket,
        "rule": {"objectOwnership": "BucketOwnerEnforced"},
    },
    "aws:ecr/repository:Repository": lambda w: {
        "forceDelete": True,
        "imageScanningConfiguration": {"scanOnPush": True},
        "tags": TAGS,
    },
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": lambda w: {"repository": w.repository, "policy": lifecycle_policy(20)},
    "aws:ecr/pullThroughCacheRule:PullThroughCacheRule": lambda w: {
        "ecrRepositoryPrefix": "biobatch-1a2b3c4/quay",
        "upstreamRegistryUrl": "quay.io",
    },
    "aws:batch/computeEnvironment:ComputeEnvironment": lambda w: {
        "type": "MANAGED",
        "serviceRole": w.service_role,
        "computeResources": resources(w),
        "tags": TAGS,
    },
    "aws:batch/jobQueue:JobQueue": lambda w: {
        "state": "ENABLED",
        "priority": 1,
        "computeEnvironmentOrders": [{"order": 1, "computeEnvironment": w.environment}],
        "jobStateTimeLimitActions": [
            {
                "action": "CANCEL",
                "state": "RUNNABLE",
                "maxTimeSeconds": 3600,
                "reason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
            }
        ],
        "tags": TAGS,
    },
    "aws:batch/jobDefinition:JobDefinition": lambda w: {
        "type": "container",
        "platformCapabilities": ["EC2"],
        "containerProperties": container(),
        "retryStrategy": {
            "attempts": 4,
            "evaluateOnExits": [
                {"action": "RETRY", "onStatusReason": "Host EC2*"},
                {"action": "EXIT", "onReason": "*"},
            ],
        },
        "timeout": {"attemptDurationSeconds": 7200},
        "propagateTags": True,
        "deregisterOnNewRevision": False,
        "tags": TAGS,
    },
    "aws:batch/schedulingPolicy:SchedulingPolicy": lambda w: {
        "fairSharePolicy": {
            "shareDecaySeconds": 3600,
            "shareDistributions": [{"shareIdentifier": "a", "weightFactor": 1.5}],
        },
        "tags": TAGS,
    },
    "aws:cloudwatch/logGroup:LogGroup": lambda w: {"retentionInDays": 30, "tags": TAGS},
    "aws:cloudwatch/eventRule:EventRule": lambda w: {
        "description": "Failed jobs",
        "eventPattern": json.dumps({"source": ["aws.batch"], "detail": {"status": ["FAILED"]}}),
        "tags": TAGS,
    },
    "aws:cloudwatch/eventTarget:EventTarget": lambda w: {
        "rule": w.new("aws:cloudwatch/eventRule:EventRule").properties["name"],
        "arn": w.topic,
        "inputTransformer": {"inputPaths": {"job": "$.detail.jobId"}, "inputTemplate": '"The job <job> failed."'},
        "retryPolicy": {"maximumEventAgeInSeconds": 86_400, "maximumRetryAttempts": 185},
    },
    "aws:cloudwatch/dashboard:Dashboard": lambda w: {"dashboardName": "genomes", "dashboardBody": '{"widgets": []}'},
    "aws:sns/topic:Topic": lambda w: {"displayName": "Genomes", "tags": TAGS},
    "aws:sns/topicPolicy:TopicPolicy": lambda w: {"arn": w.topic, "policy": topic_policy(w.topic, "Rules")},
    "aws:sns/topicSubscription:TopicSubscription": lambda w: {
        "topic": w.topic,
        "protocol": "email",
        "endpoint": "lab@example.org",
    },
    "aws:budgets/budget:Budget": lambda w: {
        "budgetType": "COST",
        "limitAmount": "100",
        "limitUnit": "USD",
        "timeUnit": "MONTHLY",
        "costFilters": [{"name": "TagKeyValue", "values": ["user:project$genomes"]}],
        "notifications": [
            notification("ACTUAL", 80),
            notification("FORECASTED", 100),
        ],
        "tags": TAGS,
    },
}
