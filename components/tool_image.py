"""A tool's container image: built here, pushed to the stack's own repository, known by its digest from then on."""

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

#: Images of earlier contents that stay pullable, so that a job submitted before a change still starts after it.
KEPT_IMAGES = 20

#: Folder beside the program for the build contexts. It may be deleted at any time: the next run makes it again.
CONTEXTS = Path(".biobatch")


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
        refuse(
            self,
            context=lambda folder: (
                "" if (Path(folder) / "Dockerfile").is_file() else f"there is no {folder}/Dockerfile."
            ),
            platform=platform_fault,
            build_args=build_arg_faults,
            tags=tag_faults,
        )


def content_tag(context: str, platform: str, base_tag: str, build_args: Mapping[str, str] | None = None) -> str:
    """The tag of an image: a hash of all that makes it another one.

    An unchanged folder keeps its tag and so is neither rebuilt nor pushed. Of a file's mode only the executable bit counts, which is all
    that Git keeps: the others are the umask of whoever checked the folder out.

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
    for path in sorted(p for p in root.rglob("*") if p.is_symlink() or not p.is_dir()):
        kind = "link" if path.is_symlink() else "executable" if _is_executable(path) else "file"
        content = path.readlink().as_posix().encode() if path.is_symlink() else path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{kind}\0".encode())
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:16]


def plain_context(context: str, tag: str) -> str:
    """Copies a folder so that its files have the same modes on every machine, and returns the copy's path.

    The provider compares the whole mode of each file (pulumi-docker 4.11.2, `hashContext`). Two deployers with different umasks would
    rebuild every image in turn. The path is relative and follows from the tag, since the provider compares that too.

    Args:
        context: the folder.
        tag: its `content_tag`.
    """
    plain = CONTEXTS / f"{Path(context).name}-{tag}"
    if plain.is_dir():
        return plain.as_posix()
    CONTEXTS.mkdir(exist_ok=True)
    (CONTEXTS / ".gitignore").write_text("*\n")
    with tempfile.TemporaryDirectory(dir=CONTEXTS) as temporary:
        # Moved into place whole, since a preview may run beside an `up`.
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
                # Where Docker has a credential store, a build asks that store alone and is refused the base (401). What is named
                # here the provider pulls first, with the program's own token.
                cache_from=docker.CacheFromArgs(images=[args.base.uri]) if args.base else None,
            ),
            registry=docker.RegistryArgs(
                server=args.registry_server,
                username=args.registry_username,
                password=pulumi.Output.secret(args.registry_password),
            ),
            # Its deletion does nothing but ask for a running Docker, which a destroy otherwise does without. The repository takes the
            # image along.
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(retain_on_delete=True)),
        )

        self.uri = image.repo_digest
        self.repository_arn = repository.arn
        self.register_outputs({"uri": self.uri, "repository_arn": self.repository_arn})
