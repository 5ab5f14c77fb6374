"""What this machine has, or gets, before a stack can come up on it.

| module | what it holds |
|---|---|
| `debian` | packages from Debian's archive: installed by root, or unpacked into the user's cache |
| `docker_engine` | the Docker engine: the one that answers, or one that the stack starts for itself |
| `pulumi_cli` | the Pulumi CLI: from PATH, from Pulumi's installer, or built with Go |
| `go`, `uv` | the two tools that obtain the others |
| `processes` | commands to run, and services that outlive a command |
| `background` | work beside the steps, such as building the CLI |
| `files` | folders removed whatever is in them |
| `ports` | ports of the loopback interface |
"""
