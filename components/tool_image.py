"""A tool's container image: built here, pushed to the stack's own repository, known by its digest from then on."""

import hashlib
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
import pulumi_aws as aws
import pulumi_docker as docker

#: Images of earlier contents that stay pullable, so that a job submitted before a change still starts after it.
KEPT_IMAGES = 20


@dataclass(frozen=True, kw_only=True)
class ToolImageArgs:
    """What a `ToolImage` is made from."""

    context: str
    """Folder that holds the Dockerfile, relative to the program. A change of what is in it builds the image anew."""
    platform: str
    """Container platform, `linux/amd64` or `linux/arm64`. A change builds the image anew."""
    registry_server: pulumi.Input[str]
    """Address of the registry, as its authorization token names it. A change builds and pushes anew."""
    registry_username: pulumi.Input[str]
    """User name of the authorization token. A change alone does nothing."""
    registry_password: pulumi.Input[str]
    """Password of the authorization token, new at each `up` and kept secret. A change alone does nothing."""
    base: "ToolImage | None" = None
    """The image that this one stands on, handed to the Dockerfile by digest as the build argument BASE. A change builds
    the image anew."""
    build_args: dict[str, str] = field(default_factory=dict)
    """Other build arguments. A change builds the image anew."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on the repository. A change is made in place."""

    def __post_init__(self) -> None:
        if not (Path(self.context) / "Dockerfile").is_file():
            raise ValueError(f"context: there is no {self.context}/Dockerfile")
        if "BASE" in self.build_args:
            raise ValueError("build_args: BASE is the base image's digest; give the image as `base`")


def content_tag(context: str, platform: str, base_tag: str, build_args: Mapping[str, str] | None = None) -> str:
    """The tag of an image: a hash of all that makes it another one.

    An unchanged folder keeps its tag and so is neither rebuilt nor pushed; the provider compares the same things, names, modes and
    contents of the files (pulumi-docker, `contextDigest`).

    Args:
        context: the folder.
        platform: the container platform.
        base_tag: the tag of the image below, or "".
        build_args: the other build arguments.
    """
    digest = hashlib.sha256(f"{platform}\0{base_tag}\0".encode())
    for key, value in sorted((build_args or {}).items()):
        digest.update(f"{key}={value}\0".encode())
    root = Path(context)
    for path in sorted(p for p in root.rglob("*") if not p.is_dir()):
        content = path.readlink().as_posix().encode() if path.is_symlink() else path.read_bytes()
        mode = stat.filemode(path.lstat().st_mode)
        digest.update(f"{path.relative_to(root).as_posix()}\0{mode}\0".encode())
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:16]


class ToolImage(pulumi.ComponentResource):
    """An image that is rebuilt when its folder changes, and only then.

    Creates a repository (scanned on push, old images expire, deleted with the stack) and builds and pushes the image. Tags stay
    mutable: nothing refers to them, and ECR refuses a second push of an immutable one even for the same digest, so an
    interrupted `up` could never be finished.
    """

    uri: pulumi.Output[str]
    """The image by digest, `repository@sha256:…`."""
    repository_arn: pulumi.Output[str]
    """ARN of its repository."""
    tag: str
    """The hash of its content, which names it before it is built."""

    def __init__(self, name: str, args: ToolImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biobatch:index:ToolImage", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.tag = content_tag(args.context, args.platform, args.base.tag if args.base else "", args.build_args)

        repository = aws.ecr.Repository(
            name,
            force_delete=True,
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            tags={**args.tags, "Name": name},
            opts=child,
        )
        aws.ecr.LifecyclePolicy(
            name,
            repository=repository.name,
            policy=pulumi.Output.json_dumps(
                {
                    "rules": [
                        {
                            "rulePriority": 1,
                            "description": f"Keep the last {KEPT_IMAGES} images",
                            "selection": {
                                "tagStatus": "any",
                                "countType": "imageCountMoreThan",
                                "countNumber": KEPT_IMAGES,
                            },
                            "action": {"type": "expire"},
                        }
                    ]
                }
            ),
            opts=child,
        )
        image = docker.Image(
            name,
            image_name=pulumi.Output.concat(repository.repository_url, ":", self.tag),
            build=docker.DockerBuildArgs(
                context=args.context,
                dockerfile=f"{args.context}/Dockerfile",
                platform=args.platform,
                args={**args.build_args, **({"BASE": args.base.uri} if args.base else {})} or None,
            ),
            registry=docker.RegistryArgs(
                server=args.registry_server,
                username=args.registry_username,
                password=pulumi.Output.secret(args.registry_password),
            ),
            opts=child,
        )

        self.uri = image.repo_digest
        self.repository_arn = repository.arn
        self.register_outputs({"uri": self.uri, "repository_arn": self.repository_arn})
