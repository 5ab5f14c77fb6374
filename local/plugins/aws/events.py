"""EventBridge's rules and their targets."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from local.plugins.aws.api import ApiError
from local.plugins.aws.documents import same_json
from local.plugins.aws.iam import document_faults
from local.plugins.aws.resource import AutoName, Call, Resource, Tagging, Values
from local.plugins.aws.shapes import Refused, to_api

_RULE = {"Name": "$id", "EventBusName": "$eventBusName"}
_SENT = "description eventBusName eventPattern name roleArn scheduleExpression state"


class EventRule(Resource):
    token = "aws:cloudwatch/eventRule:EventRule"
    service = "events"
    inputs = f"{_SENT} forceDestroy isEnabled namePrefix"
    replaces = "eventBusName name namePrefix"
    computed = "isEnabled state"
    own = "forceDestroy namePrefix"
    defaults: ClassVar[Values] = {"eventBusName": "default", "forceDestroy": False}
    documents: ClassVar = {"eventPattern": same_json}
    patterns: ClassVar[Mapping[str, str]] = {
        "name": r"[0-9A-Za-z_.-]{1,64}",
        "description": r"(?s).{0,512}",
        "eventPattern": r"(?s).{1,4096}",
        "roleArn": r"arn:.+",
        "scheduleExpression": r".{1,256}",
    }
    auto_name = AutoName(limit=64)
    answers: ClassVar[Mapping[str, str]] = {"isEnabled": "State == 'ENABLED'"}
    outputs: ClassVar[Mapping[str, str]] = {"arn": "Arn"}
    creating = Call("PutRule", sends=_SENT)
    id_form = "{name}"
    reading = Call("DescribeRule", _RULE)
    updating = (Call("PutRule", sends=_SENT),)
    deleting = Call("DeleteRule", _RULE)
    tagging = Tagging(
        add=Call("TagResource", {"ResourceARN": "$arn"}),
        remove=Call("UntagResource", {"ResourceARN": "$arn"}),
        read=Call("ListTagsForResource", {"ResourceARN": "$arn"}),
    )
    # AWS refuses to delete a rule that still has targets.
    busy = "ValidationException"

    def faults(self, inputs: Values) -> Iterator[Refused]:
        pattern = inputs.get("eventPattern")
        if pattern is None and inputs.get("scheduleExpression") is None:
            yield Refused("eventPattern", "is required without scheduleExpression")
        if isinstance(pattern, str):
            yield from document_faults("eventPattern", pattern)


class EventTarget(Resource):
    token = "aws:cloudwatch/eventTarget:EventTarget"
    service = "events"
    inputs = "arn deadLetterConfig eventBusName forceDestroy input inputPath inputTransformer retryPolicy roleArn rule targetId"
    required = "arn rule"
    replaces = "eventBusName rule targetId"
    own = "eventBusName forceDestroy rule"
    defaults: ClassVar[Values] = {"eventBusName": "default", "forceDestroy": False}
    documents: ClassVar = {"input": same_json}
    patterns: ClassVar[Mapping[str, str]] = {"targetId": r"[0-9A-Za-z_.-]{1,64}"}
    auto_name = AutoName("targetId")
    names: ClassVar[Mapping[str, str]] = {"targetId": "Id", "inputPaths": "InputPathsMap"}
    unfilled = "appsyncTarget batchTarget ecsTarget httpTarget kinesisTarget redshiftTarget runCommandTargets sagemakerPipelineTarget sqsTarget"
    creating = Call("PutTargets", {"Rule": "$rule", "EventBusName": "$eventBusName", "Targets": "$targets"})
    reading = Call("ListTargetsByRule", {"Rule": "$rule", "EventBusName": "$eventBusName"}, at="Targets")
    deleting = Call("RemoveTargets", {"Rule": "$rule", "EventBusName": "$eventBusName", "Ids": "$ids"})

    def faults(self, inputs: Values) -> Iterator[Refused]:
        try:
            self._target(inputs)
        except Refused as refused:
            yield refused
        kinds = [name for name in ("input", "inputPath", "inputTransformer") if inputs.get(name)]
        if len(kinds) > 1:
            yield Refused(kinds[1], f"conflicts with {kinds[0]}")

    def make(self, wanted: Values) -> str:
        self._put(wanted)
        return f"{wanted['rule']}-{wanted['targetId']}"

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        self._put(wanted)

    def unmake(self, id: str, state: Values) -> None:
        self.call(self.deleting, {**state, "ids": [state["targetId"]]})

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        try:
            targets = self.call(self.reading, state)
        except ApiError as error:
            if error.gone:
                return None
            raise
        return next((dict(target) for target in targets or () if target["Id"] == state["targetId"]), None)

    def _put(self, wanted: Values) -> None:
        answer = self.call(self.creating, {**wanted, "targets": [self._target(wanted)]})
        for failed in answer.get("FailedEntries", []):
            raise ApiError("PutTargets", failed["ErrorCode"], failed["ErrorMessage"])

    def _target(self, values: Values) -> Any:
        shape = self.api.input_shape(self.service, "PutTargets").members["Targets"].member
        sent = self.known - {"region"} - set(self.own.split())
        return {
            key: value
            for name in sorted(sent & values.keys())
            for key, value in to_api({name: values[name]}, shape, "", self.names).items()
        }


TYPES: tuple[type[Resource], ...] = (EventRule, EventTarget)
