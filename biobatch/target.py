"""The account, region and stack that a command works on, and whether the user's credentials are of that account."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ConnectionError as UnreachableError
from botocore.exceptions import HTTPClientError

from biobatch import aws, stack_outputs
from biobatch.aws import KEY_VARIABLES, Aws
from biobatch.refusal import Refused
from biobatch.stack_outputs import StackOutputs


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which stack the user has chosen. Without a file and a name it is Pulumi's selected stack."""

    file: Path | None = None
    """File of the stack's outputs."""
    stack: str | None = None
    """Name of the stack to ask Pulumi for."""
    option: str = ""
    """How the user named the file or the stack, for messages."""
    options: tuple[str, ...] = ()
    """The same choice as options of a command. Empty if it comes from the environment, which the next command reads too."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A stack whose outputs are known."""

    outputs: StackOutputs
    name: str
    """The stack's name, or the file of its outputs."""
    profile: str = ""
    """The stack's `aws:profile`. Empty if it has none, or if the outputs come from a file."""

    @property
    def connect_profile(self) -> str | None:
        """The profile to connect with: the stack's, unless the environment chooses credentials."""
        return None if aws.has_keys() or aws.chosen_profile() else self.profile or None

    @property
    def is_local(self) -> bool:
        """Whether this shell works on the local stack."""
        return os.environ.get("BIOBATCH_LOCAL") == "1"


def choose(file: Path | None, stack: str | None, environment: Mapping[str, str] = os.environ) -> Choice:
    """Combines --outputs and --stack with BIOBATCH_OUTPUTS and BIOBATCH_STACK. An option wins over both variables.

    Args:
        file: value of --outputs.
        stack: value of --stack.
        environment: holds the variables. An empty one counts as unset.

    Raises:
        Refused: if both options are given, or neither option and both variables.
    """
    if file and stack:
        raise Refused("--outputs and --stack both name a stack. Give one of them")
    if file or stack:
        options = ("--outputs", str(file)) if file else ("--stack", str(stack))
        return Choice(file=file, stack=stack, option=" ".join(options), options=options)
    named, name = environment.get("BIOBATCH_OUTPUTS"), environment.get("BIOBATCH_STACK")
    if named and name:
        raise Refused(
            f"BIOBATCH_OUTPUTS={named} and BIOBATCH_STACK={name} both name a stack. Unset one of them, or give --outputs or --stack"
        )
    if named:
        return Choice(file=Path(named), option=f"BIOBATCH_OUTPUTS={named}")
    return Choice(stack=name, option=f"BIOBATCH_STACK={name}") if name else Choice()


def find(choice: Choice) -> Target:
    """Reads the outputs of the chosen stack, and its `aws:profile` if Pulumi is asked.

    Raises:
        Refused: if the outputs cannot be read.
    """
    if choice.file:
        return Target(outputs=stack_outputs.read_file(choice.file, choice.option), name=str(choice.file))
    # Each of the commands takes most of a second to start.
    with ThreadPoolExecutor() as pool:
        outputs = pool.submit(stack_outputs.read, None, choice.stack)
        profile = pool.submit(_ask, "config", "get", "aws:profile", stack=choice.stack)
        name = choice.stack or pool.submit(_ask, "stack", "--show-name").result()
        return Target(outputs=outputs.result(), name=name, profile=profile.result())


def _ask(*arguments: str, stack: str | None = None) -> str:
    """Pulumi's answer, or an empty string: a value that is not set is an error to Pulumi."""
    try:
        return stack_outputs.ask_pulumi(*arguments, stack=stack).strip()
    except Refused:
        return ""


def check_account(target: Target, clients: Aws) -> str:
    """Compares the account of the credentials with the account of the stack. No right is needed to ask AWS for the former.

    Returns:
        The user's ARN. Empty if AWS STS is out of reach, as in a network without a route to it.

    Raises:
        Refused: if the accounts differ.
        ClientError: if AWS does not accept the credentials.
        BotoCoreError: if there are no credentials.
    """
    try:
        caller = clients.sts.get_caller_identity()
    except (UnreachableError, HTTPClientError):
        return ""
    account, expected = caller["Account"], target.outputs.account
    if expected and account != expected:
        raise Refused(
            f"your AWS credentials belong to account {account}, and the stack ({target.name}) is in account {expected}. The credentials come "
            f"from {_source(target)}. {_remedy(target, account, expected)}"
        )
    return caller["Arn"]


def _source(target: Target) -> str:
    """Where the AWS SDK took the credentials from."""
    if target.connect_profile:
        return f"the profile {target.profile}, which is the stack's aws:profile"
    if aws.has_keys():
        return "AWS_ACCESS_KEY_ID"
    if profile := aws.chosen_profile():
        own = f", and the stack's aws:profile is {target.profile}" if target.profile not in ("", profile) else ""
        return f"the profile {profile} (AWS_PROFILE){own}"
    return "the AWS SDK's default profile or this machine's role"


def _remedy(target: Target, account: str, expected: str) -> str:
    """What to set so that both accounts agree."""
    if target.is_local:
        return "This shell works on the local stack. To work on AWS, leave it: biobatch-leave. To work on the local stack: --stack local"
    unset = f"unset {' '.join(KEY_VARIABLES)}; " if aws.has_keys() else ""
    profile = target.profile
    if not profile or (profile == (target.connect_profile or aws.chosen_profile()) and not unset):
        return f"Use a profile of account {expected}: {unset}export AWS_PROFILE=NAME. Or name a stack of account {account}: --outputs FILE.json"
    return f"Use the stack's profile: {unset}export AWS_PROFILE={profile}"


def announce(target: Target, user: str) -> None:
    """Prints which account, region and stack the command works on, to standard error.

    Args:
        target: the stack.
        user: the ARN that `check_account` returned.
    """
    region = f"region {target.outputs.region}"
    if target.is_local:
        print(f"biobatch: the local stack, {region}", file=sys.stderr)
        return
    profile = "" if aws.has_keys() else target.connect_profile or aws.chosen_profile()
    known = (
        f"account {user.split(':')[4]}"
        if user
        else f"account {target.outputs.account} (not checked: AWS STS did not answer)"
    )
    print(
        f"biobatch: {known}{f' (profile {profile})' if profile else ''}, {region}, stack {target.name}", file=sys.stderr
    )
