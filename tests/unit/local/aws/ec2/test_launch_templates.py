"""Launch templates of the local EC2."""

from collections.abc import Callable
from typing import Any

import pytest

Refusal = Callable[..., tuple[str, str]]


def _template(ec2: Any, name: str, **given: Any) -> str:
    data = {"UserData": "eA==", "MetadataOptions": {"HttpTokens": "required"}}
    answer = ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data, **given)
    return str(answer["LaunchTemplate"]["LaunchTemplateId"])


def test_the_tags_of_a_template_are_not_those_of_its_instances(ec2: Any) -> None:
    tags = [{"ResourceType": "launch-template", "Tags": [{"Key": "a", "Value": "b"}]}]
    template = _template(ec2, "tagged", TagSpecifications=tags)
    version = ec2.describe_launch_template_versions(LaunchTemplateId=template)["LaunchTemplateVersions"][0]
    assert "TagSpecifications" not in version["LaunchTemplateData"]
    ec2.create_tags(Resources=[template], Tags=[{"Key": "later", "Value": "c"}])
    described = ec2.describe_launch_templates(LaunchTemplateIds=[template])["LaunchTemplates"][0]
    assert {tag["Key"] for tag in described["Tags"]} == {"a", "later"}


def test_an_unknown_template_or_version_is_named(ec2: Any, refusal: Refusal) -> None:
    assert refusal(ec2.describe_launch_templates, LaunchTemplateIds=["lt-0"])[0] == "InvalidLaunchTemplateId.NotFound"
    assert refusal(ec2.delete_launch_template, LaunchTemplateId="lt-0")[0] == "InvalidLaunchTemplateId.NotFound"
    template = _template(ec2, "one-version")
    for version in ("0", "2", "latest"):
        code, _ = refusal(ec2.describe_launch_template_versions, LaunchTemplateId=template, Versions=[version])
        assert code == "InvalidLaunchTemplateId.VersionNotFound"


@pytest.mark.parametrize("name", ["ab", "a" * 129, "with blank"])
def test_a_template_name_that_aws_refuses_is_refused(ec2: Any, refusal: Refusal, name: str) -> None:
    assert refusal(lambda: _template(ec2, name))[0] == "InvalidLaunchTemplateName.MalformedException"
