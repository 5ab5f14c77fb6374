"""The local plugin for Pulumi's AWS provider: the resource types that this project uses, checked by AWS's own service models.

| file | what it holds |
|---|---|
| `provider` | the calls of Pulumi's protocol |
| `resource` | `Resource`: checks, compares, creates, reads, updates and deletes any type by its row of data |
| `ec2` (folder), `iam`, `kms`, `s3`, `ecr`, `batch`, `cloudwatch_logs`, `cloudwatch`, `events`, `sns`, `budgets` | the rows of data for each service |
| `lookups` | the data sources, such as `aws.get_caller_identity` |
| `api` | calls to AWS, and waiting |
| `shapes` | conversion between Pulumi's values and those of AWS's API |
| `differences` | what changed between two sets of properties |
| `documents` | when two JSON documents are equal |
| `durations` | durations such as "2h45m" |
"""
