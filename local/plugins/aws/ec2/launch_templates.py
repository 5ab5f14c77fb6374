"""Launch templates."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from local.plugins.aws.ec2.base import Ec2
from local.plugins.aws.resource import AutoName, Call, Values
from local.plugins.aws.shapes import Refused


class LaunchTemplate(Ec2):
    _data = (
        "blockDeviceMappings capacityReservationSpecification cpuOptions creditSpecification disableApiStop "
        "disableApiTermination ebsOptimized enclaveOptions hibernationOptions iamInstanceProfile imageId "
        "instanceInitiatedShutdownBehavior instanceMarketOptions instanceRequirements instanceType kernelId keyName "
        "licenseSpecifications maintenanceOptions metadataOptions monitoring networkInterfaces networkPerformanceOptions "
        "placement privateDnsNameOptions ramDiskId securityGroupNames tagSpecifications userData vpcSecurityGroupIds"
    )

    token = "aws:ec2/launchTemplate:LaunchTemplate"
    tag_type = "launch-template"
    inputs = f"{_data} defaultVersion description name namePrefix updateDefaultVersion"
    replaces = "name namePrefix"
    computed = "defaultVersion metadataOptions iops throughput volumeSize volumeType " + (
        "httpEndpoint httpProtocolIpv6 httpPutResponseHopLimit httpTokens instanceMetadataTags"
    )
    unordered = "vpcSecurityGroupIds securityGroupNames"
    own = "namePrefix updateDefaultVersion"
    patterns: ClassVar[Mapping[str, str]] = {"name": r"[\w()./-]{3,125}", "description": r"(?s).{0,255}"}
    auto_name = AutoName()
    names: ClassVar[Mapping[str, str]] = {
        "name": "LaunchTemplateName",
        "description": "VersionDescription",
        **{name: f"LaunchTemplateData.{name}" for name in _data.split()},
        "securityGroupNames": "LaunchTemplateData.SecurityGroups",
        "vpcSecurityGroupIds": "LaunchTemplateData.SecurityGroupIds",
        "securityGroups": "Groups",
    }
    answers: ClassVar[Mapping[str, str]] = {
        **{name: f"LaunchTemplateData.{name[:1].upper()}{name[1:]}" for name in _data.split()},
        "securityGroupNames": "LaunchTemplateData.SecurityGroups",
        "vpcSecurityGroupIds": "LaunchTemplateData.SecurityGroupIds",
        "defaultVersion": "DefaultVersionNumber",
    }
    outputs: ClassVar[Mapping[str, str]] = {
        "arn": "=arn:{partition}:ec2:{region}:{account}:launch-template/{id}",
        "latestVersion": "LatestVersionNumber",
    }
    #: As in the true provider. A change of tags makes it unknown although it creates no version. A change of the description does not
    #: although it creates one.
    volatile: ClassVar[Mapping[str, str]] = {"latestVersion": f"{_data} tags"}
    unfilled = "secondaryInterfaces"
    creating = Call("CreateLaunchTemplate", sends=f"{_data} name description", at="LaunchTemplate.LaunchTemplateId")
    reading = Call("DescribeLaunchTemplates", {"LaunchTemplateIds": ["$id"]}, at="LaunchTemplates[0]")
    deleting = Call("DeleteLaunchTemplate", {"LaunchTemplateId": "$id"})

    def faults(self, inputs: Values) -> Iterator[Refused]:
        for one, other in (
            ("instanceType", "instanceRequirements"),
            ("securityGroupNames", "vpcSecurityGroupIds"),
            ("defaultVersion", "updateDefaultVersion"),
        ):
            if inputs.get(one) and inputs.get(other):
                yield Refused(one, f"conflicts with {other}")

    def call(self, call: Call, scope: Values, extra: Values | None = None) -> Any:
        if call.operation == "CreateLaunchTemplate":  # the model requires the data even if there is none
            scope = {**scope, "userData": scope.get("userData", "")}
        return super().call(call, scope, extra)

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        answer = super().describe(id, state)
        if answer is None:
            return None
        versions = {"LaunchTemplateId": id, "Versions": [str(answer["LatestVersionNumber"])]}
        latest = self.call(Call("DescribeLaunchTemplateVersions", versions, at="LaunchTemplateVersions[0]"), {}) or {}
        data = latest.get("LaunchTemplateData", {})
        # The local AWS lists the tags of the template itself among those of what it launches.
        launched = [s for s in data.get("TagSpecifications", []) if s["ResourceType"] != self.tag_type]
        return {**latest, "LaunchTemplateData": {**data, "TagSpecifications": launched or None}, **answer}

    def tags(self, id: str, answer: Values, state: Values) -> dict[str, str]:
        described = self.call(
            Call(
                "DescribeTags",
                {"Filters": [{"Name": "resource-id", "Values": [id]}]},
                at="Tags[].{Key: Key, Value: Value}",
            ),
            {},
        )
        return super().tags(id, {"Tags": described or answer.get("Tags", [])}, state)

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        version: int | None = None
        if changed & {*self._data.split(), "description"} - {"maintenanceOptions"}:
            create = Call(
                "CreateLaunchTemplateVersion",
                {"LaunchTemplateId": id},
                sends=f"{self._data} description",
                at="LaunchTemplateVersion.VersionNumber",
            )
            version = self.call(create, {"userData": "", **wanted})
        default = wanted.get("defaultVersion") if "defaultVersion" in changed else None
        if wanted.get("updateDefaultVersion"):
            default = version
        if default is not None:
            self.call(Call("ModifyLaunchTemplate", {"LaunchTemplateId": id, "DefaultVersion": str(default)}), {})
