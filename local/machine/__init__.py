"""The tools that a stack needs on this machine. Each is found or obtained.

| module | what it holds |
|---|---|
| `debian` | packages from Debian's archive, which root installs or anyone unpacks into the user's cache |
| `docker_engine` | the Docker engine: a running one, or one that the stack starts |
| `pulumi_cli` | the Pulumi CLI: from PATH, from Pulumi's installer, or built with Go |
| `go`, `uv` | Go, which builds the Pulumi CLI, and uv, which installs wheels |
| `processes` | commands, and services that outlive a command |
| `background` | work in a thread during the steps, such as building the CLI |
| `files` | the removal of folders with any content |
| `ports` | ports of the loopback interface |
"""
