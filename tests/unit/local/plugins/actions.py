"""The IAM actions of the operations of AWS's services."""

from local.aws.s3.authorization import ACTIONS


def actions(service: str, operation: str) -> list[str]:
    """The actions of IAM that an operation needs."""
    if (service, operation) == ("s3", "DeleteObjects"):
        return ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    if service == "budgets" and not operation.endswith("Resource"):
        return ["budgets:ViewBudget" if operation.startswith("Describe") else "budgets:ModifyBudget"]
    return [f"{service}:{ACTIONS.get(operation, operation) if service == 's3' else operation}"]
