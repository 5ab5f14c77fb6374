"""AWS on this machine: the server of moto, patched where it differs from AWS in ways that the program or its jobs would notice.

| file or folder | what it holds |
|---|---|
| `__main__`, `config` | the command line and the configuration of the server |
| `server` | the server process: addresses, applications, the end |
| `calls` | the log of calls, and errors in AWS's form |
| `authorization` (folder) | which calls the policies of a role or a user allow |
| `patches` | how methods of moto are replaced |
| `ec2`, `s3` (folders), `ecr`, `iam`, `cloudwatch_logs`, `sns`, `budgets` | the patches of each service |
| `events` | EventBridge, which delivers the events of Batch |
| `batch` (folder) | AWS Batch, which runs each job as a container |
| `credentials` | the credentials endpoint of ECS, from which jobs get the keys of their roles |
"""
