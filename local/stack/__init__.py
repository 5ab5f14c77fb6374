"""What a local stack is made of, and its life.

| module | what it holds |
|---|---|
| `lifecycle` | `up` and `down`, in numbered steps |
| `needs` | what bringing a stack up takes, told before it begins |
| `environment` | the variables that lead `pulumi`, `aws`, `docker` and `biobatch` to the stack and nowhere else |
| `shell` | what `make local-env` prints: that environment for a shell, and the way out of it |
| `program` | the Pulumi program deployed on the stack |
| `provider_plugins` | launchers of the provider plugins (`local/plugins`) |
| `aws_server` | the local AWS (`local/aws`) as a process |
| `registry` | the image registry behind the local ECR |
| `docker_objects` | network, containers and images of a stack in the Docker engine |
| `base_image` | the base of all images: kept, pulled, or made from Debian's archive |
| `emulator` | QEMU for images of another architecture |
| `cache` | what outlives a stack, its size, and how to free it |
"""
