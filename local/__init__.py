"""The local stack: what replaces AWS on one machine, so that the real program runs there without an account.

| module | what it holds |
|---|---|
| `__main__` | the commands: `python -m local up`, `down`, `demo`, `env`, `clean-cache` |
| `demo` | `make demo`: from a genome in the clone to called variants, checked against the truth |
| `machine/` | what the machine needs: Debian packages, Docker engine, Pulumi CLI, Go, uv |
| `stack/` | what a stack is: its life, environment, registry, containers, images |
| `aws/` | the local AWS: moto's server, with Batch jobs as real containers |
| `plugins/` | the provider plugins that the Pulumi CLI starts: aws, awsx, docker |
| `language_host/` | the Python language host, for a CLI built from its Go module |
| `toolchain/` | pinned versions of what is built or fetched: the Pulumi CLI's Go module, Go |
| `console` | steps, lines and faults on the screen |
| `record` | which stack is up, so that a machine runs one at a time |
| `paths` | where files are: the clone's `.local/`, the user's cache, `/run/biobatch` |
| `errors` | the error that is shown in words |
"""
