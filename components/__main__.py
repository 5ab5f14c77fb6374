"""Hosts the components for programs of other languages: what Pulumi runs after `pulumi package add PATH/components`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pulumi.provider import main

from components.package import Package

main(Package(), sys.argv[1:])
