"""What a machine is started from: the launch template, the machine image and the key of its volume."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from biobatch.doctor.finding import Finding, LeftOut, each_answered
from biobatch.doctor.view import View


def check_launch(view: View) -> Iterator[Finding | LeftOut]:
    """Launch templates, machine images and keys that are gone or cannot be used."""
    parts = [lambda: _templates(view), lambda: _images(view), *([] if view.local else [lambda: _keys(view)])]
    yield from each_answered("launch template, machine image and key", parts)


def _template_data(view: View) -> Iterator[tuple[str, str, Any]]:
    """Each launch template of the environments: its ID, the version, and what EC2 says about the version. None if it does not exist."""
    chosen = {
        (template.get("launchTemplateId") or template.get("launchTemplateName"), template.get("version", "$Default"))
        for each in view.resources
        if (template := each.get("launchTemplate"))
    }
    for identity, version in sorted(chosen):
        name = "LaunchTemplateId" if identity.startswith("lt-") else "LaunchTemplateName"
        answer = view.ask(
            "ec2",
            "describe_launch_template_versions",
            absent=(
                "InvalidLaunchTemplateId.NotFound",
                "InvalidLaunchTemplateId.VersionNotFound",
                "InvalidLaunchTemplateName.NotFoundException",
                "InvalidLaunchTemplateId.Malformed",
            ),
            Versions=[version],
            **{name: identity},
        )
        versions = answer["LaunchTemplateVersions"] if answer else []
        yield identity, version, versions[0]["LaunchTemplateData"] if versions else None


def _templates(view: View) -> Iterator[Finding]:
    for identity, version, data in _template_data(view):
        if data is None:
            yield Finding(
                cause=f"The launch template {identity}, version {version}, does not exist, so no machine starts",
                evidence=(f"DescribeLaunchTemplateVersions, {identity}: version {version} not found",),
                remedy="Make it again: pulumi up --refresh",
            )


def _images(view: View) -> Iterator[Finding]:
    chosen = {
        configuration["imageIdOverride"]
        for each in view.resources
        for configuration in each.get("ec2Configuration", [])
        if configuration.get("imageIdOverride")
    }
    for image in sorted(chosen):
        answer = view.ask(
            "ec2",
            "describe_images",
            absent=("InvalidAMIID.NotFound", "InvalidAMIID.Unavailable", "InvalidAMIID.Malformed"),
            ImageIds=[image],
        )
        found = next(iter(answer["Images"] if answer else []), None)
        state = found.get("State", "available") if found else "not found"
        if state != "available":
            yield Finding(
                cause=f"The machine image {image} is {state}, so no machine starts",
                evidence=(f"DescribeImages, {image}: {state}",),
                remedy="Choose another, as docs/how-to/monthly-upkeep.md says: pulumi config set amiId AMI && pulumi up",
            )


def _keys(view: View) -> Iterator[Finding]:
    """The key that encrypts the machines' volumes: that of the launch template, else the account's default."""
    keys: dict[str, str] = {}
    for identity, _, data in _template_data(view):
        volumes = [each.get("Ebs", {}) for each in (data or {}).get("BlockDeviceMappings", [])]
        keys |= {each["KmsKeyId"]: f"the launch template {identity}" for each in volumes if each.get("KmsKeyId")}
        if any(each.get("Encrypted") and not each.get("KmsKeyId") for each in volumes):
            default = view.ask("ec2", "get_ebs_default_kms_key_id")["KmsKeyId"]
            if not default.endswith("alias/aws/ebs"):
                keys[default] = "the account's default for EBS"
    for key, origin in keys.items():
        answer = view.ask("kms", "describe_key", absent=("NotFoundException",), KeyId=key)
        state = answer["KeyMetadata"]["KeyState"] if answer else "not found"
        if state != "Enabled":
            undo = {
                "Disabled": f"aws kms enable-key --region {view.region} --key-id {key}",
                "PendingDeletion": f"aws kms cancel-key-deletion --region {view.region} --key-id {key}, then aws kms enable-key",
            }.get(state, "Set another key: pulumi config set kmsKeyArn ARN && pulumi up")
            yield Finding(
                cause=f"The KMS key of the machines' volumes is {state}, so no machine starts",
                evidence=(f"DescribeKey, {key}: KeyState {state}", f"The key is that of {origin}"),
                remedy=undo,
            )
            continue
        grants = view.items("kms", "list_grants", "Grants", KeyId=key)
        policy = view.ask("kms", "get_key_policy", KeyId=key, PolicyName="default")["Policy"]
        role = "AWSServiceRoleForAutoScaling"
        if role not in policy and not any(role in each.get("GranteePrincipal", "") for each in grants):
            yield Finding(
                cause="EC2 Auto Scaling may not use the KMS key of the machines' volumes, so machines end as they start",
                evidence=(f"ListGrants and GetKeyPolicy, {key}: neither names {role}", f"The key is that of {origin}"),
                remedy=f"Let the stack grant it: pulumi config set kmsKeyArn {key} && pulumi up --refresh",
            )
