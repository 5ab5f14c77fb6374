"""`python -m local`: the local stack's commands."""

import argparse
import sys

from local.console import warn
from local.errors import LocalError
from local.stack import environment, lifecycle

#: The demo's usual reads; any other seed holds as well.
_SEED = 1


def main(arguments: list[str] | None = None) -> int:
    """Runs a command and returns its exit code: 0, 1 after a fault told in words, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m local", description="The local stack: the real program without an AWS account."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="bring the stack up")
    commands.add_parser("down", help="remove the stack and everything it made")
    demo = commands.add_parser("demo", help="call variants on the sample data, on a stack that comes up if it is not")
    demo.add_argument("--seed", type=int, default=_SEED, help="which variants and reads are simulated, 1 or more")
    commands.add_parser("env", help="print the lines that a shell evaluates to work on the stack")
    given = parser.parse_args(arguments)
    try:
        match given.command:
            case "up":
                lifecycle.up()
            case "demo":
                # AWS's SDK takes a second to load, which the other commands need not wait for.
                from local import demo as main_job  # noqa: PLC0415

                main_job.check(given.seed)
                with environment.entered(lifecycle.up()):
                    return main_job.run(given.seed)
            case "down":
                lifecycle.down()
            case "env":
                print(environment.shell_lines(lifecycle.current()))
    except LocalError as error:
        warn(str(error))
        return 1
    except KeyboardInterrupt:
        warn("interrupted. `make local-down` removes what came up; the same command again goes on.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
