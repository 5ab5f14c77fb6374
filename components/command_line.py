"""`python -m components deploy-policy`: prints the policy of a deployer's role, before and after there is a stack."""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError, UnknownRegionError
from botocore.session import Session

from components.deploy_policy import deploy_policy

_PROJECT = Path(__file__).resolve().parents[1]

#: What the names of a stack's resources begin with, whatever the stack's own name is.
_NAME = "biobatch"


class Refused(Exception):
    """What is missing or wrong, and the command that supplies it."""


def main(arguments: Sequence[str]) -> None:
    """Prints the policy as JSON. Ends the process with 1 and a message if something is missing or wrong.

    Args:
        arguments: the command line without the program's name.
    """
    try:
        print(_policy(_parser().parse_args(arguments)))
    except Refused as refused:
        sys.exit(f"components: {refused}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m components", description="The components of Biobatch.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    policy = commands.add_parser(
        "deploy-policy",
        help="print the rights that `pulumi up` and `pulumi destroy` need, as JSON",
        description="Prints the IAM policy of a role that may run `pulumi up`, `preview`, `refresh` and `destroy`, as JSON: an inline policy. "
        "Reads the selected stack's configuration and asks AWS for the account, before the first `pulumi up` too. With --region and "
        "--account it needs neither a stack nor credentials.",
    )
    policy.add_argument("--stack", help="read this stack's configuration; default: the selected one's")
    policy.add_argument(
        "--account", metavar="ID", help="the account, 12 digits; default: that of the shell's credentials"
    )
    policy.add_argument("--region", help="the region; default: the stack's aws:region")
    policy.add_argument(
        "--protect-data",
        choices=("true", "false"),
        help="false: may delete the data bucket, as destroy does then; default: the stack's protectData, else true",
    )
    policy.add_argument(
        "--permissions-boundary-arn", metavar="ARN", help="the roles' boundary; default: the stack's, else none"
    )
    policy.add_argument(
        "--kms-key-arn", metavar="ARN", help="the key of bucket, logs and volumes; default: the stack's"
    )
    return parser


def _policy(options: argparse.Namespace) -> str:
    alone = options.region and options.account and not options.stack
    config = {} if alone else _configuration(options.stack)
    region = options.region or config.get("aws:region", "")
    if not region:
        raise Refused("aws:region is not set. Set it: pulumi config set aws:region us-east-1, or give --region")
    try:
        partition = Session().get_partition_for_region(region)
    except UnknownRegionError:
        raise Refused(f"--region: {region} is no region of AWS") from None
    account = options.account or _account(region)
    if not (account.isdigit() and len(account) == 12):
        raise Refused(f"--account: {account} is not 12 digits")
    text = deploy_policy(
        partition=partition,
        account_id=account,
        region=region,
        name=_NAME,
        protect_data=(options.protect_data or config.get("biobatch:protectData", "true")) == "true",
        permissions_boundary_arn=options.permissions_boundary_arn or config.get("biobatch:permissionsBoundaryArn", ""),
        kms_key_arn=options.kms_key_arn or config.get("biobatch:kmsKeyArn", ""),
    )
    # IAM counts no white space.
    return json.dumps(json.loads(text), indent=2)


def _configuration(stack: str | None) -> Mapping[str, str]:
    """The stack's configuration, by full keys."""
    command = ["pulumi", "config", "--json", "--non-interactive", *(["--stack", stack] if stack else [])]
    instead = "Select a stack: pulumi stack select, or give --region and --account"
    try:
        ran = subprocess.run(command, cwd=_PROJECT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Refused(f"pulumi is not on PATH. {instead}") from None
    if ran.returncode:
        raise Refused(f"{' '.join(command)}: {(ran.stderr or ran.stdout).strip()}\n{instead}")
    return {key: str(entry.get("value", "")) for key, entry in json.loads(ran.stdout).items()}


def _account(region: str) -> str:
    """The account of the shell's credentials."""
    try:
        return boto3.Session(region_name=region).client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise Refused(f"AWS did not tell the account: {error}\nGive it: --account 111122223333") from None
