"""Serves the plugin: `python -m local.plugins.docker ENGINE_ADDRESS`."""

import argparse

from local.plugins.common import serve
from local.plugins.docker.provider import Provider

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pulumi's Docker provider on this machine.")
    parser.add_argument("engine", help="address of Pulumi's engine")
    serve(Provider(parser.parse_known_args()[0].engine))
