"""The parts of a local stack, and the commands that bring it up and remove it.

| module | what it holds |
|---|---|
| `lifecycle` | `up` and `down`, in numbered steps |
| `needs` | the time, disk space, memory and packages that a stack needs, shown before `up` begins |
| `environment` | the variables that make `pulumi`, `aws`, `docker` and `biobatch` use the stack and nothing else |
| `shell` | the output of `make local-env`: that environment for a shell, and the command that leaves it |
| `program` | the Pulumi program deployed on the stack |
| `provider_plugins` | launchers of the provider plugins (`local/plugins`) |
| `aws_server` | the local AWS (`local/aws`) as a process |
| `registry` | the image registry behind the local ECR |
| `docker_objects` | network, containers and images of a stack in the Docker engine |
| `base_image` | the base of all images: kept, pulled, or made from Debian's archive |
| `emulator` | QEMU for images of another architecture |
| `cache` | the files that outlive a stack, their size, and their removal |
"""
