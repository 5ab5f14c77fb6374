"""Warns where the machines' disks would be encrypted with a key that Auto Scaling may not use."""

import pulumi
import pulumi_aws as aws

from components.permissions import VOLUME_GRANT, auto_scaling_role
from preflight.look_up import if_allowed


def check(*, partition: str, account_id: str, region: str) -> None:
    """Warns if the account's default key for EBS is a customer's own. For a stack without `kmsKeyArn`, whose disks take that key.

    Batch starts machines through EC2 Auto Scaling. Where its role may not use the key, each machine ends as it starts
    (`Client.InternalError`) and jobs wait in RUNNABLE for ever (aws/amazon-genomics-cli, issue 614). The key's own policy may allow it, and
    no look-up of Pulumi's tells, so this is a warning and no refusal.

    Args:
        partition: AWS partition, such as `aws`.
        account_id: the account.
        region: code of the region.
    """
    what = "The default key for EBS volumes"
    found = if_allowed(aws.ebs.get_default_kms_key, what)
    # An account that has chosen none says so by AWS's own alias (AWS CLI Reference, "get-ebs-default-kms-key-id").
    if found is None or found.key_arn.endswith("alias/aws/ebs"):
        return
    key = if_allowed(lambda: aws.kms.get_key(key_id=found.key_arn), what)
    if key is None or key.key_manager != "CUSTOMER":
        return
    pulumi.log.warn(
        f"kmsKeyArn: it is not set, and this account encrypts EBS volumes in {region} with a key of its own, {key.arn}. If its policy does not "
        "let EC2 Auto Scaling use it, machines end as they start and jobs wait in RUNNABLE for ever. Either let the stack use and grant it, "
        "for the bucket and the logs too (docs/explanation/security.md):\n"
        f"  pulumi config set kmsKeyArn {key.arn}\n"
        "or, once, with a right to the key:\n"
        f"  aws kms create-grant --region {region} --key-id {key.arn} --grantee-principal {auto_scaling_role(partition, account_id)} "
        f"--operations {' '.join(VOLUME_GRANT)}"
    )
