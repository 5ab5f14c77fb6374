"""`python -m benchmarks.accuracy`: measures how good the calls are, on the local stack. Starts the stack if it is not running."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from benchmarks import document
from benchmarks.accuracy import callers, data, genomes, limits, tables
from benchmarks.accuracy.callers import Queue
from benchmarks.accuracy.data import DataSet, Maker, Tools
from benchmarks.accuracy.on_stack import Container, StackQueue
from benchmarks.figures import Figures
from benchmarks.objects import empty
from benchmarks.stack import connected
from biobatch.refusal import Refused
from biobatch.run import submit
from biobatch.uris import S3Uri
from local.console import say, warn
from local.errors import LocalError
from local.paths import CACHE, ROOT
from local.stack import environment, lifecycle

PAGE = ROOT / "docs" / "explanation" / "accuracy.md"


@dataclass(frozen=True)
class Table:
    """A table of the page."""

    sets: tuple[DataSet, ...]
    make: Callable[[Queue, Tools, Mapping[DataSet, Path]], Figures]
    """Runs callers on the data sets in folders, and makes the table."""


def _foreign(queue: Queue, tools: Tools, folders: Mapping[DataSet, Path]) -> Figures:
    return tables.foreign(tuple(folders), callers.measured(queue, tools, folders))


def _divergence(queue: Queue, tools: Tools, folders: Mapping[DataSet, Path]) -> Figures:
    return tables.divergence(tuple(folders), callers.measured(queue, tools, folders))


def _mixtures(queue: Queue, tools: Tools, folders: Mapping[DataSet, Path]) -> Figures:
    callers.call(queue, folders)
    counts = {}
    for each, folder in folders.items():
        known = (folder / "truth.vcf").read_text().count("\tPASS\t")
        counts[each] = (known, len(limits.found(tools, folder, passed=False)), len(limits.found(tools, folder)))
    return limits.mixture_table(counts)


def _indels(queue: Queue, tools: Tools, folders: Mapping[DataSet, Path]) -> Figures:
    callers.call(queue, folders)
    ((contig, sequence),) = genomes.read_fasta(next(iter(folders.values())) / "ref.fa").items()
    calls = {each: limits.found(tools, folder) for each, folder in folders.items()}
    return limits.indel_table(calls, limits.indel_edits(contig, sequence))


def _origin(queue: Queue, tools: Tools, folders: Mapping[DataSet, Path]) -> Figures:
    callers.call(queue, folders)
    return limits.origin_table(limits.found(tools, next(iter(folders.values()))))


def _platforms(queue: Queue, tools: Tools, folders: Mapping[DataSet, Path]) -> Figures:
    return limits.platform_table(callers.measured(queue, tools, folders), tuple(folders))


TABLES = {
    "foreign": Table(data.FOREIGN, _foreign),
    "divergence": Table(data.DIVERGENCE, _divergence),
    "indels": Table(limits.INDELS, _indels),
    "mixtures": Table(limits.MIXTURES, _mixtures),
    "platforms": Table(limits.PLATFORMS, _platforms),
    "origin": Table((limits.ORIGIN,), _origin),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, and prints the tables. Returns 1 if that fails, 130 after Ctrl-C. A missed target is not a failure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"tables to make, of {', '.join(TABLES)}, or names of data sets. Default: all tables",
    )
    parser.add_argument("--list", action="store_true", help="list the tables and their data sets, and exit")
    parser.add_argument("--save", action="store_true", help=f"write the whole tables to {PAGE.relative_to(ROOT)}")
    given = parser.parse_args(arguments)
    known = {*TABLES, *(each.name for table in TABLES.values() for each in table.sets)}
    if unknown := sorted(set(given.names) - known):
        parser.error(
            f"{', '.join(unknown)}: no such table or data set. Choose from: python -m benchmarks.accuracy --list"
        )
    if given.list:
        for name, table in TABLES.items():
            print(f"{name:12}{' '.join(each.name for each in table.sets)}")
        return 0
    try:
        record = lifecycle.up()
        with environment.entered(record), connected(record) as stack:
            place = S3Uri(stack.outputs.bucket, f"accuracy/{submit.run_name()}/")
            tools = Container(stack, CACHE / "accuracy")
            try:
                made = made_tables(StackQueue(stack, place), tools, given.names, CACHE / "accuracy")
            finally:
                empty(stack.clients.s3, place.bucket, place.key)
            machine = document.machine(stack.engine.version()["Version"])
    except (LocalError, Refused, ClientError, BotoCoreError) as error:
        warn(f"the measurement stopped: {error}")
        return 1
    except KeyboardInterrupt:
        warn("interrupted. The stack is still running. To remove it: make local-down")
        return 130
    bodies = {
        name: f"{figures.markdown().strip()}\n\n{_origin_of(name, tools)}\nMeasured {machine}."
        for name, figures in made.items()
    }
    print("\n" + "\n\n".join(bodies.values()))
    if given.save:
        text = PAGE.read_text()
        for name, body in bodies.items():
            if not given.names or name in given.names:
                text = document.marked(text, name, body)
        PAGE.write_text(text)
        say(f"wrote {PAGE}")
    return 0


def _origin_of(name: str, tools: Tools) -> str:
    """Returns the packages of a table's data with their versions."""
    packages = sorted({package for each in TABLES[name].sets for package in each.packages})
    names = [tools.package(package).name.split("_") for package in packages]
    return f"Debian packages: {', '.join(f'{package} {version}' for package, version, *_ in names)}."


def made_tables(queue: Queue, tools: Tools, names: Sequence[str], folder: Path) -> dict[str, Figures]:
    """Makes data sets, runs the callers on them and returns tables.

    Args:
        queue: runs our jobs.
        tools: runs everything else.
        names: names of tables and of data sets. None at all stands for all tables.
        folder: folder for the files of the sets, which are removed at the end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for name, table in TABLES.items():
        wanted = [each for each in table.sets if not names or name in names or each.name in names]
        if not wanted:
            continue
        with tempfile.TemporaryDirectory(dir=folder, prefix="sets-") as place:
            folders = {each: Path(place) / each.name for each in wanted}
            for each, target in folders.items():
                say(f"making the data set {each.name}")
                target.mkdir()
                each.make(Maker(tools, target))
            made[name] = table.make(queue, tools, folders)
    return made


if __name__ == "__main__":
    sys.exit(main())
