"""Runs `python -m components deploy-policy`, or the host of the components for programs in other languages.

After `pulumi package add PATH/components`, Pulumi runs this folder with the address of its engine as argument.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pulumi.provider import main as host

from components import command_line
from components.package import Package

if __name__ == "__main__":
    # The address of the engine is `HOST:PORT`. All other arguments come from a user.
    if ":" in "".join(sys.argv[1:2]):
        host(Package(), sys.argv[1:])
    else:
        command_line.main(sys.argv[1:])
