"""The commands of `biobatch`, from their options to their exit codes. Each command has a module here, and one of the same name in
`biobatch.command_line`, which defines its options."""

from __future__ import annotations

import argparse
from importlib import import_module

from biobatch import aws, target
from biobatch.commands.context import Context


def run(given: argparse.Namespace) -> int:
    """Runs the command that was given.

    Returns:
        0 if every job succeeded, else 1.

    Raises:
        Refused: if the request cannot be carried out.
        ClientError: if AWS refuses a call.
        BotoCoreError: if AWS cannot be asked.
    """
    # Only the command's own module, because the libraries of some take long to load.
    command = import_module(f"biobatch.commands.{given.command.replace('-', '_')}")
    if not hasattr(given, "outputs"):
        # It works without a stack.
        return int(command.run(given))
    choice = target.choose(given.outputs, given.stack)
    found = target.find(choice)
    if getattr(given, "offline", False):
        return int(command.run_offline(given, found.outputs))
    clients = aws.connect(found.outputs.region, found.connect_profile)
    user = target.check_account(found, clients)
    context = Context(choice=choice, stack=found.outputs, clients=clients, target=found, user=user)
    code: int = command.run(given, context)
    return code
