"""`python -m local`: the local stack's commands."""

import argparse
import sys
from collections.abc import Sequence

from local import inbox
from local.console import say, warn
from local.errors import LocalError
from local.stack import aws_server, cache, environment, lifecycle, shell

#: The default seed of the demo. The demo succeeds with every other seed too.
_SEED = 1


def main(arguments: list[str] | None = None) -> int:
    """Runs a command and returns its exit code: 0; 1 after an error, which is printed; 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m local", description="The local stack runs the real program without an AWS account."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="bring the stack up; quick if it is up")
    commands.add_parser(
        "down", help="remove the stack and everything it made; tools and image layers stay in the cache"
    )
    demo = commands.add_parser("demo", help="call variants on the sample data; brings the stack up if it is not")
    demo.add_argument(
        "--seed",
        type=int,
        default=_SEED,
        help="seed of the simulated variants and reads, 1 or more; default: %(default)s",
    )
    commands.add_parser("env", help="print the lines that a shell evaluates to work on the stack")
    commands.add_parser("inbox", help="print the e-mails that AWS would have sent; none leaves the machine")
    reclaim = commands.add_parser(
        "reclaim",
        help="take a machine from its jobs, as EC2 does when it reclaims a Spot instance; Batch then tries the jobs again",
    )
    reclaim.add_argument(
        "jobs", nargs="*", metavar="JOB", help="IDs of running jobs, arrays or children. Default: all running jobs"
    )
    commands.add_parser(
        "clean-cache", help="free the disk space that removed stacks still use: tools, image layers, packages"
    )
    given = parser.parse_args(arguments)
    try:
        match given.command:
            case "up":
                lifecycle.up()
            case "demo":
                # AWS's SDK takes a second to load. The other commands do not need it.
                from local import demo as main_job  # noqa: PLC0415

                main_job.check(given.seed)
                with environment.entered(lifecycle.up(following=main_job.STEPS)):
                    return main_job.run(given.seed)
            case "down":
                lifecycle.down()
            case "env":
                record = lifecycle.current()
                print(shell.lines(record))
                warn(shell.notice(record))
            case "inbox":
                lifecycle.current()
                print("\n".join(map(str, inbox.mails())) or "There are no e-mails.")
            case "reclaim":
                _reclaim(given.jobs)
            case "clean-cache":
                cache.clean()
    except LocalError as error:
        warn(str(error))
        return 1
    except KeyboardInterrupt:
        warn("interrupted. Run the same command again to continue, or remove what came up: make local-down")
        return 130
    return 0


def _reclaim(jobs: Sequence[str]) -> None:
    instance, taken = aws_server.reclaim(lifecycle.current().aws_port, jobs)
    if not taken:
        which = f"none of the jobs {', '.join(jobs)} runs" if jobs else "no job runs"
        raise LocalError(f"{which}. See what runs: aws batch list-jobs --job-queue QUEUE --job-status RUNNING")
    say(f"took the machine {instance} from {len(taken)} job{'s' if len(taken) > 1 else ''}:")
    for job in taken:
        print(job)


if __name__ == "__main__":
    sys.exit(main())
