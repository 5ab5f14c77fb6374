"""The policy for users and roles that run `pulumi up` and `pulumi destroy`. `python -m components deploy-policy` prints it."""

import itertools
import json
from collections.abc import Sequence
from typing import Any

from components.permissions import deploy_actions as actions
from components.permissions.batch import INSTANCE_POLICIES

#: The services to which the deployer passes the stack's roles. Batch is included because no document states whether AWS checks EC2 or Batch when a
#: compute environment gets the instance profile. The trust policies of the roles allow only the intended services.
_PASSED_TO = ("batch.amazonaws.com", "ec2.amazonaws.com", "ecs-tasks.amazonaws.com", "vpc-flow-logs.amazonaws.com")

#: The services whose service-linked roles a new account lacks. Batch's role is created with the deployer's permissions (Batch User Guide,
#: "service-linked roles"). The services create the others. The deployer can also create them in advance (docs/how-to/prepare-an-account.md).
_SERVICES = ("autoscaling.amazonaws.com", "batch.amazonaws.com", "ecs.amazonaws.com", "spot.amazonaws.com")

#: The quotas of vCPUs of running Spot and On-Demand instances in a region. They count the standard families: A, C, D, H, I, M, R, T and Z (EC2 User
#: Guide, "Spot Instance quotas" and "On-Demand Instance quotas").
SPOT_QUOTA = "L-34B43A08"
ON_DEMAND_QUOTA = "L-1216C47A"


def deploy_policy(
    *,
    partition: str,
    account_id: str,
    region: str,
    name: str,
    protect_data: bool = True,
    engines: bool = False,
    permissions_boundary_arn: str = "",
    kms_key_arn: str = "",
) -> str:
    """The policy, as JSON, that allows `up`, `preview`, `refresh` and `destroy` of a stack. Where AWS can distinguish the stack's resources from
    others, it allows only those of the stack.

    The actions are those of the installed pulumi-aws, according to its source, and of the pushes of images. With a permissions boundary, roles can
    be created and strengthened only within it. The text is longer than the 6,144 characters of a managed policy, so use it as an inline policy of
    a role, which can have 10,240.

    Args:
        partition: AWS partition, such as `aws`.
        account_id: ID of the stack's account, 12 digits.
        region: region code of the stack.
        name: the prefix of the names of all the stack's resources.
        protect_data: True: `destroy` keeps the data bucket, and the policy allows no deletion of the bucket or its objects.
        engines: True: the stack has a policy for workflow engines, which it attaches to the role of their heads.
        permissions_boundary_arn: ARN of the permissions boundary of the stack's roles, or "" for none.
        kms_key_arn: ARN of the KMS key for bucket, logs and volumes, or "" for none.
    """

    def arn(service: str, resource: str, place: str = f"{region}:{account_id}") -> str:
        return f"arn:{partition}:{service}:{place}:{resource}"

    def iam(resource: str) -> str:
        return arn("iam", resource, f":{account_id}")

    def own(service: str, *kinds: str) -> list[str]:
        return [arn(service, f"{kind}{name}-*") for kind in kinds]

    roles, bucket = iam(f"role/{name}-*"), arn("s3", f"{name}-*", ":")
    attached = [arn("iam", f"policy/{policy}", ":aws") for policy in INSTANCE_POLICIES.values()]
    if engines:
        attached.append(iam(f"policy/{name}-*"))
    # In China, EC2 has two service names. No document states which of them applies here.
    passed_to = [*_PASSED_TO, *(["ec2.amazonaws.com.cn"] if partition == "aws-cn" else [])]
    bounded = {"iam:PermissionsBoundary": permissions_boundary_arn} if permissions_boundary_arn else {}
    statements = [
        _statement("Read", actions.READ, "*"),
        _statement("Network", actions.NETWORK, arn("ec2", "*")),
        # One statement for each type. For example, AWS also authorizes the creation of a NAT gateway against its subnet, which must be the stack's.
        *(_statement("", create, arn("ec2", f"{type_}/*")) for type_, create in actions.CREATE.items()),
        _statement(
            "Own",
            [*itertools.chain(*actions.CREATE.values()), *actions.CHANGE, *actions.TAG],
            arn("ec2", "*"),
            {"StringLike": {"aws:ResourceTag/Name": [name, f"{name}-*"]}},
        ),
        # Tags can be set only while a resource is created. Otherwise the deployer could give the stack's name to any resource, and then change or
        # delete it.
        _statement("NameNew", ["ec2:CreateTags"], arn("ec2", "*"), {"Null": {"ec2:CreateAction": "false"}}),
        # AWS keeps the names of interface endpoints in private hosted zones that it owns, and checks the deployer's permissions for them
        # (Service Authorization Reference: dependent actions of ec2:CreateVpcEndpoint).
        _statement("EndpointNames", actions.ENDPOINT_NAMES, arn("route53", "hostedzone/*", ":")),
        _statement(
            "Batch",
            actions.BATCH,
            own("batch", "compute-environment/", "job-definition/", "job-queue/", "scheduling-policy/"),
        ),
        *([_statement("Cache", actions.CACHE_RULES, "*")] if engines else []),
        _statement("Images", actions.REPOSITORIES, own("ecr", "repository/")),
        _statement("Logs", actions.LOGS, own("logs", "log-group:")),
        # Each service checks only its own actions and resources, so one statement is as narrow as four, and shorter.
        _statement(
            "Notices",
            [*actions.TOPIC, *actions.RULES, *actions.DASHBOARD, *actions.BUDGET],
            [
                *own("sns", ""),
                *own("events", "rule/"),
                arn("cloudwatch", f"dashboard/{name}-*", f":{account_id}"),
                arn("budgets", f"budget/{name}-*", f":{account_id}"),
            ],
        ),
        _statement("Bucket", [*actions.BUCKET, *([] if protect_data else ["s3:DeleteBucket"])], bucket),
        *([] if protect_data else [_statement("EmptyBucket", actions.EMPTY_BUCKET, f"{bucket}/*")]),
        _statement(
            "Roles",
            actions.ROLES,
            [roles, iam(f"instance-profile/{name}-*"), iam(f"policy/{name}-*")],
        ),
        _statement("MakeRoles", actions.STRENGTHEN_ROLES, roles, {"StringEquals": bounded} if bounded else None),
        _statement(
            "AttachPolicies",
            ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
            roles,
            # The deployer also writes the stack's own policies, so attaching one strengthens a role.
            {"ArnLike": {"iam:PolicyARN": attached}, **({"StringEquals": bounded} if bounded else {})},
        ),
        _statement("PassRoles", ["iam:PassRole"], roles, {"StringEquals": {"iam:PassedToService": passed_to}}),
        _statement(
            "ServiceLinkedRoles",
            ["iam:CreateServiceLinkedRole"],
            iam("role/aws-service-role/*"),
            {"StringEquals": {"iam:AWSServiceName": list(_SERVICES)}},
        ),
        _statement(
            "Quotas",
            ["servicequotas:GetServiceQuota"],
            [arn("servicequotas", f"ec2/{code}") for code in (SPOT_QUOTA, ON_DEMAND_QUOTA)],
        ),
        # Without kmsKeyArn, volumes use the account's default key, which another account may own and share.
        _statement("Key", actions.GRANTS, kms_key_arn)
        if kms_key_arn
        else _statement("DefaultKey", ["kms:DescribeKey"], arn("kms", "key/*", f"{region}:*")),
        *([] if bounded else [_statement("Unbound", ["iam:DeleteRolePermissionsBoundary"], roles)]),
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _statement(
    sid: str, allowed: Sequence[str], resource: str | list[str], condition: dict[str, Any] | None = None
) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(allowed), "Resource": resource}
    return {**({"Sid": sid} if sid else {}), **statement, **({"Condition": condition} if condition else {})}
