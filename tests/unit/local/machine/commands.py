"""Executable commands for tests."""

from pathlib import Path


def write_command(folder: Path, name: str, script: str) -> Path:
    """Writes a shell script as an executable command."""
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / name
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    return command
