"""All IAM roles and policies of Biobatch.

- `batch`: the roles of jobs and instances.
- `submit`: the policy for users who submit jobs.
- `engines`: the policy for workflow engines that register job definitions of their own.
- `deploy`: the policy for users who run `pulumi up`. Its actions are in `deploy_actions`.
- `flow_logs`: the role that writes the flow logs of a network.
- `buckets`, `documents`: the parts that these policies share.

No action contains a wildcard. `Resource: *` occurs only where AWS supports nothing narrower. docs/explanation/security.md lists each occurrence
with AWS's reason.
"""
