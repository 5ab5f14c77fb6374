"""AWS on this machine: `python -m local.aws --config FILE`."""

import argparse
import sys
from pathlib import Path

from local.aws import config, server
from local.errors import LocalError


def main() -> int:
    """Serves until SIGTERM or SIGINT. Returns 1 if it cannot serve."""
    parser = argparse.ArgumentParser(prog="python -m local.aws", description="Serves AWS on this machine.")
    parser.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="JSON, as local.stack.aws_server writes it"
    )
    path: Path = parser.parse_args().config
    try:
        try:
            settings = config.load(path)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise LocalError(f"{path} is no configuration: {type(error).__name__}: {error}") from None
        server.run(settings)
    except LocalError as error:
        print(f"local.aws: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
