"""The permissions of every role and policy, as rows. An evaluator decides them, and the local AWS enforces them."""

from collections.abc import Mapping, Sequence

from tests import own_tool
from tests.iam.conftest import ACCOUNT, REGION

BUCKET = "arn:aws:s3:::biobatch-1a2b3c4"
BATCH = f"arn:aws:batch:{REGION}:{ACCOUNT}"
IAM = f"arn:aws:iam::{ACCOUNT}"
ECR = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository"
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group"
EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
QUOTAS = f"arn:aws:servicequotas:{REGION}:{ACCOUNT}:ec2"
MANAGED = "arn:aws:iam::aws:policy"

Row = tuple[str, str, str, Mapping[str, str], bool]


def row(who: str, action: str, resource: str, allowed: bool, **context: str) -> Row:
    return (
        who,
        action,
        resource,
        {key.replace("__", ":", 1).replace("__", "/"): value for key, value in context.items()},
        allowed,
    )


#: EC2's actions on existing resources, each with the resources whose tags AWS checks.
ON_EXISTING = {
    "AssociateRouteTable": ("route-table/rtb-1", "subnet/subnet-1"),
    "AttachInternetGateway": ("vpc/vpc-1",),
    "AuthorizeSecurityGroupEgress": ("security-group/sg-1",),
    "AuthorizeSecurityGroupIngress": ("security-group/sg-1",),
    "CreateFlowLogs": ("vpc/vpc-1", "subnet/subnet-1", "natgateway/nat-1", "network-interface/eni-1"),
    "CreateLaunchTemplateVersion": ("launch-template/lt-1",),
    "CreateNatGateway": ("elastic-ip/eipalloc-1", "subnet/subnet-1", "vpc/vpc-1"),
    "CreateRoute": ("route-table/rtb-1",),
    "CreateRouteTable": ("vpc/vpc-1",),
    "CreateSubnet": ("vpc/vpc-1",),
    "CreateTags": ("launch-template/lt-1", "vpc/vpc-1"),
    "CreateVpcEndpoint": ("route-table/rtb-1", "security-group/sg-1", "subnet/subnet-1", "vpc/vpc-1"),
    "DeleteLaunchTemplate": ("launch-template/lt-1",),
    "DeleteTags": ("launch-template/lt-1", "vpc/vpc-1"),
    "DeleteVpc": ("vpc/vpc-1",),
    "ModifySubnetAttribute": ("subnet/subnet-1",),
    "ModifyVpcAttribute": ("vpc/vpc-1",),
    "ModifyVpcEndpoint": (
        "route-table/rtb-1",
        "security-group/sg-1",
        "subnet/subnet-1",
        "vpc-endpoint/vpce-1",
    ),
    "ReplaceRoute": ("route-table/rtb-1",),
    "ReplaceRouteTableAssociation": ("route-table/rtb-1", "subnet/subnet-1"),
    "RevokeSecurityGroupEgress": ("security-group/sg-1",),
    "RevokeSecurityGroupIngress": ("security-group/sg-1",),
}

#: The new resources that AWS also checks when a call creates them. They have no tags yet.
NEW = {
    "AllocateAddress": "elastic-ip",
    "AttachInternetGateway": "internet-gateway",
    "AuthorizeSecurityGroupEgress": "security-group-rule",
    "AuthorizeSecurityGroupIngress": "security-group-rule",
    "CreateFlowLogs": "vpc-flow-log",
    "CreateInternetGateway": "internet-gateway",
    "CreateLaunchTemplate": "launch-template",
    "CreateNatGateway": "natgateway",
    "CreateRouteTable": "route-table",
    "CreateSecurityGroup": "security-group",
    "CreateSubnet": "subnet",
    "CreateVpc": "vpc",
    "CreateVpcEndpoint": "vpc-endpoint",
}

#: The rows of a stack without a key and a boundary. Its jobs can read references/human/, and read and write in results.
MATRIX: Sequence[Row] = [
    # The stack's bucket: list, read and write, but not delete or change settings
    row("job", "s3:ListBucket", BUCKET, True),
    row("job", "s3:ListBucket", BUCKET, True, s3__prefix="reads/"),
    row("job", "s3:GetObject", f"{BUCKET}/reads/a.fastq.gz", True),
    row("job", "s3:PutObject", f"{BUCKET}/results/a.bam", True),
    row("job", "s3:AbortMultipartUpload", f"{BUCKET}/results/a.bam", True),
    row("job", "s3:DeleteObject", f"{BUCKET}/results/a.bam", False),
    row("job", "s3:DeleteObjectVersion", f"{BUCKET}/results/a.bam", False),
    # The folders of engines: also delete, but no version
    *(
        row(who, action, f"{BUCKET}/{key}", allowed)
        for who in ("job", "submit")
        for action, key, allowed in (
            ("s3:DeleteObject", "work/nextflow/ab/12/.exitcode", True),
            ("s3:DeleteObject", "engines/run/multiqc.html", True),
            ("s3:DeleteObjectVersion", "work/nextflow/ab/12/.exitcode", False),
            ("s3:DeleteObjectVersion", "engines/run/multiqc.html", False),
            ("s3:DeleteObject", "workshop/slides.pdf", False),
            ("s3:DeleteObject", "runs/work/a.bam", False),
        )
    ),
    row("job", "s3:DeleteObject", "arn:aws:s3:::results/work/a.bam", False),
    row("job", "s3:PutObjectAcl", f"{BUCKET}/results/a.bam", False),
    row("job", "s3:GetObjectVersion", f"{BUCKET}/results/a.bam", False),
    row("job", "s3:PutBucketPolicy", BUCKET, False),
    row("job", "s3:DeleteBucket", BUCKET, False),
    row("job", "s3:PutLifecycleConfiguration", BUCKET, False),
    # A shared folder, for reading
    row("job", "s3:ListBucket", "arn:aws:s3:::references", True, s3__prefix="human/"),
    row("job", "s3:ListBucket", "arn:aws:s3:::references", True, s3__prefix="human/chr1"),
    row("job", "s3:ListBucket", "arn:aws:s3:::references", False),
    row("job", "s3:ListBucket", "arn:aws:s3:::references", False, s3__prefix="human-private/"),
    row("job", "s3:ListBucket", "arn:aws:s3:::references", False, s3__prefix="mouse/"),
    row("job", "s3:GetObject", "arn:aws:s3:::references/human/genome.fa", True),
    row("job", "s3:GetObject", "arn:aws:s3:::references/human-private/genome.fa", False),
    row("job", "s3:GetObject", "arn:aws:s3:::references/mouse/genome.fa", False),
    row("job", "s3:PutObject", "arn:aws:s3:::references/human/genome.fa", False),
    row("job", "s3:AbortMultipartUpload", "arn:aws:s3:::references/human/genome.fa", False),
    # A shared bucket, for reading and writing
    row("job", "s3:ListBucket", "arn:aws:s3:::results", True, s3__prefix="any/"),
    row("job", "s3:GetObject", "arn:aws:s3:::results/run/a.vcf.gz", True),
    row("job", "s3:PutObject", "arn:aws:s3:::results/run/a.vcf.gz", True),
    row("job", "s3:DeleteObject", "arn:aws:s3:::results/run/a.vcf.gz", False),
    # Nothing else
    row("job", "s3:GetObject", "arn:aws:s3:::others/a.bam", False),
    row("job", "s3:ListBucket", "arn:aws:s3:::others", False),
    row("job", "s3:ListAllMyBuckets", "*", False),
    row("job", "batch:SubmitJob", f"{BATCH}:job-queue/biobatch-main-1a2b3c4", False),
    row("job", "iam:PassRole", f"{IAM}:role/biobatch-job-1a2b3c4", False),
    row("job", "sts:AssumeRole", f"{IAM}:role/biobatch-execution-1a2b3c4", False),
    row("job", "logs:PutLogEvents", f"{LOGS}:biobatch-1a2b3c4:log-stream:a", False),
    row("job", "ecr:BatchGetImage", f"{ECR}/biobatch-bwa-1a2b3c4", False),
    row("job", "ec2:DescribeInstances", "*", False),
    # The agent that starts jobs: the stack's images, the stack's log group
    row("execution", "ecr:GetAuthorizationToken", "*", True),
    row("execution", "ecr:BatchGetImage", f"{ECR}/biobatch-bwa-1a2b3c4", True),
    row("execution", "ecr:GetDownloadUrlForLayer", f"{ECR}/biobatch-samtools-1a2b3c4", True),
    row("execution", "ecr:BatchCheckLayerAvailability", f"{ECR}/biobatch-fastqc-1a2b3c4", True),
    row("execution", "ecr:BatchGetImage", f"{ECR}/other", False),
    row("execution", "ecr:PutImage", f"{ECR}/biobatch-bwa-1a2b3c4", False),
    row("execution", "logs:CreateLogStream", f"{LOGS}:biobatch-1a2b3c4:log-stream:bwa/default/1", True),
    row("execution", "logs:PutLogEvents", f"{LOGS}:biobatch-1a2b3c4:log-stream:bwa/default/1", True),
    row("execution", "logs:PutLogEvents", f"{LOGS}:other:log-stream:bwa/default/1", False),
    row("execution", "logs:DeleteLogGroup", f"{LOGS}:biobatch-1a2b3c4", False),
    row("execution", "s3:GetObject", f"{BUCKET}/reads/a.fastq.gz", False),
    # Instances: the calls of the agent and of Session Manager
    row("instance", "ecs:Poll", f"{ECS}:container-instance/cluster/0123", True),
    row("instance", "ecs:DiscoverPollEndpoint", "*", True),
    row("instance", "ssm:UpdateInstanceInformation", "*", True),
    row("instance", "ecr:BatchGetImage", f"{ECR}/biobatch-base-1a2b3c4", False),
    row("instance", "ssm:GetParameter", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/password", False),
    row("instance", "logs:PutLogEvents", f"{LOGS}:biobatch-1a2b3c4:log-stream:bwa/default/1", False),
    row("instance", "s3:GetObject", f"{BUCKET}/reads/a.fastq.gz", False),
    row("instance", "ecs:DeregisterContainerInstance", f"{ECS}:cluster/cluster", False),
    # Users who submit jobs: these queues and definitions, by either form of their ARN
    row("submit", "batch:SubmitJob", f"{BATCH}:job-queue/biobatch-main-1a2b3c4", True),
    row("submit", "batch:SubmitJob", f"{BATCH}:job-queue/biobatch-on-demand-1a2b3c4", True),
    row("submit", "batch:SubmitJob", f"{BATCH}:job-queue/other", False),
    row("submit", "batch:SubmitJob", f"{BATCH}:job-definition/biobatch-bwa-1a2b3c4", True),
    row("submit", "batch:SubmitJob", f"{BATCH}:job-definition/biobatch-bwa-1a2b3c4:7", True),
    row("submit", "batch:SubmitJob", f"{BATCH}:job-definition/biobatch-bwa-1a2b3c4:3", True),
    row("submit", "batch:SubmitJob", f"{BATCH}:job-definition/biobatch-engine-bwa-1a2b3c4:7", True),
    row("submit", "batch:SubmitJob", f"{BATCH}:job-definition/biobatch-engine-bwa-1a2b3c4", True),
    row("submit", "batch:SubmitJob", f"{BATCH}:job-definition/biobatch-engine-bwa-5d6e7f8:1", False),
    row("submit", "batch:SubmitJob", f"{BATCH}:job-definition/other:1", False),
    # Without `engines`, no approved definitions
    row("submit", "batch:SubmitJob", f"{BATCH}:job-definition/biobatch-1a2b3c4-approved-0123456789ab:1", False),
    row("submit", "batch:TagResource", f"{BATCH}:job/0123", True),
    row("submit", "batch:TagResource", f"{BATCH}:job-queue/biobatch-main-1a2b3c4", True),
    row("submit", "batch:TagResource", f"{BATCH}:job-definition/biobatch-bwa-1a2b3c4:7", True),
    row("submit", "batch:TagResource", f"{BATCH}:job-queue/other", False),
    row("submit", "batch:TagResource", f"{BATCH}:job-definition/other:1", False),
    row("submit", "batch:TagResource", f"{BATCH}:compute-environment/biobatch-spot-1a2b3c4", False),
    row("submit", "batch:CancelJob", f"{BATCH}:job/0123", True),
    row("submit", "batch:TerminateJob", f"{BATCH}:job/0123", True),
    row("submit", "batch:DescribeJobs", "*", True),
    row("submit", "batch:ListJobs", "*", True),
    row("submit", "batch:GetJobQueueSnapshot", f"{BATCH}:job-queue/biobatch-main-1a2b3c4", True),
    row("submit", "batch:GetJobQueueSnapshot", f"{BATCH}:job-queue/other", False),
    row("submit", "ec2:DescribeInstanceTypes", "*", True),
    row("submit", "ec2:DescribeInstances", "*", False),
    row("submit", "batch:DescribeJobDefinitions", "*", True),
    row("submit", "batch:RegisterJobDefinition", f"{BATCH}:job-definition/mine", False),
    row("submit", "batch:UpdateJobQueue", f"{BATCH}:job-queue/biobatch-main-1a2b3c4", False),
    row("submit", "batch:DeregisterJobDefinition", f"{BATCH}:job-definition/biobatch-bwa-1a2b3c4:7", False),
    row("submit", "iam:PassRole", f"{IAM}:role/biobatch-job-1a2b3c4", False),
    row("submit", "logs:GetLogEvents", f"{LOGS}:biobatch-1a2b3c4:log-stream:bwa/default/1", True),
    row("submit", "logs:GetLogEvents", f"{LOGS}:other:log-stream:a", False),
    row("submit", "s3:PutObject", f"{BUCKET}/reads/a.fastq.gz", True),
    row("submit", "s3:GetObject", f"{BUCKET}/results/a.bam", True),
    row("submit", "s3:DeleteObject", f"{BUCKET}/results/a.bam", False),
    row("submit", "s3:GetObject", "arn:aws:s3:::references/human/genome.fa", False),
    # The deployer: only the stack's resources
    row("deploy", "batch:CreateComputeEnvironment", f"{BATCH}:compute-environment/biobatch-spot-1a2b3c4", True),
    row("deploy", "batch:DeleteComputeEnvironment", f"{BATCH}:compute-environment/other", False),
    row("deploy", "s3:CreateBucket", BUCKET, True),
    row("deploy", "s3:DeleteBucket", BUCKET, False),
    row("deploy", "s3:DeleteObject", f"{BUCKET}/results/a.bam", False),
    row("deploy", "s3:DeleteObjectVersion", f"{BUCKET}/results/a.bam", False),
    row("deploy", "s3:GetObject", f"{BUCKET}/results/a.bam", False),
    row("deploy", "ecr:PutImage", f"{ECR}/biobatch-bwa-1a2b3c4", True),
    row("deploy", "ecr:DeleteRepository", f"{ECR}/other", False),
    row("deploy", "logs:DeleteLogGroup", f"{LOGS}:other", False),
    row("deploy", "iam:CreateRole", f"{IAM}:role/biobatch-job-1a2b3c4", True),
    row("deploy", "iam:CreateRole", f"{IAM}:role/admin", False),
    row("deploy", "iam:PutRolePolicy", f"{IAM}:role/admin", False),
    row("deploy", "iam:CreateUser", f"{IAM}:user/me", False),
    row(
        "deploy",
        "iam:AttachRolePolicy",
        f"{IAM}:role/biobatch-instance-1a2b3c4",
        True,
        iam__PolicyARN=f"{MANAGED}/AmazonSSMManagedInstanceCore",
    ),
    row(
        "deploy",
        "iam:AttachRolePolicy",
        f"{IAM}:role/biobatch-instance-1a2b3c4",
        False,
        iam__PolicyARN=f"{MANAGED}/AdministratorAccess",
    ),
    row(
        "deploy",
        "iam:PassRole",
        f"{IAM}:role/biobatch-job-1a2b3c4",
        True,
        iam__PassedToService="ecs-tasks.amazonaws.com",
    ),
    row(
        "deploy", "iam:PassRole", f"{IAM}:role/biobatch-job-1a2b3c4", False, iam__PassedToService="lambda.amazonaws.com"
    ),
    row(
        "deploy",
        "iam:PassRole",
        f"{IAM}:role/biobatch-instance-1a2b3c4",
        True,
        iam__PassedToService="batch.amazonaws.com",
    ),
    row("deploy", "iam:PassRole", f"{IAM}:role/admin", False, iam__PassedToService="ec2.amazonaws.com"),
    row(
        "deploy",
        "iam:CreateServiceLinkedRole",
        f"{IAM}:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch",
        True,
        iam__AWSServiceName="batch.amazonaws.com",
    ),
    row(
        "deploy",
        "iam:CreateServiceLinkedRole",
        f"{IAM}:role/aws-service-role/organizations.amazonaws.com/AWSServiceRoleForOrganizations",
        False,
        iam__AWSServiceName="organizations.amazonaws.com",
    ),
    # The new resource has no tag yet
    *(row("deploy", f"ec2:{action}", f"{EC2}:{type_}/new", True) for action, type_ in NEW.items()),
    row("deploy", "ec2:CreateVpc", f"arn:aws:ec2:us-east-1:{ACCOUNT}:vpc/vpc-1", False),
    row("deploy", "ec2:CreateTags", f"{EC2}:vpc/vpc-1", True, ec2__CreateAction="CreateVpc"),
    row("deploy", "ec2:CreateTags", f"{EC2}:launch-template/lt-1", True, ec2__CreateAction="CreateLaunchTemplate"),
    # Existing resources must have the stack's name, so that the deployer cannot open other security groups, or change other routes or tags
    *(
        row("deploy", f"ec2:{action}", f"{EC2}:{resource}", allowed, **name)
        for action, resources in ON_EXISTING.items()
        for resource in resources
        for allowed, name in (
            (True, {"aws__ResourceTag__Name": "biobatch"}),
            (True, {"aws__ResourceTag__Name": "biobatch-10.0.0.0/16"}),
            (False, {"aws__ResourceTag__Name": "biobatched"}),
            (False, {}),
        )
    ),
    # In an existing network (vpcId): a new security group, and reading the network's attributes
    row("deploy", "ec2:CreateSecurityGroup", f"{EC2}:vpc/vpc-1", True, aws__ResourceTag__Name="others"),
    row("deploy", "ec2:DescribeVpcAttribute", f"{EC2}:vpc/vpc-1", True, aws__ResourceTag__Name="others"),
    # The address of a NAT gateway is on an interface that AWS owns and that has no tag
    row("deploy", "ec2:DisassociateAddress", f"{EC2}:network-interface/eni-1", True),
    row("deploy", "ec2:DeleteSubnet", f"{EC2}:subnet/subnet-1", False, aws__ResourceTag__Name="others"),
    row("deploy", "ec2:RunInstances", f"{EC2}:instance/i-1", False),
    # Look-ups in the account before the program creates anything
    row("deploy", "kms:DescribeKey", KEY, True),
    row("deploy", "kms:DescribeKey", KEY.replace(ACCOUNT, "444455556666"), True),
    row("deploy", "kms:CreateGrant", KEY, False),
    row("deploy", "servicequotas:GetServiceQuota", f"{QUOTAS}/L-34B43A08", True),
    row("deploy", "servicequotas:GetServiceQuota", f"{QUOTAS}/L-1216C47A", True),
    row("deploy", "servicequotas:GetServiceQuota", f"{QUOTAS}/L-74FC7D96", False),
    row("deploy", "servicequotas:RequestServiceQuotaIncrease", f"{QUOTAS}/L-34B43A08", False),
]

BOUNDARY = f"{IAM}:policy/boundary"

#: The rows of a stack with a key and a boundary.
BOUNDED: Sequence[Row] = [
    row("job", "kms:Decrypt", KEY, True, kms__ViaService=f"s3.{REGION}.amazonaws.com"),
    row("job", "kms:GenerateDataKey", KEY, True, kms__ViaService=f"s3.{REGION}.amazonaws.com"),
    row("job", "kms:Decrypt", KEY, False),
    row("job", "kms:Decrypt", KEY, False, kms__ViaService=f"ec2.{REGION}.amazonaws.com"),
    row("job", "kms:Decrypt", KEY.replace("1234abcd", "5678abcd"), False, kms__ViaService=f"s3.{REGION}.amazonaws.com"),
    row("job", "kms:CreateGrant", KEY, False),
    row("submit", "kms:GenerateDataKey", KEY, True, kms__ViaService=f"s3.{REGION}.amazonaws.com"),
    row("deploy", "kms:CreateGrant", KEY, True),
    row("deploy", "kms:Decrypt", KEY, False),
    row("deploy", "kms:DescribeKey", KEY, True),
    row("deploy", "kms:DescribeKey", KEY.replace("1234abcd", "5678abcd"), False),
    row("deploy", "iam:CreateRole", f"{IAM}:role/biobatch-job-1a2b3c4", True, iam__PermissionsBoundary=BOUNDARY),
    row("deploy", "iam:CreateRole", f"{IAM}:role/biobatch-job-1a2b3c4", False),
    row(
        "deploy",
        "iam:CreateRole",
        f"{IAM}:role/biobatch-job-1a2b3c4",
        False,
        iam__PermissionsBoundary=f"{IAM}:policy/other",
    ),
    row("deploy", "iam:PutRolePolicy", f"{IAM}:role/biobatch-job-1a2b3c4", False),
    row("deploy", "iam:DeleteRolePermissionsBoundary", f"{IAM}:role/biobatch-job-1a2b3c4", False),
]

NEXTFLOW = f"{BATCH}:job-definition/nf-quay-io-biocontainers-fastqc-0-12-1"

#: The request with which Nextflow registers a definition, if its configuration sets the user. It does not send `privileged`.
REGISTRATION = {
    "batch__User": "10001:10001",
    "batch__LogDriver": "awslogs",
    "batch__AWSLogsGroup": "biobatch-1a2b3c4",
    "batch__Image": "quay.io/biocontainers/fastqc:0.12.1--hdfd78af_0",
}

#: Registrations that are refused, by the part that is wrong.
REFUSED: Mapping[str, Mapping[str, str]] = {
    "root by number": {"batch__User": "0"},
    "root by name": {"batch__User": "root"},
    "another user": {"batch__User": "1000:1000"},
    "the jobs' user without its group": {"batch__User": "10001"},
    "the group of Docker": {"batch__User": "10001:992"},
    "privileged": {"batch__Privileged": "true"},
    "a foreign image": {"batch__Image": "docker.io/evil/fastqc:1"},
    "an image of Docker Hub without its registry": {"batch__Image": "biocontainers/fastqc:1"},
    "a foreign registry that contains an allowed name": {"batch__Image": "evil.example/quay.io/biocontainers/fastqc:1"},
    "a foreign namespace that begins like an allowed one": {"batch__Image": "quay.io/biocontainersx/fastqc:1"},
    "an allowed name in other case": {"batch__Image": "quay.io/BioContainers/fastqc:1"},
    "another account's registry": {"batch__Image": f"444455556666.dkr.ecr.{REGION}.amazonaws.com/fastqc:1"},
    "another region's registry": {"batch__Image": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/fastqc:1"},
    "another log group": {"batch__AWSLogsGroup": "/aws/batch/job"},
    "another log driver": {"batch__LogDriver": "json-file"},
}


def _registration(who: str, allowed: bool, definition: str = NEXTFLOW, **changed: str) -> Row:
    return row(who, "batch:RegisterJobDefinition", definition, allowed, **{**REGISTRATION, **changed})


def _without(key: str) -> Row:
    """A registration without a key, as AWS sees one with the properties of EKS, and perhaps of ECS tasks or of multi-node jobs."""
    kept = {name: value for name, value in REGISTRATION.items() if name != key}
    return row("engine", "batch:RegisterJobDefinition", NEXTFLOW, False, **kept)


#: The rows of a stack with engines. `engine` has the submit policy and the engine policy, `head` is the role of the heads of engines.
ENGINES: Sequence[Row] = [
    *(
        each
        for who in ("engine", "head")
        for each in (
            _registration(who, True),
            _registration(who, True, batch__Privileged="false"),
            _registration(who, True, batch__Image=f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/lab/fastqc:1"),
            *(_registration(who, False, **changed) for changed in REFUSED.values()),
            _registration(who, False, f"{BATCH}:job-definition/biobatch-bwa-1a2b3c4"),
            _registration(who, False, f"{BATCH}:job-definition/biobatch-1a2b3c4-approved-0123456789ab"),
            _registration(who, False, f"{BATCH}:job-definition/mine"),
            # The released Snakemake plugin registers privileged definitions without a user
            row(
                who,
                "batch:RegisterJobDefinition",
                f"{BATCH}:job-definition/snakejob-def-1",
                False,
                batch__Image="quay.io/biocontainers/snakemake:9",
                batch__Privileged="true",
            ),
            row(who, "batch:SubmitJob", NEXTFLOW, True),
            row(who, "batch:SubmitJob", f"{NEXTFLOW}:1", True),
            row(who, "batch:TagResource", f"{NEXTFLOW}:1", True),
            row(who, "batch:DeregisterJobDefinition", f"{NEXTFLOW}:1", True),
            row(who, "batch:DeregisterJobDefinition", f"{BATCH}:job-definition/biobatch-bwa-1a2b3c4:7", False),
            row(who, "batch:SubmitJob", f"{BATCH}:job-queue/biobatch-main-1a2b3c4", True),
            row(who, "batch:SubmitJob", f"{BATCH}:job-queue/other", False),
            *(
                row(
                    who,
                    "iam:PassRole",
                    f"{IAM}:role/biobatch-{role}-1a2b3c4",
                    allowed,
                    iam__PassedToService=service,
                )
                for role, service, allowed in (
                    ("job", "ecs-tasks.amazonaws.com", True),
                    ("execution", "ecs-tasks.amazonaws.com", True),
                    ("job", "ec2.amazonaws.com", False),
                    ("instance", "ecs-tasks.amazonaws.com", False),
                    ("instance", "ec2.amazonaws.com", False),
                    ("head", "ecs-tasks.amazonaws.com", False),
                )
            ),
            row(who, "iam:PassRole", f"{IAM}:role/admin", False, iam__PassedToService="ecs-tasks.amazonaws.com"),
            row(who, "iam:PassRole", f"{IAM}:role/biobatch-job-1a2b3c4", False),
            row(who, "s3:DeleteObject", f"{BUCKET}/work/nextflow/ab/12/.exitcode", True),
            row(who, "s3:DeleteObject", f"{BUCKET}/results/a.bam", False),
        )
    ),
    *(_without(key) for key in REGISTRATION),
    # The submit policy alone: definitions that an administrator approved, and none of an engine's own
    _registration("submit", False),
    row("submit", "batch:SubmitJob", f"{NEXTFLOW}:1", False),
    row(
        "submit",
        "iam:PassRole",
        f"{IAM}:role/biobatch-job-1a2b3c4",
        False,
        iam__PassedToService="ecs-tasks.amazonaws.com",
    ),
    *(
        row("submit", action, f"{BATCH}:job-definition/{name}", allowed)
        for action in ("batch:SubmitJob", "batch:TagResource")
        for name, allowed in (
            ("biobatch-1a2b3c4-approved-0123456789ab:1", True),
            ("biobatch-5d6e7f8-approved-0123456789ab:1", False),
            ("biobatch-1a2b3c4-approved:1", False),
        )
    ),
    row("submit", "batch:DeregisterJobDefinition", f"{BATCH}:job-definition/biobatch-1a2b3c4-approved-01:1", False),
    # Jobs themselves get no more than before
    _registration("job", False),
    row("job", "batch:SubmitJob", f"{NEXTFLOW}:1", False),
    # Instances: the base image, from which they get the files for engines
    row("instance", "ecr:BatchGetImage", f"{ECR}/biobatch-base-1a2b3c4", True),
    row("instance", "ecr:GetDownloadUrlForLayer", f"{ECR}/biobatch-base-1a2b3c4", True),
    row("instance", "ecr:BatchGetImage", f"{ECR}/biobatch-bwa-1a2b3c4", False),
    row("instance", "ecr:PutImage", f"{ECR}/biobatch-base-1a2b3c4", False),
    # The agent that starts jobs: every image of the account and region
    row("execution", "ecr:BatchGetImage", f"{ECR}/lab/fastqc", True),
    row("execution", "ecr:BatchGetImage", f"{ECR.replace(REGION, 'us-east-1')}/lab/fastqc", False),
    row("execution", "ecr:BatchGetImage", f"{ECR.replace(ACCOUNT, '444455556666')}/fastqc", False),
    row("execution", "ecr:PutImage", f"{ECR}/lab/fastqc", False),
    # The deployer attaches the stack's policies to the stack's roles
    *(
        row("deploy", action, f"{IAM}:role/{role}", allowed, iam__PolicyARN=policy)
        for action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy")
        for role, policy, allowed in (
            ("biobatch-head-1a2b3c4", f"{IAM}:policy/biobatch-engine-1a2b3c4", True),
            ("biobatch-head-1a2b3c4", f"{IAM}:policy/biobatch-submit-1a2b3c4", True),
            ("biobatch-head-1a2b3c4", f"{MANAGED}/AdministratorAccess", False),
            ("biobatch-head-1a2b3c4", f"{IAM}:policy/admin", False),
            ("admin", f"{IAM}:policy/biobatch-engine-1a2b3c4", False),
        )
    ),
    row("deploy", "ecr:CreatePullThroughCacheRule", "*", True),
    row("deploy", "ecr:DeletePullThroughCacheRule", "*", True),
]

#: The rows of a stack with engines, the lab's own tool of `tests.own_tool`, a boundary and a key.
LAB: Sequence[Row] = [
    *(
        row(who, action, f"{BATCH}:job-definition/biobatch-head-{own_tool.NAME}-1a2b3c4:7", allowed)
        for who, allowed in (("engine", True), ("head", True), ("submit", False))
        for action in ("batch:SubmitJob", "batch:TagResource")
    ),
    row("engine", "batch:SubmitJob", f"{BATCH}:job-definition/biobatch-head-{own_tool.NAME}-1a2b3c4", True),
    row("engine", "batch:SubmitJob", f"{BATCH}:job-definition/biobatch-head-{own_tool.NAME}-5d6e7f8:1", False),
    row("engine", "batch:SubmitJob", f"{BATCH}:job-definition/biobatch-head-other-1a2b3c4:1", False),
    # The deployer cannot strengthen a role outside the boundary by attaching a policy that it wrote itself
    *(
        row(
            "deploy",
            "iam:AttachRolePolicy",
            f"{IAM}:role/biobatch-head-1a2b3c4",
            allowed,
            iam__PolicyARN=f"{IAM}:policy/biobatch-engine-1a2b3c4",
            **boundary,
        )
        for allowed, boundary in (
            (True, {"iam__PermissionsBoundary": BOUNDARY}),
            (False, {"iam__PermissionsBoundary": f"{IAM}:policy/other"}),
            (False, {}),
        )
    ),
]
