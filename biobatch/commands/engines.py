"""Runs `biobatch engines`."""

from __future__ import annotations

import argparse
import sys

from biobatch.commands.context import Context
from biobatch.engines import approve, nextflow, redun, snakemake
from biobatch.refusal import Faults
from biobatch.stack_outputs import StackOutputs


def run_offline(given: argparse.Namespace, stack: StackOutputs) -> int:
    """Prints the settings of an engine."""
    match given.engine:
        case "nextflow":
            text = nextflow.config(stack, images=given.images)
        case "snakemake":
            text = snakemake.profile(stack, given.tool)
        case _:
            text = redun.settings(stack)
    print(text, end="")
    return 0


def run(given: argparse.Namespace, context: Context) -> int:
    """Approves the containers of a pipeline."""
    # Only this command needs the client of registries.
    from biobatch.engines.images import Registries  # noqa: PLC0415

    context.announce()
    stack, clients = context.stack, context.clients
    faults = Faults()
    if given.memory_mib < 4:
        faults.add([f"--memory-mib {given.memory_mib}: it must be 4 or more"])
    faults.refuse()
    stack.require_engine_policy("approve")
    processes = approve.read_processes(approve.read_file(given.file), given.file)
    registries = Registries(lambda: clients.more("ecr"), stack.region)
    approved = approve.prepare(processes, stack, clients.batch, registries, given.memory_mib)
    arns: dict[str, str] = {}
    registered: dict[str, str] = {}
    for container, each in approved.items():
        if not each.arn and not given.dry_run and each.name not in registered:
            registered[each.name] = approve.register(clients.batch, each)
        state = "approved already" if each.arn else "would be registered" if given.dry_run else "registered"
        print(f"{container}: {each.name}, {state}\n  {each.image}", file=sys.stderr)
        arns[container] = each.arn or registered.get(each.name, "")
    if given.dry_run:
        print("Nothing was registered, because you gave --dry-run.", file=sys.stderr)
    else:
        print(approve.config(processes, arns, given.file), end="")
    return 0
