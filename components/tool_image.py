"""The container image of a tool. Pulumi builds it on your machine and pushes it to the stack's repository."""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
import pulumi_aws as aws
import pulumi_docker as docker

from components.arguments import refuse
from components.limits import build_arg_faults, platform_fault, tag_faults

#: The number of images that a repository keeps. A job that was submitted before a change of the image can still pull the earlier one.
KEPT_IMAGES = 20

#: The folder for build contexts, next to the program. You can delete it at any time, and the next run creates it again.
CONTEXTS = Path(".biobatch")


@dataclass(frozen=True, kw_only=True)
class ToolImageArgs:
    """Arguments of a `ToolImage`."""

    context: str
    """Path of the folder with the Dockerfile, relative to the program. A change of the folder's content rebuilds the image."""
    platform: str
    """Container platform, `linux/amd64` or `linux/arm64`. A change rebuilds the image."""
    registry_server: pulumi.Input[str]
    """Address of the registry, from its authorization token. A change rebuilds and pushes the image."""
    registry_username: pulumi.Input[str]
    """User name of the authorization token. A change alone has no effect."""
    registry_password: pulumi.Input[str]
    """Password of the authorization token. It differs for each `up`, and Pulumi stores it as a secret. A change alone has no effect."""
    base: "ToolImage | None" = None
    """The base image. The Dockerfile gets its URI with digest as the build argument BASE. The default is none. A change rebuilds the image."""
    build_args: dict[str, str] = field(default_factory=dict)
    """Other build arguments. A change rebuilds the image."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on the repository. Changing them is an in-place update."""

    def __post_init__(self) -> None:
        refuse(
            self,
            context=lambda folder: (
                "" if (Path(folder) / "Dockerfile").is_file() else f"{folder}/Dockerfile does not exist."
            ),
            platform=platform_fault,
            build_args=build_arg_faults,
            tags=tag_faults,
        )


def content_tag(context: str, platform: str, base_tag: str, build_args: Mapping[str, str] | None = None) -> str:
    """The tag of an image, which is a hash of everything that determines its content.

    If nothing changes, the tag stays the same, and the image is neither rebuilt nor pushed. From the mode of a file, only the executable bit is
    included, because Git stores nothing else. The other bits depend on the umask of the user who checked out the folder.

    Args:
        context: path of the folder with the Dockerfile.
        platform: container platform, such as `linux/amd64`.
        base_tag: tag of the base image, or "" for none.
        build_args: build arguments besides BASE.
    """
    digest = hashlib.sha256(f"{platform}\0{base_tag}\0".encode())
    for key, value in sorted((build_args or {}).items()):
        digest.update(f"{key}={value}\0".encode())
    root = Path(context)
    for path in sorted(p for p in root.rglob("*") if p.is_symlink() or not p.is_dir()):
        kind = "link" if path.is_symlink() else "executable" if _is_executable(path) else "file"
        content = path.readlink().as_posix().encode() if path.is_symlink() else path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{kind}\0".encode())
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:16]


def plain_context(context: str, tag: str) -> str:
    """Copies a folder so that its files have the same modes on every machine, and returns the path of the copy.

    The provider compares the complete mode of each file (pulumi-docker 4.11.2, `hashContext`). Without the copy, two deployers with different
    umasks would each rebuild every image. The provider also compares the path, so it is relative and contains the tag.

    Args:
        context: path of the folder with the Dockerfile.
        tag: the folder's `content_tag`.
    """
    plain = CONTEXTS / f"{Path(context).name}-{tag}"
    if plain.is_dir():
        return plain.as_posix()
    CONTEXTS.mkdir(exist_ok=True)
    (CONTEXTS / ".gitignore").write_text("*\n")
    with tempfile.TemporaryDirectory(dir=CONTEXTS) as temporary:
        # The rename makes the copy visible only when it is complete, because a preview can run at the same time as an `up`.
        copy = shutil.copytree(context, Path(temporary) / "context", symlinks=True)
        for path in (copy, *copy.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or _is_executable(path) else 0o644)
        try:
            copy.rename(plain)
        except OSError:
            if not plain.is_dir():
                raise
    return plain.as_posix()


def _is_executable(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o100)


class ToolImage(pulumi.ComponentResource):
    """A container image that is rebuilt only if its folder, arguments or base image change.

    Creates a repository, which is deleted with the stack. ECR scans images on push and keeps the last 20. Builds and pushes the image. Tags are
    mutable, because ECR refuses a second push of an immutable tag even for the same digest, and then nobody could complete an interrupted `up`.
    No other resource refers to a tag.
    """

    uri: pulumi.Output[str]
    """URI of the image with its digest, `repository@sha256:…`."""
    repository_arn: pulumi.Output[str]
    """ARN of the repository."""
    tag: str
    """The hash of the image's content. It is known before the image is built."""

    def __init__(self, name: str, args: ToolImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biobatch:index:ToolImage", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.tag = content_tag(args.context, args.platform, args.base.tag if args.base else "", args.build_args)
        context = plain_context(args.context, self.tag)

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
                context=context,
                dockerfile=f"{context}/Dockerfile",
                platform=args.platform,
                args={**args.build_args, **({"BASE": args.base.uri} if args.base else {})} or None,
                # If Docker uses a credential store, a build takes credentials only from there, and cannot pull the base image (401). The
                # provider pulls the images in `cache_from` first, with the program's token.
                cache_from=docker.CacheFromArgs(images=[args.base.uri]) if args.base else None,
            ),
            registry=docker.RegistryArgs(
                server=args.registry_server,
                username=args.registry_username,
                password=pulumi.Output.secret(args.registry_password),
            ),
            # Deleting this resource would only require a running Docker engine, which a destroy does not need otherwise. The image is deleted
            # with the repository.
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(retain_on_delete=True)),
        )

        self.uri = image.repo_digest
        self.repository_arn = repository.arn
        self.register_outputs({"uri": self.uri, "repository_arn": self.repository_arn})
