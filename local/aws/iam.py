"""IAM: the refusals that moto lacks, in AWS's words."""

import json
import re
from collections.abc import Callable
from typing import Any

from moto.iam.exceptions import DeleteConflictException, MalformedPolicyDocument, ValidationError
from moto.iam.models import IAMBackend, Role
from moto.iam.policy_validation import IAMTrustPolicyDocumentValidator

from local.aws.patches import Patches

PATCHES = Patches()

#: Maximum lengths of names, in characters (IAM User Guide, "IAM and AWS STS quotas").
_ROLE_NAME = 64
_NAME = 128

#: The allowed durations of a role's session, in seconds.
_SESSION = range(3600, 43201)


def _check_name(parameter: str, name: str, longest: int) -> None:
    if len(name) > longest:
        fault = f"Member must have length less than or equal to {longest}"
    elif not re.fullmatch(r"[\w+=,.@-]+", name, re.ASCII):
        fault = r"Member must satisfy regular expression pattern: [\w+=,.@-]+"
    else:
        return
    raise ValidationError(
        f"1 validation error detected: Value '{name}' at '{parameter}' failed to satisfy constraint: {fault}"
    )


@PATCHES.replaces(IAMBackend.create_role)
def check_role(
    original: Callable[..., Role],
    self: IAMBackend,
    role_name: str,
    assume_role_policy_document: str,
    path: str,
    permissions_boundary: str | None,
    description: str,
    tags: list[dict[str, str]],
    max_session_duration: str | None,
    linked_service: str | None = None,
) -> Role:
    """Checks the name, the maximum session duration and the trust policy."""
    _check_name("roleName", role_name, _ROLE_NAME)
    seconds = int(max_session_duration or 3600)
    if seconds not in _SESSION:
        raise ValidationError(
            f"1 validation error detected: Value '{seconds}' at 'maxSessionDuration' failed to satisfy constraint: "
            f"Member must have value between {_SESSION.start} and {_SESSION.stop - 1}"
        )
    if not linked_service:
        _check_trust(assume_role_policy_document)
    return original(
        self,
        role_name,
        assume_role_policy_document,
        path,
        permissions_boundary,
        description,
        tags,
        max_session_duration,
        linked_service,
    )


@PATCHES.replaces(IAMBackend.update_assume_role_policy)
def check_trust(original: Callable[..., None], self: IAMBackend, role_name: str, policy_document: str) -> None:
    """Checks the trust policy."""
    self.get_role(role_name)
    _check_trust(policy_document)
    original(self, role_name, policy_document)


def _check_trust(document: str) -> None:
    IAMTrustPolicyDocumentValidator(document).validate()
    statements = json.loads(document)["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        if not statement.get("Principal") and not statement.get("NotPrincipal"):
            raise MalformedPolicyDocument("Missing required field Principal")


@PATCHES.replaces(IAMBackend.update_role)
def keep_description(
    original: Callable[..., Role],
    self: IAMBackend,
    role_name: str,
    role_description: str | None,
    max_session_duration: str,
) -> Role:
    """Keeps the description if the request gives none."""
    kept = self.get_role(role_name).description
    return original(self, role_name, kept if role_description is None else role_description, max_session_duration)


@PATCHES.replaces(IAMBackend.put_role_policy)
def check_policy_name(
    original: Callable[..., None], self: IAMBackend, role_name: str, policy_name: str, policy_json: str
) -> None:
    """Checks the name."""
    _check_name("policyName", policy_name, _NAME)
    original(self, role_name, policy_name, policy_json)


@PATCHES.replaces(IAMBackend.create_instance_profile)
def check_profile_name(original: Callable[..., Any], self: IAMBackend, name: str, *args: Any, **kwargs: Any) -> Any:
    """Checks the name."""
    _check_name("instanceProfileName", name, _NAME)
    return original(self, name, *args, **kwargs)


@PATCHES.replaces(IAMBackend.attach_role_policy)
def attach_once(original: Callable[..., None], self: IAMBackend, policy_arn: str, role_name: str) -> None:
    """Names the role if the role does not exist. Attaching a policy a second time changes nothing."""
    if policy_arn not in self.get_role(role_name).managed_policies:
        original(self, policy_arn, role_name)


@PATCHES.replaces(IAMBackend.delete_policy)
def keep_used_policy(original: Callable[..., None], self: IAMBackend, policy_arn: str) -> None:
    """Refuses to delete a policy that is attached or that has more than one version."""
    policy = self.get_policy(policy_arn)
    if policy.attachment_count:
        raise DeleteConflictException("Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise DeleteConflictException(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )
    original(self, policy_arn)
