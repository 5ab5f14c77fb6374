"""The aws plugin replaces a resource if and only if AWS's schemas say that a property cannot change.

The schemas are those of CloudFormation. They are independent of the rules of the plugin, which come from the Terraform provider. Each
difference is listed with the reason.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from local.plugins.aws.differences import Difference
from local.plugins.aws.provider import TYPES
from local.plugins.aws.shapes import MAPS
from tests.unit.local.plugins import cloudformation
from tests.unit.local.plugins.pulumi_engine import Engine
from tests.unit.program.changes import resources
from tests.unit.recording import ROOT

#: Pulumi's type to CloudFormation's.
CFN = {
    "aws:ec2/vpc:Vpc": "AWS::EC2::VPC",
    "aws:ec2/subnet:Subnet": "AWS::EC2::Subnet",
    "aws:ec2/internetGateway:InternetGateway": "AWS::EC2::InternetGateway",
    "aws:ec2/natGateway:NatGateway": "AWS::EC2::NatGateway",
    "aws:ec2/eip:Eip": "AWS::EC2::EIP",
    "aws:ec2/routeTable:RouteTable": "AWS::EC2::RouteTable",
    "aws:ec2/route:Route": "AWS::EC2::Route",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "AWS::EC2::SubnetRouteTableAssociation",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "AWS::EC2::VPCEndpoint",
    "aws:ec2/securityGroup:SecurityGroup": "AWS::EC2::SecurityGroup",
    "aws:ec2/launchTemplate:LaunchTemplate": "AWS::EC2::LaunchTemplate",
    "aws:ec2/flowLog:FlowLog": "AWS::EC2::FlowLog",
    "aws:iam/role:Role": "AWS::IAM::Role",
    "aws:iam/rolePolicy:RolePolicy": "AWS::IAM::RolePolicy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "AWS::IAM::Role",
    "aws:iam/policy:Policy": "AWS::IAM::ManagedPolicy",
    "aws:iam/instanceProfile:InstanceProfile": "AWS::IAM::InstanceProfile",
    "aws:s3/bucket:Bucket": "AWS::S3::Bucket",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "AWS::S3::Bucket",
    "aws:s3/bucketPolicy:BucketPolicy": "AWS::S3::BucketPolicy",
    "aws:s3/bucketVersioning:BucketVersioning": "AWS::S3::Bucket",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": "AWS::S3::Bucket",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "AWS::S3::Bucket",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": "AWS::S3::Bucket",
    "aws:ecr/repository:Repository": "AWS::ECR::Repository",
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": "AWS::ECR::Repository",
    "aws:ecr/pullThroughCacheRule:PullThroughCacheRule": "AWS::ECR::PullThroughCacheRule",
    "aws:batch/computeEnvironment:ComputeEnvironment": "AWS::Batch::ComputeEnvironment",
    "aws:batch/jobQueue:JobQueue": "AWS::Batch::JobQueue",
    "aws:batch/jobDefinition:JobDefinition": "AWS::Batch::JobDefinition",
    "aws:batch/schedulingPolicy:SchedulingPolicy": "AWS::Batch::SchedulingPolicy",
    "aws:cloudwatch/logGroup:LogGroup": "AWS::Logs::LogGroup",
    "aws:cloudwatch/eventRule:EventRule": "AWS::Events::Rule",
    "aws:cloudwatch/eventTarget:EventTarget": "AWS::Events::Rule",
    "aws:cloudwatch/dashboard:Dashboard": "AWS::CloudWatch::Dashboard",
    "aws:sns/topic:Topic": "AWS::SNS::Topic",
    "aws:sns/topicPolicy:TopicPolicy": "AWS::SNS::TopicPolicy",
    "aws:sns/topicSubscription:TopicSubscription": "AWS::SNS::Subscription",
    "aws:budgets/budget:Budget": "AWS::Budgets::Budget",
}

#: Types that CloudFormation does not have.
WITHOUT_SCHEMA = {
    "aws:kms/grant:Grant": "KMS can create and revoke a grant and has no call that changes one, so every property replaces",
}

#: CloudFormation's paths that differ from Pulumi's by more than case and plural, by type and Pulumi's path. The path of a member starts
#: with that of the property that contains it.
NAMES: Mapping[str, Mapping[str, str]] = {
    "aws:ec2/flowLog:FlowLog": {"iamRoleArn": "DeliverLogsPermissionArn", "vpcId": "ResourceId"},
    "aws:ec2/securityGroup:SecurityGroup": {
        "description": "GroupDescription",
        "name": "GroupName",
        **{
            f"{direction}{member}": f"SecurityGroup{direction.capitalize()}{path}"
            for direction in ("egress", "ingress")
            for member, path in {"": "", ".cidrBlocks": ".CidrIp", ".protocol": ".IpProtocol"}.items()
        },
    },
    "aws:ec2/launchTemplate:LaunchTemplate": {
        "description": "VersionDescription",
        "name": "LaunchTemplateName",
        "tags": "TagSpecifications",
        **{
            name: f"LaunchTemplateData.{name[:1].upper()}{name[1:]}"
            for name in ("blockDeviceMappings", "metadataOptions", "tagSpecifications", "userData")
        },
    },
    "aws:iam/role:Role": {
        "assumeRolePolicy": "AssumeRolePolicyDocument",
        "name": "RoleName",
    },
    "aws:iam/rolePolicy:RolePolicy": {"name": "PolicyName", "policy": "PolicyDocument", "role": "RoleName"},
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {"policyArn": "ManagedPolicyArns", "role": "RoleName"},
    "aws:iam/policy:Policy": {"name": "ManagedPolicyName", "policy": "PolicyDocument"},
    "aws:iam/instanceProfile:InstanceProfile": {"name": "InstanceProfileName", "role": "Roles"},
    "aws:s3/bucket:Bucket": {"bucket": "BucketName"},
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {
        "bucket": "BucketName",
        **{
            name: f"PublicAccessBlockConfiguration.{name[:1].upper()}{name[1:]}"
            for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        },
    },
    "aws:s3/bucketPolicy:BucketPolicy": {"policy": "PolicyDocument"},
    "aws:s3/bucketVersioning:BucketVersioning": {"bucket": "BucketName"},
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {
        "bucket": "BucketName",
        "rules": "BucketEncryption.ServerSideEncryptionConfiguration",
        "rules.applyServerSideEncryptionByDefault": (
            "BucketEncryption.ServerSideEncryptionConfiguration.ServerSideEncryptionByDefault"
        ),
    },
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {
        "bucket": "BucketName",
        "rules": "LifecycleConfiguration.Rules",
        "rules.expiration.days": "LifecycleConfiguration.Rules.ExpirationInDays",
        "rules.expiration.expiredObjectDeleteMarker": "LifecycleConfiguration.Rules.ExpiredObjectDeleteMarker",
        "rules.filter.prefix": "LifecycleConfiguration.Rules.Prefix",
        "transitionDefaultMinimumObjectSize": "LifecycleConfiguration.TransitionDefaultMinimumObjectSize",
    },
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": {
        "bucket": "BucketName",
        "rule": "OwnershipControls.Rules",
    },
    "aws:ecr/repository:Repository": {"forceDelete": "EmptyOnDelete", "name": "RepositoryName"},
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": {
        "policy": "LifecyclePolicy.LifecyclePolicyText",
        "repository": "RepositoryName",
    },
    "aws:batch/computeEnvironment:ComputeEnvironment": {"name": "ComputeEnvironmentName"},
    "aws:batch/jobQueue:JobQueue": {"name": "JobQueueName"},
    "aws:batch/jobDefinition:JobDefinition": {
        "deregisterOnNewRevision": "ResourceRetentionPolicy.SkipDeregisterOnUpdate",
        "name": "JobDefinitionName",
    },
    "aws:cloudwatch/logGroup:LogGroup": {"name": "LogGroupName"},
    "aws:cloudwatch/eventTarget:EventTarget": {
        "arn": "Targets.Arn",
        "rule": "Name",
        "targetId": "Targets.Id",
        "inputTransformer": "Targets.InputTransformer",
        "inputTransformer.inputPaths": "Targets.InputTransformer.InputPathsMap",
        "retryPolicy": "Targets.RetryPolicy",
    },
    "aws:sns/topic:Topic": {"name": "TopicName"},
    "aws:sns/topicPolicy:TopicPolicy": {"arn": "Topics", "policy": "PolicyDocument"},
    "aws:sns/topicSubscription:TopicSubscription": {"topic": "TopicArn"},
    "aws:budgets/budget:Budget": {
        "budgetType": "Budget.BudgetType",
        "costFilters": "Budget.CostFilters",
        # Maps of text to text in the API
        "costFilters.name": "Budget.CostFilters",
        "costFilters.values": "Budget.CostFilters",
        "limitAmount": "Budget.BudgetLimit.Amount",
        "limitUnit": "Budget.BudgetLimit.Unit",
        "name": "Budget.BudgetName",
        "notifications": "NotificationsWithSubscribers.Notification",
        "notifications.subscriberEmailAddresses": "NotificationsWithSubscribers.Subscribers.Address",
        "tags": "ResourceTags",
        "timeUnit": "Budget.TimeUnit",
    },
}

#: Properties that no schema has.
WITHOUT_PROPERTY = {
    ("aws:ec2/internetGateway:InternetGateway", "vpcId"): "a resource of its own there, AWS::EC2::VPCGatewayAttachment",
    (
        "aws:iam/instanceProfile:InstanceProfile",
        "tags",
    ): "CloudFormation cannot tag a profile; IAM's TagInstanceProfile can",
    ("aws:iam/policy:Policy", "tags"): "CloudFormation cannot tag a managed policy; IAM's TagPolicy can",
    ("aws:s3/bucket:Bucket", "forceDestroy"): "the provider's own: it empties the bucket before it deletes it",
    ("aws:batch/jobQueue:JobQueue", "timeouts.delete"): "the provider's own: how long it waits for the deletion",
}

#: Differences between the true provider and CloudFormation, with the reasons.
EXCEPTIONS = {
    ("aws:ec2/eip:Eip", "domain"): "ForceNew (terraform-provider-aws, ec2_eip.go): AllocateAddress alone takes it",
    (
        "aws:ec2/eip:Eip",
        "publicIpv4Pool",
    ): "ForceNew (terraform-provider-aws, ec2_eip.go): AllocateAddress alone takes it",
    ("aws:s3/bucket:Bucket", "objectLockEnabled"): (
        "ForceNew (terraform-provider-aws, s3/bucket.go), although S3 can lock the objects of a bucket that is there"
    ),
    ("aws:cloudwatch/logGroup:LogGroup", "logGroupClass"): (
        "ForceNew (terraform-provider-aws, logs/group.go): AWS cannot change a group's class (API CreateLogGroup)"
    ),
    ("aws:ec2/routeTableAssociation:RouteTableAssociation", "routeTableId"): (
        "in place by ReplaceRouteTableAssociation (terraform-provider-aws, vpc_route_table_association.go)"
    ),
    ("aws:ecr/lifecyclePolicy:LifecyclePolicy", "policy"): (
        "a resource of its own without an update: every property is ForceNew (terraform-provider-aws, ecr/lifecycle_policy.go)"
    ),
    ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "policyArn"): (
        "a resource of its own without an update: every property is ForceNew (terraform-provider-aws, iam/role_policy_attachment.go)"
    ),
    ("aws:cloudwatch/eventTarget:EventTarget", "targetId"): "ForceNew (terraform-provider-aws, events/target.go)",
    ("aws:sns/topicPolicy:TopicPolicy", "arn"): "ForceNew (terraform-provider-aws, sns/topic_policy.go)",
    **{
        ("aws:ecr/pullThroughCacheRule:PullThroughCacheRule", name): (
            "in place by UpdatePullThroughCacheRule (terraform-provider-aws, ecr/pull_through_cache_rule.go)"
        )
        for name in ("credentialArn", "customRoleArn")
    },
    **{
        ("aws:budgets/budget:Budget", f"notifications{name}"): (
            "in place by CreateNotification and DeleteNotification (terraform-provider-aws, budgets/budget.go)"
        )
        for name in (
            *(".comparisonOperator", ".notificationType", ".subscriberEmailAddresses", ".threshold"),
            ".thresholdType",
        )
    },
    ("aws:batch/computeEnvironment:ComputeEnvironment", "tags"): (
        "in place by TagResource and UntagResource (terraform-provider-aws, batch/compute_environment.go)"
    ),
}

#: Properties whose change replaces under conditions in CloudFormation: what the true provider does for the program's resources.
CONDITIONS = {
    **dict.fromkeys(
        ("aws:cloudwatch/eventRule:EventRule", "aws:cloudwatch/eventTarget:EventTarget"),
        ("replaced", "ForceNew (terraform-provider-aws, events/rule.go and events/target.go)"),
    ),
    "aws:batch/computeEnvironment:ComputeEnvironment": (
        "in place",
        "replaced under an own service role or an older allocation strategy (terraform-provider-aws, batch/compute_environment.go)",
    ),
    "aws:ec2/subnet:Subnet": (
        "in place",
        "replaced where assignIpv6AddressOnCreation was true (terraform-provider-aws, ec2_subnet.go)",
    ),
    "aws:ec2/vpc:Vpc": (
        "replaced",
        "in place from dedicated to default (terraform-provider-aws, vpc_.go, CustomizeDiff)",
    ),
}

#: Properties whose change replaces under conditions in CloudFormation, and never in the true provider.
NEVER = {
    ("aws:batch/computeEnvironment:ComputeEnvironment", "computeResources.type"): (
        "not among the properties that force a new one (terraform-provider-aws, batch/compute_environment.go, CustomizeDiff)"
    ),
}

_REGION = {"aws:region": "eu-west-9"}
_KEY = "arn:aws:kms:eu-west-9:111122223333:key/11111111-2222-3333-4444-555555555555"
_BOUNDARY = "arn:aws:iam::111122223333:policy/boundary"

#: Configurations with which the program creates all its resource types and sets all their properties.
CONFIGURATIONS: tuple[dict[str, str], ...] = (
    _REGION,
    {
        **_REGION,
        "alertEmail": "lab@example.org",
        "amiId": "ami-0123456789abcdef0",
        "dashboard": "true",
        "dataBuckets": '[{"name": "genomes", "access": "read"}]',
        "flowLogs": "true",
        "interfaceEndpoints": "true",
        "kmsKeyArn": _KEY,
        "monthlyBudgetUsd": "500",
        "natGateways": "one-per-az",
        "permissionsBoundaryArn": _BOUNDARY,
        "shares": '{"phages": 1}',
        "tags": '{"project": "phages"}',
    },
    {**_REGION, "vpcId": "vpc-0123456789abcdef0", "privateSubnetIds": '["subnet-0123456789abcdef0"]'},
    {**_REGION, "engines": "true", "interfaceEndpoints": "true", "natGateways": "none"},
)


def _leaves(value: Any, path: str = "") -> Iterator[str]:
    """The paths of the properties that a program sets, without indices. Tags and other maps with the user's keys count as one value."""
    if isinstance(value, Mapping) and path.rpartition(".")[2] not in MAPS:
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for item in value:
            yield from _leaves(item, path)
    else:
        yield path


@pytest.fixture(scope="module")
def made() -> dict[str, dict[str, Mapping[str, Any]]]:
    """By type and path, the inputs of a resource of the program that sets it."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr("preflight.emulation.require_builder", lambda platform: None)
        registrations = [r for configuration in CONFIGURATIONS for r in resources(configuration).values()]
    for registration in registrations:
        if registration.type.startswith("aws:"):
            paths = found.setdefault(registration.type, {})
            for path in _leaves(registration.inputs):
                paths.setdefault(path, registration.inputs)
    return found


@cache
def _place(token: str, path: str) -> str | None:
    """CloudFormation's path of a property, or None if CloudFormation does not have it."""
    named = NAMES.get(token, {})
    if path in named:
        return named[path] if cloudformation.has(CFN[token], named[path]) else None
    holder, _, name = path.rpartition(".")
    within = _place(token, holder) if holder else ""
    return None if within is None else cloudformation.find(CFN[token], name, within)


def _replaces(engine: Engine, token: str, path: str, inputs: Mapping[str, Any]) -> bool:
    """Whether the plugin replaces a resource when a property changes."""
    given = engine.inputs(token, "sample", inputs)
    return bool(engine.provider.resource(token).replacing([Difference(path, "update", True)], given, given))


def _checked(engine: Engine, made: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[tuple[str, str, Any]]:
    """Type, path and inputs of every property that the program sets, and of every other that the plugin accepts and the schema has."""
    for token in sorted(made.keys() & CFN.keys()):
        known = engine.provider.resource(token).known - {"region", "tagsAll"}
        plain = {
            name for name in known if (p := _place(token, name)) and not cloudformation.holds_members(CFN[token], p)
        }
        any_inputs = next(iter(made[token].values()))
        for path in sorted(made[token].keys() | plain):
            if (token, path) not in WITHOUT_PROPERTY:
                yield token, path, made[token].get(path, any_inputs)


def test_every_type_and_property_of_the_program_is_compared(made: dict[str, dict[str, Any]]) -> None:
    assert made.keys() == CFN.keys() | WITHOUT_SCHEMA.keys()
    missing = {
        (token, path)
        for token in made.keys() & CFN.keys()
        for path in made[token]
        if _place(token, path) is None and (token, path) not in WITHOUT_PROPERTY
    }
    assert not missing, "name CloudFormation's path of each in NAMES, or say in WITHOUT_PROPERTY why it has none"


def test_the_plugin_replaces_a_resource_if_aws_cannot_change_a_property(
    offline: Engine, made: dict[str, dict[str, Any]]
) -> None:
    wrong: dict[tuple[str, str], str] = {}
    for token, path, inputs in _checked(offline, made):
        kind: str = cloudformation.kind(CFN[token], str(_place(token, path)))
        if kind == "depends":
            kind, _ = CONDITIONS[token]
        if _replaces(offline, token, path, inputs) != (kind == "replaced"):
            wrong[token, path] = kind
    assert wrong.keys() == EXCEPTIONS.keys()


def test_conditional_replacements_follow_the_conditions_of_the_provider(
    offline: Engine, made: dict[str, dict[str, Any]]
) -> None:
    token = "aws:batch/computeEnvironment:ComputeEnvironment"
    own_role = {"serviceRole": "arn:aws:iam::111122223333:role/own"}
    conditional = {
        path: inputs
        for path, inputs in made[token].items()
        if cloudformation.kind(CFN[token], str(_place(token, path))) == "depends"
    }
    assert len(conditional) > 8
    kept = {path for path, inputs in conditional.items() if not _replaces(offline, token, path, {**inputs, **own_role})}
    assert {(token, path) for path in kept} == NEVER.keys()


def test_every_reason_is_still_needed(made: dict[str, dict[str, Any]]) -> None:
    assert {token for token, _ in WITHOUT_PROPERTY} <= made.keys()
    assert all(_place(token, path) is None for token, path in WITHOUT_PROPERTY)
    assert TYPES.keys() >= CFN.keys() | WITHOUT_SCHEMA.keys()
