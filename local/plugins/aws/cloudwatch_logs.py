"""CloudWatch's log groups."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from local.plugins.aws.resource import AutoName, Call, Resource, Tagging, Values
from local.plugins.aws.shapes import Refused

#: The retention periods, in days, that AWS accepts. 0 means for ever.
RETENTION_DAYS = (
    *(0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827),
    *(2192, 2557, 2922, 3288, 3653),
)

_NAMED = {"logGroupName": "$id"}


class LogGroup(Resource):
    token = "aws:cloudwatch/logGroup:LogGroup"
    service = "logs"
    inputs = "deletionProtectionEnabled kmsKeyId logGroupClass name namePrefix retentionInDays skipDestroy"
    replaces = "name namePrefix logGroupClass"
    computed = "deletionProtectionEnabled logGroupClass"
    own = "namePrefix skipDestroy"
    defaults: ClassVar[Values] = {"retentionInDays": 0, "skipDestroy": False}
    patterns: ClassVar[Mapping[str, str]] = {"name": r"[0-9A-Za-z_./#-]{1,512}", "kmsKeyId": r"arn:.+"}
    auto_name = AutoName()
    names: ClassVar[Mapping[str, str]] = {"name": "logGroupName"}
    # The API's ARN ends in `:*`, the provider's does not.
    outputs: ClassVar[Mapping[str, str]] = {"arn": "=arn:{partition}:logs:{region}:{account}:log-group:{id}"}
    creating = Call("CreateLogGroup", sends="deletionProtectionEnabled kmsKeyId logGroupClass name")
    id_form = "{name}"
    reading = Call("DescribeLogGroups", {"logGroupNamePrefix": "$id"}, at="logGroups[?logGroupName=='{id}'] | [0]")
    updating = (
        Call("PutRetentionPolicy", _NAMED, sends="retentionInDays"),
        Call("PutLogGroupDeletionProtection", {"logGroupIdentifier": "$id"}, sends="deletionProtectionEnabled"),
    )
    deleting = Call("DeleteLogGroup", _NAMED)
    tagging = Tagging(
        add=Call("TagResource", {"resourceArn": "$arn"}),
        remove=Call("UntagResource", {"resourceArn": "$arn"}),
        read=Call("ListTagsForResource", {"resourceArn": "$arn"}),
    )

    def faults(self, inputs: Values) -> Iterator[Refused]:
        days = inputs.get("retentionInDays")
        if isinstance(days, int) and days not in RETENTION_DAYS:
            yield Refused("retentionInDays", f"must be one of {', '.join(map(str, RETENTION_DAYS))}, not {days}")

    def finish(self, id: str, wanted: Values) -> None:
        if wanted["retentionInDays"]:
            self.call(self.updating[0], {**wanted, "id": id})

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        if "retentionInDays" in changed and not wanted["retentionInDays"]:
            self.call(Call("DeleteRetentionPolicy", _NAMED), {"id": id})
            changed = changed - {"retentionInDays"}
        if "kmsKeyId" in changed:
            key = wanted.get("kmsKeyId")
            given = {**_NAMED, **({"kmsKeyId": key} if key else {})}
            self.call(Call(f"{'Associate' if key else 'Disassociate'}KmsKey", given), {"id": id})
        super().change(id, wanted, state, changed)

    def describe(self, id: str, state: Values) -> dict[str, object] | None:
        answer = super().describe(id, state)
        return None if answer is None else {"retentionInDays": 0, **answer}

    def delete(self, id: str, state: Values) -> None:
        if not state.get("skipDestroy"):
            super().delete(id, state)


TYPES: tuple[type[Resource], ...] = (LogGroup,)
