"""Provider plugins for the local stack. They speak Pulumi's protocol to the CLI, and AWS's and Docker's APIs to this machine.

| file or folder | what it holds |
|---|---|
| `aws` | the plugin `pulumi-resource-aws` |
| `awsx` | the plugin `pulumi-resource-awsx` |
| `docker` | the plugin `pulumi-resource-docker` |
| `common` | start and end of a plugin, errors, values on Pulumi's wire |
| `protocol` | the messages of Pulumi's protocol |
"""
