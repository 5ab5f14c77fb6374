"""Who calls: the policies that apply to the keys of a call."""

import urllib.parse
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.utils import utcnow
from moto.iam.models import IAMBackend, iam_backends
from moto.sts.models import AssumedRole, STSBackend, sts_backends

from local.aws.authorization.policies import Context, Effect, Statement, decide, parse

#: The first letters of the keys of sessions and of IAM users (IAM User Guide, "IAM identifiers").
_SESSION, _USER = "ASIA", "AKIA"

#: Condition keys that no call to the local stack has a value for: it has no organization, no VPC endpoint, and no service calls for a user.
_ABSENT = (
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:federatedprovider",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:resourceorgid",
    "aws:resourceorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:vpcsourceip",
)


class Refused(Exception):
    """The caller is not known, or not allowed to make a call."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        """`AccessDenied`, `InvalidClientTokenId` or `ExpiredToken`. Services have their own names for them."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A role or a user, with its policies."""

    arn: str
    """The ARN of the user, or of the session of the role."""
    principal: str
    """The ARN of the user or the role."""
    policies: Mapping[str, Sequence[Statement]]
    """The statements of its policies by their kind, such as `identity-based policy`. Each kind must allow a call."""
    context: Context
    """The values for conditions that do not depend on the call."""

    def demand(self, action: str, resource: str, context: Context | None = None) -> None:
        """Does nothing if the caller may do this.

        Args:
            action: such as `batch:SubmitJob`.
            resource: its ARN, or `*` if the action has no resource.
            context: values for conditions that depend on the call.

        Raises:
            Refused: if the caller may not.
            Unsupported: if a policy contains something that is not supported.
        """
        values = {**self.context, **(context or {})}
        effects = {kind: decide(each, action, resource, values) for kind, each in self.policies.items()}
        what = f"{action} on resource: {resource}"
        for kind, effect in effects.items():
            if effect is Effect.DENIED:
                raise self.refusal(what, f"with an explicit deny in {_article(kind)} {kind}")
        for kind, effect in effects.items():
            if effect is Effect.SILENT:
                raise self.refusal(what, f"because no {kind} allows the {action} action")

    def demand_somewhere(self, action: str) -> None:
        """Does nothing if the caller may do this on some resource. For calls whose resource is not known here.

        Raises:
            Refused: if no policy names the action.
            Unsupported: if a policy contains something that is not supported.
        """
        for kind, statements in self.policies.items():
            if not any(statement.allows and statement.names(action) for statement in statements):
                raise self.refusal(action, f"because no {kind} allows the {action} action")
            for statement in statements:
                everywhere = not statement.conditions and statement.concerns(action, "*")
                if everywhere and not statement.allows:
                    raise self.refusal(action, f"with an explicit deny in {_article(kind)} {kind}")

    def refusal(self, what: str, why: str = "") -> Refused:
        """The refusal of a call, in the words of AWS (IAM User Guide, "Troubleshoot access denied error messages")."""
        return Refused("AccessDenied", f"User: {self.arn} is not authorized to perform: {what} {why}".rstrip())


def _article(kind: str) -> str:
    return "an" if kind[0] in "aeiou" else "a"


def credential(environ: Mapping[str, Any]) -> list[str]:
    """The scope of the signature of a call: access key, date, region, service and `aws4_request`. Empty without a signature of version 4."""
    scope = str(environ.get("HTTP_AUTHORIZATION", "")).partition("Credential=")[2].partition(",")[0]
    if not scope and "X-Amz-Credential" in environ.get("QUERY_STRING", ""):
        scope = urllib.parse.parse_qs(environ["QUERY_STRING"])["X-Amz-Credential"][0]
    parts = scope.split("/")
    return parts if len(parts) == 5 else []


def find(access_key: str, region: str) -> Caller | None:
    """The caller with an access key, or None for the user of the stack, to whom everything is allowed.

    Args:
        access_key: the ID of the key.
        region: the region that is called.

    Raises:
        Refused: if the key is of a session that does not exist or has expired.
    """
    if access_key.startswith(_SESSION):
        return _role(_session(access_key), region)
    return _user(access_key, region) if access_key.startswith(_USER) else None


_sessions: weakref.WeakValueDictionary[str, AssumedRole] = weakref.WeakValueDictionary()


def _session(access_key: str) -> AssumedRole:
    # moto searches its list of all sessions, and each job adds one.
    found = _sessions.get(access_key)
    if found is None:
        backend: STSBackend = sts_backends[DEFAULT_ACCOUNT_ID]["aws"]
        found = backend.get_assumed_role_from_access_key(access_key)
        if found is None:
            raise Refused("InvalidClientTokenId", "The security token included in the request is invalid.")
        _sessions[access_key] = found
    if found.expiration < utcnow():
        raise Refused("ExpiredToken", "The security token included in the request is expired")
    return found


def _role(session: AssumedRole, region: str) -> Caller:
    iam: IAMBackend = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    name = session.role_arn.rpartition("/")[2]
    role: Any = next((role for role in list(iam.roles.values()) if role.name == name), None)
    policies: dict[str, Sequence[Statement]] = {"identity-based policy": _statements([role] if role else [])}
    if role and role.permissions_boundary_arn:
        boundary = iam.managed_policies.get(role.permissions_boundary_arn)
        policies["permissions boundary"] = parse(_document(boundary)) if boundary else []
    if session.policy:
        policies["session policy"] = parse(session.policy)
    context: Context = {
        "aws:principaltype": "AssumedRole",
        "aws:userid": session.user_id,
        "aws:username": None,
        "aws:multifactorauthpresent": "false",
    }
    return _caller(session.arn, session.role_arn, policies, context, region)


def _user(access_key: str, region: str) -> Caller | None:
    iam: IAMBackend = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for user in list(iam.users.values()):
        if any(key.access_key_id == access_key for key in user.access_keys):
            groups = [group for group in list(iam.groups.values()) if user in group.users]
            policies = {"identity-based policy": _statements([user, *groups])}
            context: Context = {
                "aws:principaltype": "User",
                "aws:userid": user.id,
                "aws:username": user.name,
                "aws:multifactorauthpresent": None,
            }
            return _caller(user.arn, user.arn, policies, context, region)
    return None


def _caller(
    arn: str, principal: str, policies: Mapping[str, Sequence[Statement]], context: Context, region: str
) -> Caller:
    shared: Context = {
        **dict.fromkeys(_ABSENT),
        "aws:principalaccount": DEFAULT_ACCOUNT_ID,
        "aws:principalarn": principal,
        "aws:principalisawsservice": "false",
        "aws:requestedregion": region,
        "aws:resourceaccount": DEFAULT_ACCOUNT_ID,
        # The local endpoint counts as secure, since only this machine reaches it. Otherwise nobody could use a bucket whose policy demands TLS.
        "aws:securetransport": "true",
        "aws:viaawsservice": "false",
    }
    return Caller(arn=arn, principal=principal, policies=policies, context={**shared, **context})


def _statements(owners: Iterable[Any]) -> list[Statement]:
    """The statements of the inline and the managed policies of a role, or of a user and its groups."""
    found: list[Statement] = []
    for owner in owners:
        for document in list(owner.policies.values()):
            found += parse(document)
        for policy in list(owner.managed_policies.values()):
            found += parse(_document(policy))
    return found


def _document(policy: Any) -> str:
    return str(next(version.document for version in policy.versions if version.is_default))
