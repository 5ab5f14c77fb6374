"""KMS's grants."""

from typing import Any, ClassVar

from local.plugins.aws.resource import AutoName, Call, Resource, Values


class Grant(Resource):
    """A grant, which permits the use of a key in addition to the key's policy."""

    token = "aws:kms/grant:Grant"
    service = "kms"
    inputs = "granteePrincipal keyId name operations retireOnDelete retiringPrincipal"
    required = "granteePrincipal keyId operations"
    replaces = inputs
    unordered = "operations"
    own = "keyId retireOnDelete"
    defaults: ClassVar[Values] = {"retireOnDelete": False}
    auto_name = AutoName()
    outputs: ClassVar = {"grantId": "GrantId"}
    unfilled = "constraints grantCreationTokens grantToken"
    creating = Call("CreateGrant", sends="granteePrincipal keyId name operations retiringPrincipal", at="GrantId")
    reading = Call("ListGrants", {"KeyId": "$keyId"})
    deleting = Call("RevokeGrant", {"KeyId": "$keyId", "GrantId": "$grantId"})

    def make(self, wanted: Values) -> str:
        return f"{wanted['keyId']}:{super().make(wanted)}"

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        answer = super().describe(id, state) or {}
        return next((g for g in answer.get("Grants", []) if g["GrantId"] == id.rpartition(":")[2]), None)


TYPES: tuple[type[Resource], ...] = (Grant,)
