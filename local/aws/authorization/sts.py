"""Who may assume a role: by the trust policy of the role, and by the policies of the caller (IAM User Guide, "Policy evaluation logic")."""

from collections.abc import Sequence
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends

from local.aws.authorization.callers import Caller
from local.aws.authorization.needs import Call
from local.aws.authorization.policies import Effect, Statement, Unsupported, decide, parse

_ACTION = "sts:AssumeRole"


def check(call: Call, caller: Caller | None) -> None:
    """Checks a call of STS.

    Args:
        call: the call.
        caller: the caller, or None for the user of the stack, to whom everything is allowed.

    Raises:
        Refused: if the caller may not make it.
        Unsupported: if the local stack cannot decide it.
    """
    if call.operation == "AssumeRole" and any(name.startswith("PolicyArns.") for name in call.request):
        # moto would ignore them, and the session would have more rights than on AWS.
        raise Unsupported("sessions with PolicyArns")
    # Everybody can call GetCallerIdentity, even if a policy denies it (API GetCallerIdentity).
    if caller is None or call.operation == "GetCallerIdentity":
        return
    if call.operation != "AssumeRole":
        raise Unsupported(f"the call of {call.operation} by a role or a user")
    arn = call.text("RoleArn")
    roles: Sequence[Any] = list(iam_backends[DEFAULT_ACCOUNT_ID]["aws"].roles.values())
    role = next((role for role in roles if role.arn == arn), None)
    if role is None:
        raise caller.refusal(f"{_ACTION} on resource: {arn}")
    context = {**caller.context, "sts:externalid": call.text("ExternalId") or None}
    context["sts:rolesessionname"] = call.text("RoleSessionName") or None
    trust = parse(role.assume_role_policy_document)
    account = ("AWS", DEFAULT_ACCOUNT_ID), ("AWS", f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:root")
    direct = ("AWS", "*"), ("*", "*"), ("AWS", caller.arn), ("AWS", caller.principal)
    if decide(_for(trust, (*direct, *account)), _ACTION, arn, context) is not Effect.ALLOWED:
        raise caller.refusal(f"{_ACTION} on resource: {arn}")
    if decide(_for(trust, direct), _ACTION, arn, context) is Effect.ALLOWED:
        # A role that trusts a caller by name needs no policy of the caller, but the policies can still deny.
        for statements in caller.policies.values():
            if decide(statements, _ACTION, arn, context) is Effect.DENIED:
                caller.demand(_ACTION, arn, context)
        return
    caller.demand(_ACTION, arn, context)


def _for(trust: Sequence[Statement], principals: Sequence[tuple[str, str]]) -> list[Statement]:
    return [statement for statement in trust if any(each in principals for each in statement.principals)]
