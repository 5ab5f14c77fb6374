"""The local stack: a replacement of AWS on one machine, on which the real program runs without an account.

| module | what it holds |
|---|---|
| `__main__` | the commands: `python -m local up`, `down`, `demo`, `env`, `inbox`, `clean-cache` |
| `demo` | `make demo`: simulates reads of a genome in the clone, calls variants and compares them with the simulated ones |
| `machine/` | the tools that a stack needs: Debian packages, Docker engine, Pulumi CLI, Go, uv |
| `stack/` | the parts of a stack: its life, environment, registry, containers, images |
| `aws/` | the local AWS: moto's server, with Batch jobs as real containers |
| `plugins/` | the provider plugins that the Pulumi CLI starts: aws, awsx, docker |
| `language_host/` | the Python language host, for a CLI built from its Go module |
| `toolchain/` | pinned versions of the Pulumi CLI's Go module and of Go |
| `inbox` | the e-mails that AWS would have sent |
| `console` | steps, lines and faults on the screen |
| `record` | which stack is up, so that a machine runs one at a time |
| `paths` | the folders of all files: the clone's `.local/`, the user's cache, `/run/biobatch` |
| `errors` | the error that is printed as one message |
"""
