"""Entry point of the command `biobatch`: runs a subcommand and turns errors into messages and an exit code."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence

from biobatch import command_line, signals
from biobatch.refusal import Refused

#: Errors that are printed. The others are counted.
_MAX_MESSAGES = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a subcommand.

    Args:
        arguments: the words after `biobatch`. Default: those of this process.

    Returns:
        The exit code: 0 if every job succeeded, 1 if a job failed, 2 if the request was refused or AWS did not accept or answer a call, 130 after
        Ctrl-C.
    """
    given = command_line.parse(sys.argv[1:] if arguments is None else arguments)
    # Loading the AWS SDK takes longer than everything that --help, --version and --print-completion do.
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    from biobatch import aws, commands  # noqa: PLC0415

    try:
        return commands.run(given)
    except Refused as refused:
        _print_errors(*refused.faults)
    except (ClientError, BotoCoreError) as error:
        _print_errors(aws.explain(error))
    except OSError as error:
        # The reader of our output has gone, or the terminal was closed. Python would report a second error when it flushes at exit.
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise
        signals.discard_output([sys.stdout.fileno()])
        return 1
    except KeyboardInterrupt:
        return 130
    return 2


def _print_errors(*messages: str) -> None:
    for message in messages[:_MAX_MESSAGES]:
        print(f"biobatch: {message}", file=sys.stderr)
    if len(messages) > _MAX_MESSAGES:
        print(f"biobatch: and {len(messages) - _MAX_MESSAGES:,} more errors", file=sys.stderr)


def console() -> None:
    """Runs the command as a separate process, which ends with the command's exit code."""
    signals.handle()
    sys.exit(main())


if __name__ == "__main__":
    console()
