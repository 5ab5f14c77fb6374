"""The command `python -m components deploy-policy`, which prints the IAM policy for deploying a stack. It also works before the stack exists."""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError, UnknownRegionError
from botocore.session import Session

from components.permissions.deploy import deploy_policy

_PROJECT = Path(__file__).resolve().parents[1]

#: The prefix of the names of a stack's resources. It does not depend on the name of the stack.
_NAME = "biobatch"


class Refused(Exception):
    """A value is missing or invalid. The message contains the command that corrects it."""


def main(arguments: Sequence[str]) -> None:
    """Prints the policy as JSON. If a value is missing or invalid, exits with code 1 and a message.

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
        help="print the IAM policy that `pulumi up` and `pulumi destroy` need, as JSON",
        description="Prints an IAM policy, as JSON, that allows `pulumi up`, `preview`, `refresh` and `destroy`. Use it as an inline policy of a role. "
        "The command reads the configuration of the selected stack and gets the account ID from AWS. It also works before the first `pulumi up`. "
        "With --region and --account, it needs neither a stack nor credentials.",
    )
    policy.add_argument("--stack", help="read the configuration of this stack; default: the selected stack")
    policy.add_argument(
        "--account", metavar="ID", help="the account ID, 12 digits; default: the account of your credentials"
    )
    policy.add_argument("--region", help="the region code; default: aws:region of the stack")
    policy.add_argument(
        "--protect-data",
        choices=("true", "false"),
        help="false: allow deleting the data bucket, which destroy then does; default: protectData of the stack, or true",
    )
    policy.add_argument(
        "--engines",
        choices=("true", "false"),
        help="true: allow what the roles and image caches of workflow engines need; default: engines of the stack, or false",
    )
    policy.add_argument(
        "--permissions-boundary-arn",
        metavar="ARN",
        help="the permissions boundary of the stack's roles; default: permissionsBoundaryArn of the stack, or none",
    )
    policy.add_argument(
        "--kms-key-arn",
        metavar="ARN",
        help="the KMS key for bucket, logs and volumes; default: kmsKeyArn of the stack, or none",
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
        raise Refused(f"--region: {region} is not an AWS region") from None
    account = options.account or _account(region)
    if not (account.isdigit() and len(account) == 12):
        raise Refused(f"--account: {account} is not an AWS account ID, which has 12 digits")
    text = deploy_policy(
        partition=partition,
        account_id=account,
        region=region,
        name=_NAME,
        protect_data=(options.protect_data or config.get("biobatch:protectData", "true")) == "true",
        engines=(options.engines or config.get("biobatch:engines", "false")) == "true",
        permissions_boundary_arn=options.permissions_boundary_arn or config.get("biobatch:permissionsBoundaryArn", ""),
        kms_key_arn=options.kms_key_arn or config.get("biobatch:kmsKeyArn", ""),
    )
    # Indentation is safe, because IAM does not count white space.
    return json.dumps(json.loads(text), indent=2)


def _configuration(stack: str | None) -> Mapping[str, str]:
    """The configuration of a stack, by full key."""
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
    """The account ID of the current credentials."""
    try:
        return boto3.Session(region_name=region).client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise Refused(f"could not get the account ID from AWS: {error}\nSet it: --account 111122223333") from None
