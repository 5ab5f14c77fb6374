"""The deploy policy allows every call of `up`, `refresh` and `destroy`, and no other call."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID as ACCOUNT
from policy_sentry.querying.actions import get_dependent_actions

from components.permissions.deploy import deploy_policy
from tests.iam.calls import Wanted, wanted
from tests.iam.deployment import REGION, Deployment
from tests.iam.evaluator import Evaluator, Request, key_policy
from tests.unit.local.plugins.actions import actions
from tests.unit.recording import ROOT

BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/biobatch-bwa-1a2b3c4"

CONFIGURATIONS = {
    "everything": {
        "alertEmail": "lab@example.org",
        "dashboard": "true",
        "engines": "true",
        "flowLogs": "true",
        "instanceTypes": json.dumps(["m6i"]),
        "interfaceEndpoints": "true",
        "natGateways": "none",
        "kmsKeyArn": "made by others",
        "monthlyBudgetUsd": "500",
        "permissionsBoundaryArn": BOUNDARY,
        "protectData": "false",
        "shares": json.dumps({"phages": 1}),
        "tags": json.dumps({"project": "phages"}),
    },
    "defaults": {"protectData": "false"},
    "data that a destroy keeps": {},
    "an existing network": {"protectData": "false", "vpcId": "made by others"},
}

#: The ECR actions of a push by Pulumi's Docker provider and its engine (Amazon ECR User Guide, "IAM permissions for pushing").
PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)

#: The service-linked roles that the deployer's first calls create (Batch User Guide, "service-linked roles").
LINKED = {
    "autoscaling.amazonaws.com": "AWSServiceRoleForAutoScaling",
    "batch.amazonaws.com": "AWSServiceRoleForBatch",
    "ecs.amazonaws.com": "AWSServiceRoleForECS",
    "spot.amazonaws.com": "AWSServiceRoleForEC2Spot",
}

#: Actions that the `up` and the `destroy` of these tests do not need, by what needs them: an `up` that changes a resource in place, EC2 itself, or
#: the true provider, which reads more of a resource than the local one.
OTHERS = {
    "a change in place": (
        "batch:UntagResource",
        "budgets:UntagResource",
        "batch:UpdateSchedulingPolicy",
        "ec2:CreateLaunchTemplateVersion",
        "ec2:DeleteTags",
        "ec2:ModifyVpcEndpoint",
        "ec2:ReplaceRoute",
        "ec2:ReplaceRouteTableAssociation",
        "ec2:RevokeSecurityGroupIngress",
        "ecr:PutImageScanningConfiguration",
        "ecr:PutImageTagMutability",
        "ecr:UntagResource",
        "events:UntagResource",
        "iam:CreatePolicyVersion",
        "iam:DeletePolicyVersion",
        "iam:PutRolePermissionsBoundary",
        "iam:UntagInstanceProfile",
        "iam:UntagPolicy",
        "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole",
        "iam:UpdateRoleDescription",
        "logs:AssociateKmsKey",
        "logs:DisassociateKmsKey",
        "logs:UntagResource",
        "s3:TagResource",
        "s3:UntagResource",
        "sns:UntagResource",
        "iam:DeleteRolePermissionsBoundary",
    ),
    "EC2, on behalf of the deployer": (
        "route53:AssociateVPCWithHostedZone",
        "route53:DisassociateVPCFromHostedZone",
    ),
    "the true provider": (
        "ec2:DescribeAddressesAttribute",
        "ec2:DescribeSecurityGroupRules",
        "ec2:DisassociateAddress",
        "ec2:GetEbsDefaultKmsKeyId",
        "servicequotas:GetAWSDefaultServiceQuota",
        "servicequotas:GetServiceQuota",
        "iam:ListRolePolicies",
        "kms:DescribeKey",
        "s3:GetAccelerateConfiguration",
        "s3:GetBucketAcl",
        "s3:GetBucketCORS",
        "s3:GetBucketLogging",
        "s3:GetBucketObjectLockConfiguration",
        "s3:GetBucketRequestPayment",
        "s3:GetBucketWebsite",
        "s3:GetReplicationConfiguration",
        "s3:ListBucketVersions",
        "s3:ListTagsForResource",
    ),
}


#: Dependent actions of the policy's actions in AWS's reference that the stack never causes: those of ECS flow logs and of templates that name their
#: image by an SSM parameter. Service Quotas calls another service only to read that service's quotas, and the program reads only EC2's.
NOT_OURS = {
    # Reads of the cost that budgets of another billing view would need
    "billing:GetBillingViewData",
    "autoscaling:DescribeAccountLimits",
    "cloudformation:DescribeAccountLimits",
    "dynamodb:DescribeLimits",
    "elasticloadbalancing:DescribeAccountLimits",
    "iam:GetAccountSummary",
    "kinesis:DescribeLimits",
    "rds:DescribeAccountAttributes",
    "route53:GetAccountLimit",
    "ecs:ListClusters",
    "ecs:ListContainerInstances",
    "ecs:ListServices",
    "ecs:ListTaskDefinitions",
    "ecs:ListTasks",
    "ssm:GetParameters",
}


def policy(boundary: str, key: str, *, protect_data: bool = False, engines: bool = True) -> dict[str, object]:
    text = deploy_policy(
        partition="aws",
        account_id=ACCOUNT,
        region=REGION,
        name="biobatch",
        protect_data=protect_data,
        engines=engines,
        permissions_boundary_arn=boundary,
        kms_key_arn=key,
    )
    document: dict[str, object] = json.loads(text)
    return document


@pytest.fixture(scope="module")
def deployments() -> dict[str, Deployment]:
    """An `up`, a `refresh` and a `destroy` of each configuration."""

    def deployed(config: dict[str, str]) -> Deployment:
        ran = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "tests.iam.deployment", json.dumps(config)],
            cwd=ROOT,
            # The local stack of other tests can be running, and its variables would send the calls there.
            env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr[-3000:]
        return Deployment(*json.loads(ran.stdout))

    return {name: deployed(config) for name, config in CONFIGURATIONS.items()}


def asked(deployment: Deployment, boundary: str, evaluator: Evaluator) -> list[Wanted]:
    """The distinct requests to IAM during a deployment."""
    every = {action for service, operation, _ in deployment.calls for action in actions(service, operation)}
    tagging = ["batch:TagResource", "ec2:CreateTags", "ecr:TagResource", "logs:TagResource"]
    tagging += ["budgets:TagResource", "events:TagResource", "sns:TagResource"]
    tagging += ["iam:TagInstanceProfile", "iam:TagPolicy", "iam:TagRole"]
    types = evaluator.resource_types(sorted({*every, *tagging}))
    found: dict[str, Wanted] = {}
    for call in deployment.calls:
        for each in wanted(call, ACCOUNT, boundary, deployment.names, types.__getitem__):
            found[json.dumps(each)] = each
    return [*found.values(), *beside()]


def beside() -> Iterator[Wanted]:
    """Requests to IAM that the local provider does not make."""
    yield from ((action, REPOSITORY, {}) for action in PUSH)
    for service, role in LINKED.items():
        arn = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{service}/{role}"
        yield "iam:CreateServiceLinkedRole", arn, {"iam:AWSServiceName": service}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_up_refresh_and_destroy_pass_under_exactly_the_deploy_policy_call_by_call(
    name: str, deployments: dict[str, Deployment], evaluator: Evaluator
) -> None:
    config = CONFIGURATIONS[name]
    boundary = config.get("permissionsBoundaryArn", "")
    protect_data = config.get("protectData", "true") == "true"
    engines = config.get("engines") == "true"
    requests = [
        Request(
            action=action,
            resource=resource,
            context=context,
            policies=[policy(boundary, deployments[name].key, protect_data=protect_data, engines=engines)],
            resourcePolicy=key_policy(ACCOUNT) if action.startswith("kms:") else None,
            principal=f"arn:aws:iam::{ACCOUNT}:role/deployer",
            accountId=ACCOUNT,
        )
        for action, resource, context in asked(deployments[name], boundary, evaluator)
        if action != "sts:GetCallerIdentity"  # allowed to everybody, and no policy can deny it
    ]
    assert len(requests) > 150
    refused = [r for r, allowed in zip(requests, evaluator.decisions(requests), strict=True) if not allowed]
    assert [f"{r.action} on {r.resource} {r.context or ''}" for r in refused] == []


def test_the_create_call_sets_the_tag_that_the_policy_requires(
    deployments: dict[str, Deployment],
) -> None:
    calls = [call for deployment in deployments.values() for call in deployment.calls]
    assert sum("TagSpecifications" in parameters for _, _, parameters in calls) > 30
    assert [parameters for _, operation, parameters in calls if operation == "CreateTags"] == []


def test_the_deploy_policy_contains_no_unneeded_action(
    deployments: dict[str, Deployment], evaluator: Evaluator
) -> None:
    needed = {
        action
        for name, config in CONFIGURATIONS.items()
        for action, _, _ in asked(deployments[name], config.get("permissionsBoundaryArn", ""), evaluator)
    }
    others = {action for group in OTHERS.values() for action in group}
    (key,) = {deployment.key for deployment in deployments.values()} - {""}
    statements: list[dict[str, list[str]]] = policy("", key)["Statement"]  # type: ignore[assignment]
    assert {action for statement in statements for action in statement["Action"]} == needed - {
        "sts:GetCallerIdentity"
    } | others


def test_the_permissions_that_aws_checks_with_an_action_are_allowed() -> None:
    statements: list[dict[str, list[str]]] = policy("", "key")["Statement"]  # type: ignore[assignment]
    allowed = sorted({action for statement in statements for action in statement["Action"]})
    checked = get_dependent_actions(allowed)
    assert "route53:AssociateVPCWithHostedZone" in checked
    assert set(checked) - set(allowed) == NOT_OURS
