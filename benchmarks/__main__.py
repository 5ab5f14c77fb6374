"""`python -m benchmarks`: runs the benchmarks on the local stack. Starts the stack if it is not running."""

import argparse
import sys
from collections.abc import Sequence
from types import ModuleType

from botocore.exceptions import BotoCoreError, ClientError

from benchmarks import (
    call_variants,
    cohort,
    document,
    engine_transfers,
    fastqc_report,
    image_sizes,
    job_overhead,
    job_start,
    large_object,
    s3_clients,
    s3_conduct,
    submission,
)
from benchmarks.stack import Stack, connected
from biobatch.refusal import Refused
from local.console import say, warn
from local.errors import LocalError
from local.stack import environment, lifecycle

#: Modules by name. The docstring of each is the text of its section, and `measure` returns its figures.
BENCHMARKS: dict[str, ModuleType] = {
    module.__name__.rpartition(".")[2].replace("_", "-"): module
    for module in (
        image_sizes,
        fastqc_report,
        s3_clients,
        s3_conduct,
        large_object,
        engine_transfers,
        call_variants,
        job_overhead,
        job_start,
        cohort,
        submission,
    )
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs benchmarks and prints their figures. Returns 1 if one fails, 130 after Ctrl-C. A missed target is not a failure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"benchmarks to run, of {', '.join(BENCHMARKS)}. Default: all"
    )
    parser.add_argument("--list", action="store_true", help="list the benchmarks and exit")
    parser.add_argument("--save", action="store_true", help="write the figures to docs/benchmarks.md")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.names) - BENCHMARKS.keys()):
        parser.error(f"{', '.join(unknown)}: no such benchmark. Choose from {', '.join(BENCHMARKS)}")
    names = given.names or list(BENCHMARKS)
    if given.list:
        for name in names:
            print(f"{name:14}  {(BENCHMARKS[name].__doc__ or '').partition(chr(10))[0]}")
        return 0
    try:
        record = lifecycle.up()
        with environment.entered(record), connected(record) as running:
            sections = [_section(name, running) for name in names]
    except (LocalError, Refused, ClientError, BotoCoreError) as error:
        warn(f"the benchmarks stopped: {error}")
        return 1
    except KeyboardInterrupt:
        warn("interrupted. The stack is still running. To remove it: make local-down")
        return 130
    print("\n" + "\n".join(sections))
    if given.save:
        document.save(sections)
        say(f"wrote {document.PATH}")
    return 0


def _section(name: str, running: Stack) -> str:
    say(f"benchmark {name}")
    figures = BENCHMARKS[name].measure(running)
    return document.section(
        BENCHMARKS[name].__doc__ or "", figures.markdown(), document.machine(running.engine.version()["Version"])
    )


if __name__ == "__main__":
    sys.exit(main())
