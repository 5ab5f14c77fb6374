"""The actions of the deploy policy, by the statement that allows them.

They are the calls that the AWS provider and the pushes of images make. Tests compare them with the calls of a deployment.
"""

#: Read actions for which AWS supports only `Resource: *`, because they have no resource types (Service Authorization Reference).
READ = (
    "batch:DescribeComputeEnvironments",
    "batch:DescribeJobDefinitions",
    "batch:DescribeJobQueues",
    "batch:DescribeSchedulingPolicies",
    "ec2:DescribeAddresses",
    "ec2:DescribeAddressesAttribute",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeFlowLogs",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribeNatGateways",
    "ec2:DescribeNetworkAcls",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribePrefixLists",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroupRules",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeTags",
    "ec2:DescribeVpcEndpoints",
    "ec2:DescribeVpcs",
    "ec2:GetEbsDefaultKmsKeyId",
    "ecr:GetAuthorizationToken",
    "logs:DescribeLogGroups",
    "servicequotas:GetAWSDefaultServiceQuota",
)

#: Actions that cannot be restricted by the tag `Name`. Most create a resource without reference to another. In an existing network (`vpcId`), whose
#: tag the stack does not set, Biobatch creates a security group and reads attributes. `DisassociateAddress` removes an address from a NAT gateway.
#: AWS authorizes it against the gateway's network interface, which AWS owns and which has no tag. The provider may call it when the gateway no
#: longer exists.
NETWORK = (
    "ec2:AllocateAddress",
    "ec2:CreateInternetGateway",
    "ec2:CreateLaunchTemplate",
    "ec2:CreateSecurityGroup",
    "ec2:CreateVpc",
    "ec2:DescribeVpcAttribute",
    "ec2:DisassociateAddress",
)

#: Create actions by the type of the new resource. AWS also authorizes them against the new resource, which has no tag yet. All other resources that
#: AWS checks have the stack's name. An internet gateway is attached immediately after its creation, when not all of EC2 knows it yet
#: (hashicorp/terraform#1657). The network to which it is attached belongs to the stack.
CREATE: dict[str, tuple[str, ...]] = {
    "internet-gateway": ("ec2:AttachInternetGateway",),
    "natgateway": ("ec2:CreateNatGateway",),
    "route-table": ("ec2:CreateRouteTable",),
    "security-group-rule": ("ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress"),
    "subnet": ("ec2:CreateSubnet",),
    "vpc-endpoint": ("ec2:CreateVpcEndpoint",),
    "vpc-flow-log": ("ec2:CreateFlowLogs",),
}

#: Actions that change or delete parts of networks and launch templates. They are allowed only for resources with the stack's tag `Name`. The provider
#: sets the tag in the call that creates the resource, and there it takes effect immediately (EC2 User Guide, "tag your resources").
CHANGE = (
    "ec2:AssociateRouteTable",
    "ec2:CreateLaunchTemplateVersion",
    "ec2:CreateRoute",
    "ec2:DeleteFlowLogs",
    "ec2:DeleteInternetGateway",
    "ec2:DeleteLaunchTemplate",
    "ec2:DeleteNatGateway",
    "ec2:DeleteRoute",
    "ec2:DeleteRouteTable",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteSubnet",
    "ec2:DeleteVpc",
    "ec2:DeleteVpcEndpoints",
    "ec2:DetachInternetGateway",
    "ec2:DisassociateRouteTable",
    "ec2:ModifySubnetAttribute",
    "ec2:ModifyVpcAttribute",
    "ec2:ModifyVpcEndpoint",
    "ec2:ReleaseAddress",
    "ec2:ReplaceRoute",
    "ec2:ReplaceRouteTableAssociation",
    "ec2:RevokeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupIngress",
)

#: Actions that change tags of network resources and launch templates.
TAG = (
    "ec2:CreateTags",
    "ec2:DeleteTags",
)

#: Actions on the private hosted zones in which AWS keeps the names of interface endpoints.
ENDPOINT_NAMES = (
    "route53:AssociateVPCWithHostedZone",
    "route53:DisassociateVPCFromHostedZone",
)

#: Actions on compute environments, queues, scheduling policies and job definitions.
BATCH = (
    "batch:CreateComputeEnvironment",
    "batch:CreateJobQueue",
    "batch:CreateSchedulingPolicy",
    "batch:DeleteComputeEnvironment",
    "batch:DeleteJobQueue",
    "batch:DeleteSchedulingPolicy",
    "batch:DeregisterJobDefinition",
    "batch:RegisterJobDefinition",
    "batch:TagResource",
    "batch:UntagResource",
    "batch:UpdateComputeEnvironment",
    "batch:UpdateJobQueue",
    "batch:UpdateSchedulingPolicy",
)

#: Actions on repositories, including the push of images.
REPOSITORIES = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:CreateRepository",
    "ecr:DeleteLifecyclePolicy",
    "ecr:DeleteRepository",
    "ecr:DescribeRepositories",
    "ecr:GetDownloadUrlForLayer",
    "ecr:GetLifecyclePolicy",
    "ecr:InitiateLayerUpload",
    "ecr:ListTagsForResource",
    "ecr:PutImage",
    "ecr:PutImageScanningConfiguration",
    "ecr:PutImageTagMutability",
    "ecr:PutLifecyclePolicy",
    "ecr:TagResource",
    "ecr:UntagResource",
    "ecr:UploadLayerPart",
)

#: Actions on the rules by which ECR fetches images of public registries for engines, for which AWS supports only `Resource: *`. ECR keeps the
#: rules of the whole account and region, so the deployer can also change those of others.
CACHE_RULES = (
    "ecr:CreatePullThroughCacheRule",
    "ecr:DeletePullThroughCacheRule",
    "ecr:DescribePullThroughCacheRules",
)

#: Actions on log groups.
LOGS = (
    "logs:AssociateKmsKey",
    "logs:CreateLogGroup",
    "logs:DeleteLogGroup",
    "logs:DisassociateKmsKey",
    "logs:ListTagsForResource",
    "logs:PutRetentionPolicy",
    "logs:TagResource",
    "logs:UntagResource",
)

#: Actions on the topic of the notices, and on its subscription.
TOPIC = (
    "sns:CreateTopic",
    "sns:DeleteTopic",
    "sns:GetSubscriptionAttributes",
    "sns:GetTopicAttributes",
    "sns:ListTagsForResource",
    "sns:SetTopicAttributes",
    "sns:Subscribe",
    "sns:TagResource",
    "sns:Unsubscribe",
    "sns:UntagResource",
)

#: Actions on the rules that send the notices.
RULES = (
    "events:DeleteRule",
    "events:DescribeRule",
    "events:ListTagsForResource",
    "events:ListTargetsByRule",
    "events:PutRule",
    "events:PutTargets",
    "events:RemoveTargets",
    "events:TagResource",
    "events:UntagResource",
)

#: Actions on the dashboard.
DASHBOARD = (
    "cloudwatch:DeleteDashboards",
    "cloudwatch:GetDashboard",
    "cloudwatch:PutDashboard",
)

#: Actions on the budget. `ModifyBudget` covers creation, change and deletion (Service Authorization Reference).
BUDGET = (
    "budgets:ListTagsForResource",
    "budgets:ModifyBudget",
    "budgets:TagResource",
    "budgets:UntagResource",
    "budgets:ViewBudget",
)

#: Actions on the data bucket and its settings. The provider also reads settings that the stack does not set.
BUCKET = (
    "s3:CreateBucket",
    "s3:DeleteBucketPolicy",
    "s3:GetAccelerateConfiguration",
    "s3:GetBucketAcl",
    "s3:GetBucketCORS",
    "s3:GetBucketLogging",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketRequestPayment",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetBucketWebsite",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListBucket",
    "s3:ListBucketVersions",
    "s3:ListTagsForResource",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketTagging",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:TagResource",
    "s3:UntagResource",
)

#: Actions that delete the content of the data bucket.
EMPTY_BUCKET = ("s3:DeleteObject", "s3:DeleteObjectVersion")

#: Actions on roles, instance profiles and managed policies.
ROLES = (
    "iam:AddRoleToInstanceProfile",
    "iam:CreateInstanceProfile",
    "iam:CreatePolicy",
    "iam:CreatePolicyVersion",
    "iam:DeleteInstanceProfile",
    "iam:DeletePolicy",
    "iam:DeletePolicyVersion",
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:GetInstanceProfile",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListInstanceProfilesForRole",
    "iam:ListPolicyVersions",
    "iam:ListRolePolicies",
    "iam:RemoveRoleFromInstanceProfile",
    "iam:TagInstanceProfile",
    "iam:TagPolicy",
    "iam:TagRole",
    "iam:UntagInstanceProfile",
    "iam:UntagPolicy",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "iam:UpdateRoleDescription",
)

#: Actions that give a role more permissions. If the stack has a permissions boundary, they are allowed only within it.
STRENGTHEN_ROLES = (
    "iam:CreateRole",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
)

#: Actions on the grants of a KMS key.
GRANTS = (
    "kms:CreateGrant",
    "kms:DescribeKey",
    "kms:ListGrants",
    "kms:RevokeGrant",
)
