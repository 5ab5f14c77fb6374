"""`python -m benchmarks`: runs the benchmarks on the local stack, which comes up if it is not."""

import argparse
import sys
from collections.abc import Sequence
from types import ModuleType

from botocore.exceptions import BotoCoreError, ClientError

from benchmarks import (
    call_variants,
    document,
    fastqc_report,
    image_sizes,
    job_overhead,
    job_start,
    large_object,
    s3_clients,
    s3_conduct,
)
from benchmarks.stack import Stack, connected
from biobatch.refusal import Refused
from local.console import say, warn
from local.errors import LocalError
from local.stack import environment, lifecycle

#: By name. Each module's documentation is its section's text, and its `measure` makes the figures.
BENCHMARKS: dict[str, ModuleType] = {
    module.__name__.rpartition(".")[2].replace("_", "-"): module
    for module in (
        image_sizes,
        fastqc_report,
        s3_clients,
        s3_conduct,
        large_object,
        call_variants,
        job_overhead,
        job_start,
    )
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs benchmarks and prints what they found; 1 if one cannot be run, 130 after Ctrl-C. A missed aim is no fault."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all by default: {', '.join(BENCHMARKS)}")
    parser.add_argument("--list", action="store_true", help="say what there is, and run nothing")
    parser.add_argument("--save", action="store_true", help="write the figures into docs/benchmarks.md")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.names) - BENCHMARKS.keys()):
        parser.error(f"{', '.join(unknown)}: no such benchmark. There are {', '.join(BENCHMARKS)}")
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
        warn(f"the benchmarks cannot go on: {error}")
        return 1
    except KeyboardInterrupt:
        warn("interrupted. The stack stays up; `make local-down` removes it.")
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
