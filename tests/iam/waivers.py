"""Accepted findings of the linters, each with AWS's reason. A test fails if a finding no longer occurs."""

#: Reason by policy and finding.
WAIVERS = {
    ("execution", "credentials exposure: ecr:GetAuthorizationToken"): (
        "ECS needs the registry's token to pull an image (Amazon ECS task execution IAM role). It is not a credential of the account. It "
        "gives access only to what the same role may pull, the stack's images (Amazon ECR, GetAuthorizationToken)."
    ),
    ("instance", "credentials exposure: ecr:GetAuthorizationToken"): (
        "With engines, an instance pulls the base image (Amazon ECR User Guide, Private registry authentication). The token gives access only to "
        "what the same role may pull, the base image."
    ),
    ("deploy", "credentials exposure: ecr:GetAuthorizationToken"): (
        "The push of images needs it (Amazon ECR User Guide, Private registry authentication). It gives access only to the repositories to which "
        "the deployer may push, those of the stack."
    ),
}
