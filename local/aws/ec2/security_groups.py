"""Security groups."""

from collections.abc import Callable

from moto.core.responses import ActionResult
from moto.ec2.exceptions import (
    DependencyViolationError,
    EC2ClientError,
)
from moto.ec2.responses.security_groups import SecurityGroups

from local.aws.ec2.base import PATCHES


@PATCHES.replaces(SecurityGroups.delete_security_group)
def keep_used_group(original: Callable[..., ActionResult], self: SecurityGroups) -> ActionResult:
    """Refuses to delete the default group of a VPC, and a group to which an interface or a rule of another group refers."""
    backend = self.ec2_backend
    name = self._get_param("GroupId") or self._get_param("GroupName")
    group = backend.get_security_group_by_name_or_id(name)
    if group:
        if group.is_default:
            raise EC2ClientError(
                "CannotDelete", f'the specified group: "{group.id}" name: "{group.name}" cannot be deleted by a user'
            )
        others = [other for groups in backend.groups.values() for other in groups.values() if other is not group]
        rules = [rule for other in others for rule in (*other.ingress_rules, *other.egress_rules)]
        if any(group in interface.group_set for interface in backend.enis.values()) or any(
            rule.source_group.get("GroupId") == group.id for rule in rules
        ):
            raise DependencyViolationError(f"resource {group.id} has a dependent object")
    return original(self)
