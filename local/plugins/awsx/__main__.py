"""Serves the plugin: `python -m local.plugins.awsx ENGINE_ADDRESS`."""

import sys

from pulumi.provider import main

from local.plugins.awsx.provider import Provider
from local.plugins.common import end_with_engine

if __name__ == "__main__":
    end_with_engine()
    main(Provider(), sys.argv[1:])
