"""Launchers of the local provider plugins, in the folders where the CLI looks for the true ones by name and exact version."""

import importlib.metadata
import json
import shlex
import sys

from local.paths import PULUMI_HOME, ROOT
from local.plugins.awsx import AWS_VERSION


def versions() -> dict[str, str]:
    """The name and version of each plugin that the installed SDKs require."""
    found = {}
    for distribution in importlib.metadata.distributions():
        for file in distribution.files or []:
            if file.name == "pulumi-plugin.json":
                plugin = json.loads(file.read_text())
                found[plugin["name"]] = plugin["version"].removeprefix("v")
    return found


def install() -> None:
    """Writes a launcher for each plugin into the `PULUMI_HOME` of the stack.

    pulumi-awsx also requires `docker-build`, which this program never uses. A CLI with the true language host checks all plugins
    before it runs the program, so `docker-build` has a launcher too. awsx requires another version of the AWS provider than the SDK.
    """
    for name, version in [*versions().items(), ("aws", AWS_VERSION)]:
        folder = PULUMI_HOME / "plugins" / f"resource-{name}-v{version}"
        folder.mkdir(parents=True, exist_ok=True)
        launcher = folder / f"pulumi-resource-{name}"
        module = f"local.plugins.{name.replace('-', '_')}"
        launcher.write_text(
            f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -m {module} "$@"\n'
        )
        launcher.chmod(0o755)
