"""Serves the plugin: `python -m local.plugins.aws ENGINE_ADDRESS`."""

from local.plugins.aws.provider import Provider
from local.plugins.common import serve

if __name__ == "__main__":
    serve(Provider())
