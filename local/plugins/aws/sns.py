"""SNS's topics, their policies and subscriptions."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from local.plugins.aws.api import ApiError
from local.plugins.aws.documents import same_policy
from local.plugins.aws.iam import document_faults
from local.plugins.aws.resource import AutoName, Call, Resource, Tagging, Values
from local.plugins.aws.shapes import Refused
from local.plugins.common import Failure

#: The properties of a topic that are attributes, and the attribute of each.
_ATTRIBUTES = {"displayName": "DisplayName", "kmsMasterKeyId": "KmsMasterKeyId"}


class Topic(Resource):
    token = "aws:sns/topic:Topic"
    service = "sns"
    inputs = "displayName kmsMasterKeyId name namePrefix"
    replaces = "name namePrefix"
    own = "namePrefix"
    patterns: ClassVar[Mapping[str, str]] = {"name": "[A-Za-z0-9_-]{1,256}", "displayName": "(?s).{0,100}"}
    auto_name = AutoName(limit=80)
    outputs: ClassVar[Mapping[str, str]] = {"arn": "TopicArn", "owner": "Owner"}
    unfilled = (
        "applicationFailureFeedbackRoleArn applicationSuccessFeedbackRoleArn applicationSuccessFeedbackSampleRate archivePolicy "
        "beginningArchiveTime deliveryPolicy fifoThroughputScope firehoseFailureFeedbackRoleArn firehoseSuccessFeedbackRoleArn "
        "firehoseSuccessFeedbackSampleRate httpFailureFeedbackRoleArn httpSuccessFeedbackRoleArn httpSuccessFeedbackSampleRate "
        "lambdaFailureFeedbackRoleArn lambdaSuccessFeedbackRoleArn lambdaSuccessFeedbackSampleRate maximumMessageSize policy "
        "signatureVersion sqsFailureFeedbackRoleArn sqsSuccessFeedbackRoleArn sqsSuccessFeedbackSampleRate tracingConfig"
    )
    blank: ClassVar[Values] = {"contentBasedDeduplication": False, "fifoTopic": False}
    creating = Call("CreateTopic", sends="name", at="TopicArn")
    reading = Call("GetTopicAttributes", {"TopicArn": "$id"}, at="Attributes")
    deleting = Call("DeleteTopic", {"TopicArn": "$id"})
    tagging = Tagging(
        add=Call("TagResource", {"ResourceArn": "$arn"}),
        remove=Call("UntagResource", {"ResourceArn": "$arn"}),
        read=Call("ListTagsForResource", {"ResourceArn": "$arn"}),
    )

    def make(self, wanted: Values) -> str:
        # SNS would return the existing topic. Pulumi's provider checks first (pulumi-aws, patch of sns/topic.go).
        arn = self._fill_text("arn:{partition}:sns:{region}:{account}:{name}", wanted)
        if self.describe(arn, wanted) is not None:
            raise Failure(f"creating SNS Topic ({wanted['name']}): a topic with this name already exists")
        return super().make(wanted)

    def finish(self, id: str, wanted: Values) -> None:
        self.change(id, wanted, {}, {name for name in _ATTRIBUTES if wanted.get(name)})

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        for name in sorted(changed & _ATTRIBUTES.keys()):
            _set_attribute(self, id, _ATTRIBUTES[name], wanted.get(name) or "")


class TopicPolicy(Resource):
    token = "aws:sns/topicPolicy:TopicPolicy"
    service = "sns"
    inputs = "arn policy"
    required = "arn policy"
    replaces = "arn"
    documents: ClassVar = {"policy": same_policy}
    outputs: ClassVar[Mapping[str, str]] = {"owner": "Owner"}
    # The answer calls the ARN of the topic by another name.
    answers: ClassVar[Mapping[str, str]] = {"arn": "TopicArn"}
    reading = Call("GetTopicAttributes", {"TopicArn": "$id"}, at="Attributes")

    def faults(self, inputs: Values) -> Iterator[Refused]:
        if isinstance(inputs.get("policy"), str):
            yield from document_faults("policy", inputs["policy"])

    def make(self, wanted: Values) -> str:
        _set_attribute(self, wanted["arn"], "Policy", wanted["policy"])
        return str(wanted["arn"])

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        _set_attribute(self, id, "Policy", wanted["policy"])

    def delete(self, id: str, state: Values) -> None:
        # A topic always has a policy. The provider writes the one of a new topic.
        statement = {
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [
                f"SNS:{action}"
                for action in (
                    *("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic"),
                    *("Subscribe", "ListSubscriptionsByTopic", "Publish"),
                )
            ],
            "Resource": id,
            "Condition": {"StringEquals": {"AWS:SourceOwner": self.api.account}},
        }
        document = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
        try:
            _set_attribute(self, id, "Policy", self._text("policy", document))
        except ApiError as error:
            if not error.gone:
                raise


class TopicSubscription(Resource):
    token = "aws:sns/topicSubscription:TopicSubscription"
    service = "sns"
    inputs = "confirmationTimeoutInMinutes endpoint endpointAutoConfirms protocol rawMessageDelivery topic"
    required = "endpoint protocol topic"
    replaces = "endpoint protocol topic"
    own = "confirmationTimeoutInMinutes endpointAutoConfirms rawMessageDelivery"
    defaults: ClassVar[Values] = {
        "confirmationTimeoutInMinutes": 1,
        "endpointAutoConfirms": False,
        "rawMessageDelivery": False,
    }
    names: ClassVar[Mapping[str, str]] = {"topic": "TopicArn"}
    outputs: ClassVar[Mapping[str, str]] = {
        "arn": "SubscriptionArn",
        "ownerId": "Owner",
        "pendingConfirmation": "PendingConfirmation == 'true'",
        "confirmationWasAuthenticated": "ConfirmationWasAuthenticated == 'true'",
    }
    unfilled = "deliveryPolicy filterPolicy filterPolicyScope redrivePolicy replayPolicy subscriptionRoleArn"
    creating = Call("Subscribe", {"ReturnSubscriptionArn": True}, sends="endpoint protocol topic", at="SubscriptionArn")
    reading = Call("GetSubscriptionAttributes", {"SubscriptionArn": "$id"}, at="Attributes")
    deleting = Call("Unsubscribe", {"SubscriptionArn": "$id"})


def _set_attribute(resource: Resource, topic: str, name: str, value: Any) -> None:
    given = {"TopicArn": topic, "AttributeName": name, "AttributeValue": value}
    resource.call(Call("SetTopicAttributes", given), {})


TYPES: tuple[type[Resource], ...] = (Topic, TopicPolicy, TopicSubscription)
