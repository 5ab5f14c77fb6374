"""Authorization: a call with the keys of a role or of an IAM user is allowed if their policies allow it.

All other keys belong to the user of the stack, to whom everything is allowed.

| file | what it holds |
|---|---|
| `policies` | the evaluation of policy documents |
| `callers` | who calls: the policies that apply to a caller, and the words of a refusal |
| `requests` | reads a call and decides it before moto answers it |
| `needs` | what a call needs: actions, each with its resource and the values for conditions |
| `batch`, `logs`, `sts` | what the calls of these services need. `local.aws.s3.authorization` has those of S3 |
"""
