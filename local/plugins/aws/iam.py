"""IAM's roles, policies and instance profiles."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from local.plugins.aws.api import ApiError
from local.plugins.aws.documents import same_policy
from local.plugins.aws.resource import AutoName, Call, Resource, Tagging, Values
from local.plugins.aws.shapes import Refused

#: How many versions of a managed policy AWS keeps at most.
MAX_VERSIONS = 5

_NAME = r"[\w+=,.@-]{1,%d}"


def _tagging(kind: str, identity: Values) -> Tagging:
    return Tagging(add=Call(f"Tag{kind}", identity), remove=Call(f"Untag{kind}", identity))


class Iam(Resource):
    """A resource type of IAM."""

    service = "iam"
    regional = False
    auto_name: ClassVar[AutoName | None] = AutoName()

    def faults(self, inputs: Values) -> Iterator[Refused]:
        for name in self.documents:
            text = inputs.get(name)
            if isinstance(text, str):
                yield from document_faults(name, text)


def document_faults(name: str, text: str) -> Iterator[Refused]:
    """Faults in the form of a policy's text."""
    try:
        document = json.loads(text)
    except ValueError as error:
        yield Refused(name, f"is not valid JSON: {error}")
        return
    if isinstance(document, str):
        yield Refused(
            name,
            "is a JSON string instead of an object, such as JSON encoded twice or the name of a file. Give the policy itself",
        )
    elif not isinstance(document, dict):
        yield Refused(name, f"must be a JSON object, not {type(document).__name__}")


class Role(Iam):
    token = "aws:iam/role:Role"
    inputs = (
        "assumeRolePolicy description forceDetachPolicies maxSessionDuration name namePrefix path permissionsBoundary"
    )
    required = "assumeRolePolicy"
    replaces = "name namePrefix path"
    own = "forceDetachPolicies namePrefix"
    defaults: ClassVar[Values] = {"path": "/", "maxSessionDuration": 3600, "forceDetachPolicies": False}
    documents: ClassVar = {"assumeRolePolicy": same_policy}
    patterns: ClassVar[Mapping[str, str]] = {
        "name": _NAME % 64,
        "description": r"(?s)[^“”‘]{0,1000}",
        "permissionsBoundary": r"arn:.+",
    }
    auto_name = AutoName(limit=64)
    names: ClassVar[Mapping[str, str]] = {"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"}
    answers: ClassVar[Mapping[str, str]] = {"permissionsBoundary": "PermissionsBoundary.PermissionsBoundaryArn"}
    outputs: ClassVar[Mapping[str, str]] = {"arn": "Arn", "uniqueId": "RoleId", "createDate": "CreateDate"}
    unfilled = "inlinePolicies managedPolicyArns"
    creating = Call(
        "CreateRole",
        sends="assumeRolePolicy description maxSessionDuration name path permissionsBoundary",
        at="Role.RoleName",
    )
    reading = Call("GetRole", {"RoleName": "$id"}, at="Role")
    updating = (
        Call("UpdateAssumeRolePolicy", {"RoleName": "$id", "PolicyDocument": "$assumeRolePolicy"}),
        # The description is sent too, because the local AWS would otherwise delete it.
        Call("UpdateRole", {"RoleName": "$id"}, sends="description maxSessionDuration"),
    )
    deleting = Call("DeleteRole", {"RoleName": "$id"})
    tagging = _tagging("Role", {"RoleName": "$id"})

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        if "assumeRolePolicy" in changed:
            self.call(self.updating[0], {**wanted, "id": id})
        super().change(id, {"description": "", **wanted}, state, changed)
        if "permissionsBoundary" in changed:
            boundary = wanted.get("permissionsBoundary")
            given = {"RoleName": id, **({"PermissionsBoundary": boundary} if boundary else {})}
            self.call(Call(f"{'Put' if boundary else 'Delete'}RolePermissionsBoundary", given), {})

    def unmake(self, id: str, state: Values) -> None:
        role = {"RoleName": id}
        for name in self.call(
            Call("ListInstanceProfilesForRole", role, at="InstanceProfiles[].InstanceProfileName"), {}
        ):
            self.call(Call("RemoveRoleFromInstanceProfile", {**role, "InstanceProfileName": name}), {})
        if state.get("forceDetachPolicies"):
            for arn in self.call(Call("ListAttachedRolePolicies", role, at="AttachedPolicies[].PolicyArn"), {}):
                self.call(Call("DetachRolePolicy", {**role, "PolicyArn": arn}), {})
            for name in self.call(Call("ListRolePolicies", role, at="PolicyNames"), {}):
                self.call(Call("DeleteRolePolicy", {**role, "PolicyName": name}), {})
        super().unmake(id, state)


class RolePolicy(Iam):
    token = "aws:iam/rolePolicy:RolePolicy"
    inputs = "name namePrefix policy role"
    required = "policy role"
    replaces = "name namePrefix role"
    own = "namePrefix"
    documents: ClassVar = {"policy": same_policy}
    patterns: ClassVar[Mapping[str, str]] = {"name": _NAME % 128, "role": _NAME % 128}
    names: ClassVar[Mapping[str, str]] = {"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"}
    creating = Call("PutRolePolicy", sends="name policy role")
    id_form = "{role}:{name}"
    reading = Call("GetRolePolicy", {"RoleName": "$role", "PolicyName": "$name"})
    updating = (Call("PutRolePolicy", sends="policy name role"),)
    deleting = Call("DeleteRolePolicy", {"RoleName": "$role", "PolicyName": "$name"})


class RolePolicyAttachment(Iam):
    token = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    inputs = "policyArn role"
    required = "policyArn role"
    replaces = "policyArn role"
    delete_before_replace = True
    auto_name = None
    patterns: ClassVar[Mapping[str, str]] = {"policyArn": r"arn:.+"}
    names: ClassVar[Mapping[str, str]] = {"role": "RoleName"}
    answers: ClassVar[Mapping[str, str]] = {"role": ""}
    creating = Call("AttachRolePolicy", sends="policyArn role")
    id_form = "{role}/{policyArn}"
    reading = Call(
        "ListAttachedRolePolicies", {"RoleName": "$role"}, at="AttachedPolicies[?PolicyArn=='{policyArn}'] | [0]"
    )
    deleting = Call("DetachRolePolicy", {"RoleName": "$role", "PolicyArn": "$policyArn"})

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        # The ARN of the policy can contain any account or partition, so it is compared as it is.
        role, _, arn = id.partition("/")
        return super().describe(id, {"role": state.get("role", role), "policyArn": state.get("policyArn", arn)})


class Policy(Iam):
    token = "aws:iam/policy:Policy"
    inputs = "delayAfterPolicyCreationInMs description name namePrefix path policy"
    required = "policy"
    replaces = "name namePrefix path description"
    own = "delayAfterPolicyCreationInMs namePrefix"
    defaults: ClassVar[Values] = {"path": "/"}
    documents: ClassVar = {"policy": same_policy}
    patterns: ClassVar[Mapping[str, str]] = {"name": _NAME % 128, "path": r"/([A-Za-z0-9.,+@=_-]+/)*"}
    names: ClassVar[Mapping[str, str]] = {"name": "PolicyName", "policy": "PolicyDocument"}
    answers: ClassVar[Mapping[str, str]] = {"policy": "Document"}
    outputs: ClassVar[Mapping[str, str]] = {"arn": "Arn", "policyId": "PolicyId", "attachmentCount": "AttachmentCount"}
    creating = Call("CreatePolicy", sends="description name path policy", at="Policy.Arn")
    reading = Call("GetPolicy", {"PolicyArn": "$id"}, at="Policy")
    updating = (Call("CreatePolicyVersion", {"PolicyArn": "$id", "SetAsDefault": True}, sends="policy"),)
    deleting = Call("DeletePolicy", {"PolicyArn": "$id"})
    tagging = _tagging("Policy", {"PolicyArn": "$id"})
    busy = ""

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        answer = super().describe(id, state)
        if answer:
            version = Call(
                "GetPolicyVersion",
                {"PolicyArn": id, "VersionId": answer["DefaultVersionId"]},
                at="PolicyVersion.Document",
            )
            answer["Document"] = self.call(version, {})
        return answer

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        if "policy" in changed:
            older = self._older_versions(id)
            if len(older) >= MAX_VERSIONS - 1:
                self.call(Call("DeletePolicyVersion", {"PolicyArn": id, "VersionId": older[0]}), {})
        super().change(id, wanted, state, changed)

    def unmake(self, id: str, state: Values) -> None:
        for version in self._older_versions(id):
            self.call(Call("DeletePolicyVersion", {"PolicyArn": id, "VersionId": version}), {})
        super().unmake(id, state)

    def _older_versions(self, id: str) -> list[str]:
        versions = self.call(
            Call("ListPolicyVersions", {"PolicyArn": id}, at="Versions[?!IsDefaultVersion].VersionId"), {}
        )
        return sorted(versions, key=lambda version: int(version.removeprefix("v")))


class InstanceProfile(Iam):
    token = "aws:iam/instanceProfile:InstanceProfile"
    inputs = "name namePrefix path role"
    replaces = "name namePrefix path"
    own = "namePrefix"
    defaults: ClassVar[Values] = {"path": "/"}
    patterns: ClassVar[Mapping[str, str]] = {"name": _NAME % 128}
    names: ClassVar[Mapping[str, str]] = {"name": "InstanceProfileName"}
    answers: ClassVar[Mapping[str, str]] = {"role": "Roles[0].RoleName"}
    outputs: ClassVar[Mapping[str, str]] = {"arn": "Arn", "uniqueId": "InstanceProfileId", "createDate": "CreateDate"}
    creating = Call("CreateInstanceProfile", sends="name path", at="InstanceProfile.InstanceProfileName")
    reading = Call("GetInstanceProfile", {"InstanceProfileName": "$id"}, at="InstanceProfile")
    deleting = Call("DeleteInstanceProfile", {"InstanceProfileName": "$id"})
    tagging = _tagging("InstanceProfile", {"InstanceProfileName": "$id"})

    def finish(self, id: str, wanted: Values) -> None:
        self._put(id, wanted.get("role"))

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        self._take(id, state.get("role"))
        self._put(id, wanted.get("role"))

    def unmake(self, id: str, state: Values) -> None:
        self._take(id, state.get("role"))
        super().unmake(id, state)

    def _put(self, id: str, role: str | None) -> None:
        if role:
            self.call(Call("AddRoleToInstanceProfile", {"InstanceProfileName": id, "RoleName": role}), {})

    def _take(self, id: str, role: str | None) -> None:
        if role:
            try:
                self.call(Call("RemoveRoleFromInstanceProfile", {"InstanceProfileName": id, "RoleName": role}), {})
            except ApiError as error:
                if not error.gone:
                    raise


TYPES: tuple[type[Resource], ...] = (Role, RolePolicy, RolePolicyAttachment, Policy, InstanceProfile)
