"""Runs scripts in containers, and builds the images for comparison."""

import contextlib
import io
import tarfile
from collections.abc import Iterator, Mapping

import docker.errors
from docker.models.containers import Container
from docker.models.images import Image
from docker.types import Mount

from benchmarks.stack import Stack
from local.console import say
from local.errors import LocalError
from local.paths import ROOT
from local.stack.base_image import BASE_IMAGE
from local.stack.docker_objects import LABEL

#: A shell function that times a command. `timed NAME COMMAND…` prints "timed NAME MICROSECONDS", and the processor time as "cpu NAME
#: USER-SECONDS SYSTEM-SECONDS". If the command fails, it ends the script.
TIMED = r"""
timed() {
  local name=$1 from=${EPOCHREALTIME/[.,]/}
  local TIMEFORMAT="cpu $name %U %S"
  shift
  time "$@" > /tmp/said 2>&1 || { cat /tmp/said; exit 1; }
  echo "timed $name $((${EPOCHREALTIME/[.,]/} - from))"
}
"""


def run(
    stack: Stack,
    image: str,
    script: str,
    environment: Mapping[str, str] | None = None,
    files: Mapping[str, bytes] | None = None,
) -> str:
    """Runs a bash script as root, with access to the local AWS and a volume at /scratch, and returns its output.

    Args:
        stack: the local stack.
        image: an image with bash.
        script: the script, which runs in /scratch.
        environment: variables besides those of AWS.
        files: contents of files for /scratch, by name.

    Raises:
        LocalError: if the script fails, with the end of its output.
    """
    environment = {
        "AWS_ENDPOINT_URL": stack.endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        **(environment or {}),
    }
    with started(stack, image, script, environment, files) as container:
        exit_code = container.wait()["StatusCode"]
        log = container.logs().decode(errors="replace")
    if exit_code:
        end = "\n".join(f"    {line}" for line in log.splitlines()[-15:])
        raise LocalError(f"a script in {image} failed with exit code {exit_code}:\n{end}")
    return log


@contextlib.contextmanager
def started(
    stack: Stack, image: str, script: str, environment: Mapping[str, str], files: Mapping[str, bytes] | None = None
) -> Iterator[Container]:
    """Starts a container that runs a script as in `run`, with no AWS variables but the region. Removes it at the end."""
    container = stack.engine.containers.create(
        image,
        [script],
        entrypoint=["/bin/bash", "-euo", "pipefail", "-c"],
        user="0",
        environment={
            "AWS_REGION": stack.outputs.region,
            "AWS_DEFAULT_REGION": stack.outputs.region,
            **environment,
        },
        network=stack.network,
        init=True,
        mounts=[Mount("/scratch", None)],
        working_dir="/scratch",
        labels={LABEL: str(ROOT)},
    )
    try:
        container.put_archive("/scratch", _archive(files or {}))
        container.start()
        yield container
    finally:
        container.remove(force=True, v=True)


def _archive(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o755
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def timings(log: str) -> dict[str, list[float]]:
    """Returns the seconds by name, in the order in which `timed` printed them."""
    found: dict[str, list[float]] = {}
    for line in log.splitlines():
        if line.startswith("timed "):
            _, name, microseconds = line.split()
            found.setdefault(name, []).append(int(microseconds) / 1e6)
    return found


def processor_times(log: str) -> dict[str, list[float]]:
    """Returns the seconds of processor time by name, in the order in which `timed` printed them."""
    found: dict[str, list[float]] = {}
    for line in log.splitlines():
        if line.startswith("cpu "):
            _, name, user, system = line.split()
            found.setdefault(name, []).append(float(user) + float(system))
    return found


def build(stack: Stack, name: str, dockerfile: str, files: Mapping[str, bytes] | None = None) -> Image:
    """Builds an image.

    Args:
        stack: the local stack.
        name: repository in the local registry. The build reuses layers of earlier stacks.
        dockerfile: text of the Dockerfile.
        files: contents by name of executable files that the Dockerfile copies.

    Raises:
        LocalError: if the build fails, with the end of its output.
    """
    say(f"building {name}")
    try:
        image, _ = stack.engine.images.build(
            fileobj=io.BytesIO(_archive({"Dockerfile": dockerfile.encode(), **(files or {})})),
            custom_context=True,
            tag=f"{stack.registry}/{name}",
            rm=True,
            forcerm=True,
        )
    except docker.errors.BuildError as error:
        said = "".join(str(line.get("stream", "")) for line in error.build_log).splitlines()[-15:]
        raise LocalError("\n".join([f"building {name} failed: {error}", *(f"    {line}" for line in said)])) from None
    return image


def push(stack: Stack, name: str) -> None:
    """Pushes an image that `build` made into the local registry.

    Raises:
        LocalError: if the push fails.
    """
    for line in stack.engine.images.push(f"{stack.registry}/{name}", tag="latest", stream=True, decode=True):
        if "error" in line:
            raise LocalError(f"pushing {name} failed: {line['error']}")


def installing(packages: str, *, recommended: bool = False) -> str:
    """Returns a Dockerfile that installs Debian packages and cleans up, without or with recommended packages."""
    option = "" if recommended else "--no-install-recommends "
    return (
        f"FROM {BASE_IMAGE}\n"
        f"RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y {option}{packages} "
        "&& rm -rf /var/lib/apt/lists/* /var/cache/apt/*\n"
    )


def base(stack: Stack) -> Image:
    """Returns the Debian image that all images are built on."""
    return stack.engine.images.get(BASE_IMAGE)
