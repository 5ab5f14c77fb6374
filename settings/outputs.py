"""The stack's outputs and their descriptions. `make reference` writes docs/reference/outputs.md from them."""

from typing import Final

#: The value that `pulumi stack output NAME` prints, by name, in the order of the page.
OUTPUTS: Final[dict[str, str]] = {
    "queue_arn": "ARN of the main job queue. Jobs run on Spot instances first, and on On-Demand instances if Spot has no capacity.",
    "on_demand_queue_arn": "ARN of the job queue whose jobs run on On-Demand instances only.",
    "fair_share_queue_arn": "ARN of the job queue that divides its instances by the weights in `shares`. The output exists only if `shares` is set.",
    "job_definition_arns": "ARN of each tool's job definition with its revision, by the tool's name.",
    "engine_job_definition_arns": "ARN of each tool's job definition for workflow engines with its revision, by the tool's name. Its jobs have 1 vCPU and 1,024 MiB unless the engine requests more.",
    "head_job_definition_arns": "ARN of the job definition with which a tool of your own runs as the head of an engine, by the tool's name. The output exists only with `engines`.",
    "image_uris": "Address of each tool's container image with its digest, by the tool's name.",
    "bucket": "Name of the stack's own S3 bucket.",
    "job_role_arn": "ARN of the IAM role that jobs use for S3.",
    "execution_role_arn": "ARN of the IAM role that pulls images and writes logs on behalf of jobs.",
    "submit_policy_arn": "ARN of the IAM policy for people and programs that submit jobs. Attach it to their role or group.",
    "engine_policy_arn": "ARN of the IAM policy for engines that register job definitions of their own. Attach it beside the submit policy. The output exists only with `engines`.",
    "image_cache": "Address of the folder in ECR from which jobs can pull public images without a way to the internet. `quay.io/NAME` is at `image_cache`/quay/NAME. The output exists only with `engines` and `natGateways: none`.",
    "region": "Code of the AWS region, such as `eu-central-1`.",
    "vpc_id": "ID of the VPC that the instances run in.",
    "private_subnet_ids": "IDs of the subnets that the instances run in, in the order of the zones.",
    "public_subnet_ids": "IDs of the subnets that hold the NAT gateways. The list is empty with `vpcId`.",
    "log_group": "Name of the CloudWatch log group that holds the logs of all jobs.",
    "scratch_path": "Path of the scratch volume inside a job's container.",
    "max_vcpus": "The vCPUs that each compute environment can have at most, as `maxVcpus` sets them. The client refuses a job that needs more.",
    "scratch_gib": "Size of an instance's scratch volume in GiB, as `scratchGiB` sets it. The client compares a job's files with it.",
    "instance_types": "Types and families of the instances, as `instanceTypes` sets them. Without that key, AWS's default set, such as `default_x86_64`.",
    "dashboard_url": "URL of the stack's CloudWatch dashboard, or an empty string without `dashboard`.",
}
