"""Accepted findings of the linters, each with AWS's reason. A test fails if a finding no longer occurs."""

#: Reason by policy and finding.
WAIVERS = {
    ("execution", "credentials exposure: ecr:GetAuthorizationToken"): (
        "ECS needs the registry's token to pull an image (Amazon ECS task execution IAM role). It is no credential of the account: it opens "
        "only what the same role may pull, the stack's own images (Amazon ECR, GetAuthorizationToken)."
    ),
    ("deploy", "credentials exposure: ecr:GetAuthorizationToken"): (
        "Images are pushed with it (Amazon ECR User Guide, Private registry authentication); it opens only what the deployer may push to, the "
        "stack's own repositories."
    ),
}
