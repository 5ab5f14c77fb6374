"""Launch templates."""

import re
from collections.abc import Callable
from typing import Any

from moto.ec2.exceptions import (
    EC2ClientError,
    InvalidLaunchTemplateIdNotFound,
    InvalidLaunchTemplateVersionNotFound,
)
from moto.ec2.models import EC2Backend
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateBackend, LaunchTemplateVersion

from local.aws.ec2.base import PATCHES


@PATCHES.replaces(LaunchTemplateBackend.create_launch_template)
def check_template_name(
    original: Callable[..., LaunchTemplate], self: EC2Backend, name: str, *args: Any, **kwargs: Any
) -> LaunchTemplate:
    """Refuses names that AWS refuses."""
    if not re.fullmatch(r"[A-Za-z0-9().\-/_]{3,128}", name):
        raise EC2ClientError(
            "InvalidLaunchTemplateName.MalformedException",
            "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the "
            "following characters: - ( ) . / _.",
        )
    return original(self, name, *args, **kwargs)


@PATCHES.replaces(LaunchTemplate.create_version)
def keep_own_tags_out(
    original: Callable[..., LaunchTemplateVersion], self: LaunchTemplate, data: dict[str, Any], description: str
) -> LaunchTemplateVersion:
    """Keeps the tags of the template itself out of the tags of what it launches."""
    launched = [entry for entry in data.get("TagSpecifications", []) if entry.get("ResourceType") != "launch-template"]
    rest = {key: value for key, value in data.items() if key != "TagSpecifications"}
    return original(self, {**rest, **({"TagSpecifications": launched} if launched else {})}, description)


@PATCHES.replaces(LaunchTemplate.get_version)
def check_version(
    original: Callable[..., LaunchTemplateVersion], self: LaunchTemplate, num: Any
) -> LaunchTemplateVersion:
    """Refuses 0 and words as versions."""
    if not re.fullmatch(r"(?i)\$latest|\$default|[1-9]\d*", str(num)):
        raise InvalidLaunchTemplateVersionNotFound(template_id=self.id, version=str(num))
    return original(self, num)


@PATCHES.replaces(LaunchTemplateBackend.describe_launch_templates)
def find_templates(
    original: Callable[..., list[LaunchTemplate]],
    self: EC2Backend,
    template_names: list[str] | None = None,
    template_ids: list[str] | None = None,
    filters: Any = None,
) -> list[LaunchTemplate]:
    """Refuses an id that does not exist. Returns the present tags, not those of the creation."""
    for identity in template_ids or []:
        self.get_launch_template(identity)
    templates = original(self, template_names, template_ids, filters)
    for template in templates:
        template.tags = template.get_tags()
    return templates


@PATCHES.replaces(LaunchTemplateBackend.delete_launch_template)
def delete_known_template(
    original: Callable[..., LaunchTemplate], self: EC2Backend, name: str | None, tid: str | None
) -> LaunchTemplate:
    """Names the id of a template that does not exist."""
    if tid and tid not in self.launch_templates:
        raise InvalidLaunchTemplateIdNotFound(tid)
    return original(self, name, tid)
