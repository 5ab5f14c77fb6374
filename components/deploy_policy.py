"""What `pulumi up` and `pulumi destroy` of a stack need to be allowed, so that an institute can hand out a deployer's role."""

import itertools
import json
from typing import Any

#: Reads for which AWS offers nothing narrower than `Resource: *` (Service Authorization Reference: these have no resource types).
_READ = (
    *("batch:DescribeComputeEnvironments", "batch:DescribeJobDefinitions", "batch:DescribeJobQueues"),
    *("batch:DescribeSchedulingPolicies", "ec2:DescribeAddresses", "ec2:DescribeAddressesAttribute"),
    *("ec2:DescribeAvailabilityZones", "ec2:DescribeFlowLogs", "ec2:DescribeInstanceTypeOfferings"),
    *("ec2:DescribeInternetGateways", "ec2:DescribeLaunchTemplateVersions", "ec2:DescribeLaunchTemplates"),
    *("ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls", "ec2:DescribeNetworkInterfaces"),
    *("ec2:DescribePrefixLists", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroupRules"),
    *("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeTags"),
    *("ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs", "ec2:GetEbsDefaultKmsKeyId"),
    *("ecr:GetAuthorizationToken", "logs:DescribeLogGroups"),
    "servicequotas:GetAWSDefaultServiceQuota",
)

#: What no tag `Name` narrows: what makes something out of nothing; in a network that others made (`vpcId`), which bears a name of theirs, the
#: making of a security group and the reading of attributes; and taking an address off a NAT gateway, by whose interface, AWS's own and without
#: a tag, it is judged, and which the provider may ask for when the gateway is gone.
_NETWORK = (
    *("AllocateAddress", "CreateInternetGateway", "CreateLaunchTemplate", "CreateSecurityGroup", "CreateVpc"),
    *("DescribeVpcAttribute", "DisassociateAddress"),
)

#: What AWS judges by something that is being made too, which bears no tag yet, by the type of that; all else that it is judged by bears the
#: stack's name. An internet gateway is attached in the moment it is made, when not all of EC2 knows it (hashicorp/terraform#1657); the network
#: that it opens is the stack's.
_NEW = {
    "internet-gateway": ("AttachInternetGateway",),
    "natgateway": ("CreateNatGateway",),
    "route-table": ("CreateRouteTable",),
    "security-group-rule": ("AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress"),
    "subnet": ("CreateSubnet",),
    "vpc-endpoint": ("CreateVpcEndpoint",),
    "vpc-flow-log": ("CreateFlowLogs",),
}

#: What changes or takes away parts of networks and launch templates: only those whose tag `Name` the stack has given. The provider gives it
#: in the call that makes them, and there it counts at once (EC2 User Guide, "tag your resources").
_CHANGES = (
    *("AssociateRouteTable", "CreateLaunchTemplateVersion", "CreateRoute", "DeleteFlowLogs", "DeleteInternetGateway"),
    *("DeleteLaunchTemplate", "DeleteNatGateway", "DeleteRoute", "DeleteRouteTable", "DeleteSecurityGroup"),
    *("DeleteSubnet", "DeleteVpc", "DeleteVpcEndpoints", "DetachInternetGateway", "DisassociateRouteTable"),
    *("ModifySubnetAttribute", "ModifyVpcAttribute", "ModifyVpcEndpoint", "ReleaseAddress", "ReplaceRoute"),
    *("ReplaceRouteTableAssociation", "RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress"),
)

_TAGS = ("CreateTags", "DeleteTags")

_NAMES = ("AssociateVPCWithHostedZone", "DisassociateVPCFromHostedZone")

_BATCH = (
    *("CreateComputeEnvironment", "CreateJobQueue", "CreateSchedulingPolicy", "DeleteComputeEnvironment"),
    *("DeleteJobQueue", "DeleteSchedulingPolicy", "DeregisterJobDefinition", "RegisterJobDefinition", "TagResource"),
    *("UntagResource", "UpdateComputeEnvironment", "UpdateJobQueue", "UpdateSchedulingPolicy"),
)

_REPOSITORIES = (
    *("BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload", "CreateRepository"),
    *("DeleteLifecyclePolicy", "DeleteRepository", "DescribeRepositories", "GetDownloadUrlForLayer"),
    *("GetLifecyclePolicy", "InitiateLayerUpload", "ListTagsForResource", "PutImage", "PutImageScanningConfiguration"),
    *("PutImageTagMutability", "PutLifecyclePolicy", "TagResource", "UntagResource", "UploadLayerPart"),
)

_LOGS = (
    *("AssociateKmsKey", "CreateLogGroup", "DeleteLogGroup", "DisassociateKmsKey", "ListTagsForResource"),
    *("PutRetentionPolicy", "TagResource", "UntagResource"),
)

#: The bucket's own settings; the provider reads those too that the stack leaves alone.
_BUCKET = (
    *("CreateBucket", "DeleteBucketPolicy", "GetAccelerateConfiguration", "GetBucketAcl"),
    *("GetBucketCORS", "GetBucketLogging", "GetBucketObjectLockConfiguration", "GetBucketOwnershipControls"),
    *("GetBucketPolicy", "GetBucketPublicAccessBlock", "GetBucketRequestPayment", "GetBucketTagging"),
    *("GetBucketVersioning", "GetBucketWebsite", "GetEncryptionConfiguration", "GetLifecycleConfiguration"),
    *("GetReplicationConfiguration", "ListBucket", "ListBucketVersions", "ListTagsForResource"),
    *("PutBucketOwnershipControls", "PutBucketPolicy", "PutBucketPublicAccessBlock", "PutBucketTagging"),
    *("PutBucketVersioning", "PutEncryptionConfiguration", "PutLifecycleConfiguration", "TagResource"),
    "UntagResource",
)

_ROLES = (
    *("AddRoleToInstanceProfile", "CreateInstanceProfile", "CreatePolicy", "CreatePolicyVersion"),
    *("DeleteInstanceProfile", "DeletePolicy", "DeletePolicyVersion", "DeleteRole", "DeleteRolePolicy"),
    *("GetInstanceProfile", "GetPolicy", "GetPolicyVersion", "GetRole", "GetRolePolicy"),
    *("ListAttachedRolePolicies", "ListInstanceProfilesForRole", "ListPolicyVersions", "ListRolePolicies"),
    *("RemoveRoleFromInstanceProfile", "TagInstanceProfile", "TagPolicy", "TagRole", "UntagInstanceProfile"),
    *("UntagPolicy", "UntagRole", "UpdateAssumeRolePolicy", "UpdateRole", "UpdateRoleDescription"),
)

#: What makes a role stronger: only within the boundary, where there is one.
_STRENGTHENS = ("CreateRole", "PutRolePermissionsBoundary", "PutRolePolicy")

#: The services that take the stack's roles. Batch among them since no document says which of EC2 and itself it names when an
#: environment takes the instance profile; the roles' own trust lets neither in that is not meant.
_PASSED_TO = ("batch.amazonaws.com", "ec2.amazonaws.com", "ecs-tasks.amazonaws.com", "vpc-flow-logs.amazonaws.com")

#: A new account lacks their own roles. Batch's is made in the deployer's name (Batch User Guide, "service-linked roles"), the others by
#: the services; who deploys may make them before, as docs/how-to/prepare-an-account.md says.
_SERVICES = ("autoscaling.amazonaws.com", "batch.amazonaws.com", "ecs.amazonaws.com", "spot.amazonaws.com")

_GRANTS = ("CreateGrant", "DescribeKey", "ListGrants", "RevokeGrant")

#: EC2's quotas of vCPUs that run at the same time in a region, of the families that it calls standard: A, C, D, H, I, M, R, T and Z (EC2 User
#: Guide, "Spot Instance quotas" and "On-Demand Instance quotas").
SPOT_QUOTA = "L-34B43A08"
ON_DEMAND_QUOTA = "L-1216C47A"

#: The AWS-managed policies of the instance role.
INSTANCE_POLICIES = {
    "ecs": "service-role/AmazonEC2ContainerServiceforEC2Role",
    "ssm": "AmazonSSMManagedInstanceCore",
}


def deploy_policy(
    *,
    partition: str,
    account_id: str,
    region: str,
    name: str,
    protect_data: bool = True,
    permissions_boundary_arn: str = "",
    kms_key_arn: str = "",
) -> str:
    """The policy, as JSON, of who runs `up`, `preview`, `refresh` and `destroy` of a stack, and nothing beyond its own resources
    where AWS lets these be told apart.

    Actions are those that the providers call: pulumi-aws of this version by its source, and the images' pushes. With a
    permissions boundary, roles are made and strengthened within it only. The text holds more than a managed policy may (6,144
    characters); it is a role's inline policy, 10,240.

    Args:
        partition: AWS partition, such as `aws`.
        account_id: the stack's account.
        region: its region code.
        name: what the names of all its resources begin with.
        protect_data: True: a `destroy` keeps the data bucket, and nothing in it can be deleted, nor it.
        permissions_boundary_arn: the boundary of its roles, or "".
        kms_key_arn: the key of bucket, logs and volumes, or "".
    """

    def arn(service: str, resource: str, place: str = f"{region}:{account_id}") -> str:
        return f"arn:{partition}:{service}:{place}:{resource}"

    def iam(resource: str) -> str:
        return arn("iam", resource, f":{account_id}")

    def own(service: str, *kinds: str) -> list[str]:
        return [arn(service, f"{kind}{name}-*") for kind in kinds]

    roles = iam(f"role/{name}-*")
    managed = [arn("iam", f"policy/{policy}", ":aws") for policy in INSTANCE_POLICIES.values()]
    # In China EC2 goes by either name, and no document says by which here.
    passed_to = [*_PASSED_TO, *(["ec2.amazonaws.com.cn"] if partition == "aws-cn" else [])]
    bounded = {"iam:PermissionsBoundary": permissions_boundary_arn} if permissions_boundary_arn else {}
    statements = [
        _statement("Read", _READ, "*"),
        _statement("Network", _prefixed("ec2", _NETWORK), arn("ec2", "*")),
        # A statement for each type: what makes a NAT gateway is judged by its subnet too, which may not be just any.
        *(
            _statement(f"New{type_.title().replace('-', '')}", _prefixed("ec2", makes), arn("ec2", f"{type_}/*"))
            for type_, makes in _NEW.items()
        ),
        _statement(
            "Own",
            _prefixed("ec2", (*itertools.chain(*_NEW.values()), *_CHANGES, *_TAGS)),
            arn("ec2", "*"),
            {"StringLike": {"aws:ResourceTag/Name": [name, f"{name}-*"]}},
        ),
        # Whoever could give anything the stack's name could then change it or take it away: tags go on what is being made.
        _statement("NameNew", ["ec2:CreateTags"], arn("ec2", "*"), {"Null": {"ec2:CreateAction": "false"}}),
        # AWS keeps the interface endpoints' names in private zones of its own, and asks the deployer's right to them (Service
        # Authorization Reference: dependent actions of ec2:CreateVpcEndpoint).
        _statement("EndpointNames", _prefixed("route53", _NAMES), arn("route53", "hostedzone/*", ":")),
        _statement(
            "Batch",
            _prefixed("batch", _BATCH),
            own("batch", "compute-environment/", "job-definition/", "job-queue/", "scheduling-policy/"),
        ),
        _statement("Images", _prefixed("ecr", _REPOSITORIES), own("ecr", "repository/")),
        _statement("Logs", _prefixed("logs", _LOGS), own("logs", "log-group:")),
        _statement("Bucket", _prefixed("s3", _BUCKET), arn("s3", f"{name}-*", ":")),
        *([] if protect_data else _deletes_data(arn("s3", f"{name}-*", ":"))),
        _statement(
            "Roles",
            _prefixed("iam", _ROLES),
            [roles, iam(f"instance-profile/{name}-*"), iam(f"policy/{name}-*")],
        ),
        _statement("MakeRoles", _prefixed("iam", _STRENGTHENS), roles, {"StringEquals": bounded} if bounded else None),
        _statement(
            "AttachPolicies",
            ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
            roles,
            {"ArnEquals": {"iam:PolicyARN": managed}},
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
        # Without a key of the stack's own, whose the default one of its volumes is, which another account may share.
        _statement("Key", _prefixed("kms", _GRANTS), kms_key_arn)
        if kms_key_arn
        else _statement("DefaultKey", ["kms:DescribeKey"], arn("kms", "key/*", f"{region}:*")),
        *([] if bounded else [_statement("Unbound", ["iam:DeleteRolePermissionsBoundary"], roles)]),
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _deletes_data(bucket: str) -> list[dict[str, Any]]:
    return [
        _statement("DeleteBucket", ["s3:DeleteBucket"], bucket),
        _statement("EmptyBucket", ["s3:DeleteObject", "s3:DeleteObjectVersion"], f"{bucket}/*"),
    ]


def _prefixed(service: str, actions: tuple[str, ...]) -> list[str]:
    return [f"{service}:{action}" for action in actions]


def _statement(
    sid: str, actions: list[str] | tuple[str, ...], resource: str | list[str], condition: dict[str, Any] | None = None
) -> dict[str, Any]:
    statement = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}
    return {**statement, **({"Condition": condition} if condition else {})}
