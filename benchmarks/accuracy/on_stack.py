"""The queue of the local stack, and a container with Debian's tools beside it."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError
from docker.types import Mount

from benchmarks import containers, queue_run
from benchmarks.accuracy.data import DataSet
from benchmarks.stack import Stack
from biobatch import sizes, variants
from biobatch.job import Job
from biobatch.refusal import Faults
from biobatch.request import parse_request
from biobatch.uris import S3Uri
from local.console import say
from local.errors import LocalError
from local.paths import ROOT
from local.stack.docker_objects import LABEL

_PROGRAMS = "art-nextgen-simulation-tools bcftools bwa freebayes samclip samtools tabix"

#: Fetches a package, or the upstream source of `src:NAME`, as any user and with lists of its own. The archive's own folders need root.
_FETCH = r"""
own=$(mktemp -d) && mkdir -p "$own"/{sources,lists/partial,archives/partial}
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
  [ ! -f "$list" ] || sed -e 's/^deb \(.*\)/&\ndeb-src \1/' -e 's/^Types: deb$/& deb-src/' "$list" > "$own/sources/main-${list##*/}"
done
from_archive() {
  apt-get -q -o Dir::Etc::SourceParts="$own/sources" -o Dir::Etc::SourceList=/dev/null -o Dir::State::Lists="$own/lists" \
    -o Dir::Cache::Archives="$own/archives" "$@"
}
from_archive update
"""


@dataclass(frozen=True)
class StackQueue:
    """The stack's queue, with a folder of the stack's bucket."""

    stack: Stack
    folder: S3Uri

    def jobs(self, data: DataSet) -> list[Job]:
        """Returns the jobs of `call-variants` for the data set whose files were put into the folder of its name."""
        folder = self.folder / f"{data.name}/"
        faults = Faults()
        request = parse_request(
            faults,
            reference=str(folder / "ref.fa"),
            samples=[f"{data.name}={','.join(str(folder / name) for name in data.reads)}"],
            output_prefix=str(folder / "results/"),
            calling=data.calling,
            truth=str(folder / "truth.vcf"),
        )
        definitions = sizes.defaults(self.stack.clients.batch, self.stack.outputs.job_definition_arns)
        return variants.prepare(request, faults, self.stack.clients, definitions).jobs

    def run(self, jobs: Sequence[Job]) -> None:
        """Runs jobs to their end.

        Raises:
            LocalError: if one fails.
        """
        queue_run.run(self.stack, jobs)

    def put(self, path: Path, key: str) -> S3Uri:
        """Uploads a file."""
        uri = self.folder / key
        with path.open("rb") as content:
            self.stack.clients.s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=content)
        return uri

    def get(self, uri: S3Uri, path: Path) -> bool:
        """Downloads an object, and tells whether there is one."""
        try:
            answer = self.stack.clients.s3.get_object(Bucket=uri.bucket, Key=uri.key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return False
            raise
        with path.open("wb") as content:
            shutil.copyfileobj(answer["Body"], content)
        return True


class Container:
    """Debian's tools in a container, and packages in a folder of the user's cache."""

    def __init__(self, stack: Stack, cache: Path) -> None:
        """Builds the image, which the engine keeps.

        Args:
            stack: the local stack.
            cache: folder for the packages, by name and version.
        """
        self._stack = stack
        self._cache = cache
        name = "benchmark-accuracy"
        containers.build(stack, name, containers.installing(_PROGRAMS))
        self._image = f"{stack.registry}/{name}"

    def run(self, script: str, folder: Path) -> str:
        """Runs a bash script with Debian's bioinformatics tools in a folder, and returns what it prints.

        Raises:
            LocalError: if it fails.
        """
        container = self._stack.engine.containers.create(
            self._image,
            [script],
            entrypoint=["/bin/bash", "-euo", "pipefail", "-c"],
            user=f"{os.getuid()}:{os.getgid()}",
            init=True,
            mounts=[Mount("/work", str(folder), type="bind")],
            working_dir="/work",
            labels={LABEL: str(ROOT)},
        )
        try:
            container.start()
            exit_code = container.wait()["StatusCode"]
            printed: str = container.logs(stderr=False).decode()
            errors: str = container.logs(stdout=False).decode()
        finally:
            container.remove(force=True)
        if exit_code:
            end = "\n".join(f"    {line}" for line in errors.splitlines()[-15:])
            raise LocalError(f"a script in {self._image} failed with exit code {exit_code}:\n{end}")
        return printed

    def package(self, name: str) -> Path:
        """Returns the folder of an unpacked Debian package or, for `src:NAME`, of the files of its upstream source.

        Raises:
            LocalError: if it cannot be downloaded.
        """
        self._cache.mkdir(parents=True, exist_ok=True)
        if not (kept := self._kept(name)):
            say(f"fetching {name} from Debian's archive")
            source = name.removeprefix("src:")
            if source != name:
                # The folder appears under its final name when it is whole.
                unpack = (
                    f"from_archive source --download-only --tar-only {source}\narchive=$(ls {source}_*.orig.tar.*)\n"
                    'mkdir partial && tar -xf "$archive" -C partial --strip-components=1\n'
                    'mv partial "src:${archive%.orig.tar.*}"\n'
                )
            else:
                unpack = (
                    f"from_archive download {name}\narchive=$(ls {name}_*.deb)\n"
                    'dpkg-deb -x "$archive" partial\nmv partial "${archive%.deb}"\n'
                )
            self.run(f'{_FETCH}rm -rf partial\n{unpack}rm "$archive"', self._cache)
            kept = self._kept(name)
        if not kept:
            raise LocalError(f"Debian's archive has no package {name}")
        return kept

    def _kept(self, name: str) -> Path | None:
        return max((path for path in self._cache.glob(f"{name}_*") if path.is_dir()), default=None)
