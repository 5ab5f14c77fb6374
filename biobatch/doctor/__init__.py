"""`biobatch doctor`: why jobs do not run, and why they failed. It only reads.

- `finding`: what the doctor finds. `view`: what AWS says, asked once.
- `examination`: runs the checks side by side, and yields the findings in the order of their importance.
- `queue`, `environments`, `launch`, `machines`, `quotas`, `network`, `firewall`, `roles`, `images`, `storage`: the checks of a stack.
- `job`, `failure`, `inputs`, `waiting_jobs`: the checks of jobs. `run` groups the jobs of a run. `docker` checks this machine for `pulumi up`.
- `report`: prints the findings.
"""
