"""Flow logs."""

from collections.abc import Mapping
from typing import ClassVar

from local.plugins.aws.api import ApiError
from local.plugins.aws.ec2.base import Ec2
from local.plugins.aws.resource import Call, Values


class FlowLog(Ec2):
    token = "aws:ec2/flowLog:FlowLog"
    tag_type = "vpc-flow-log"
    inputs = "iamRoleArn logDestination logDestinationType logFormat maxAggregationInterval trafficType vpcId"
    required = "vpcId"
    replaces = inputs
    computed = "logDestination logFormat"
    own = "vpcId"
    defaults: ClassVar[Values] = {"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600}
    names: ClassVar[Mapping[str, str]] = {"iamRoleArn": "DeliverLogsPermissionArn"}
    outputs: ClassVar[Mapping[str, str]] = {"arn": "=arn:{partition}:ec2:{region}:{account}:vpc-flow-log/{id}"}
    unfilled = (
        "deliverCrossAccountRole destinationOptions eniId regionalNatGatewayId subnetId "
        "tagFieldSpecifications transitGatewayAttachmentId transitGatewayId"
    )
    creating = Call(
        "CreateFlowLogs",
        {"ResourceIds": ["$vpcId"], "ResourceType": "VPC"},
        sends="iamRoleArn logDestination logDestinationType logFormat maxAggregationInterval trafficType",
    )
    reading = Call("DescribeFlowLogs", {"FlowLogIds": ["$id"]}, at="FlowLogs[0]")
    deleting = Call("DeleteFlowLogs", {"FlowLogIds": ["$id"]})

    def make(self, wanted: Values) -> str:
        answer = self.call(self.creating, wanted)
        for failed in answer.get("Unsuccessful", []):
            raise ApiError("CreateFlowLogs", failed["Error"]["Code"], failed["Error"]["Message"])
        return str(answer["FlowLogIds"][0])
