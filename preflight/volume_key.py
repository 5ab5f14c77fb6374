"""Warns if EC2 Auto Scaling may lack permission to use the KMS key of the instances' volumes."""

import pulumi
import pulumi_aws as aws

from components.permissions.batch import VOLUME_GRANT, auto_scaling_role
from preflight.look_up import if_allowed


def check(*, partition: str, account_id: str, region: str) -> None:
    """Warns if the account's default key for EBS is a customer managed key. Call it for a stack without `kmsKeyArn`, whose volumes use that key.

    Batch starts instances through EC2 Auto Scaling. If the role of Auto Scaling cannot use the key, each instance ends when it starts
    (`Client.InternalError`), and jobs wait in RUNNABLE forever (aws/amazon-genomics-cli, issue 614). The key policy may allow the use, but no Pulumi
    function can read it. This is therefore a warning, not an error.

    Args:
        partition: AWS partition, such as `aws`.
        account_id: account ID, 12 digits.
        region: region code.
    """
    what = "The default key for EBS volumes"
    found = if_allowed(aws.ebs.get_default_kms_key, what)
    # AWS returns this alias if the account has not chosen a key (AWS CLI Reference, "get-ebs-default-kms-key-id").
    if found is None or found.key_arn.endswith("alias/aws/ebs"):
        return
    key = if_allowed(lambda: aws.kms.get_key(key_id=found.key_arn), what)
    if key is None or key.key_manager != "CUSTOMER":
        return
    pulumi.log.warn(
        f"kmsKeyArn: this key is not set, and the account encrypts EBS volumes in {region} with a customer managed key, {key.arn}. If the key "
        "policy does not allow EC2 Auto Scaling to use it, instances end when they start, and jobs wait in RUNNABLE forever. Either let the stack use "
        "the key, also for the bucket and the logs, and create the grant (docs/explanation/security.md):\n"
        f"  pulumi config set kmsKeyArn {key.arn}\n"
        "Or create the grant yourself, once, with permissions for the key:\n"
        f"  aws kms create-grant --region {region} --key-id {key.arn} --grantee-principal {auto_scaling_role(partition, account_id)} "
        f"--operations {' '.join(VOLUME_GRANT)}"
    )
