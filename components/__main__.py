"""The components as a program: `python -m components deploy-policy`, and the host that Pulumi starts for programs of other languages.

Pulumi runs this folder with the engine's address as argument (`pulumi package add PATH/components`).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pulumi.provider import main as host

from components import command_line
from components.package import Package

if __name__ == "__main__":
    # The engine's address is `HOST:PORT`; everything else is typed by a person.
    if ":" in "".join(sys.argv[1:2]):
        host(Package(), sys.argv[1:])
    else:
        command_line.main(sys.argv[1:])
