"""What a call needs: actions, each with a resource and the values for conditions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID

from local.aws.authorization.policies import Context


@dataclass(frozen=True, kw_only=True)
class Need:
    """An action on a resource, which the policies of the caller must allow."""

    action: str
    resource: str = "*"
    context: Context = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call with the parts that decide what it needs."""

    service: str
    """As in the scope of its signature, such as `batch`."""
    region: str
    operation: str
    """Such as `SubmitJob`."""
    request: Mapping[str, Any]
    """The members of the request. Not checked yet, so values can have any type."""

    def text(self, name: str) -> str:
        """A member of the request, or "" if it is no text."""
        return text(self.request, name)

    def arn(self, resource: str) -> str:
        """The ARN of a resource of the service, such as `job-queue/main`. An ARN stays as it is."""
        if resource.startswith("arn:"):
            return resource
        return f"arn:aws:{self.service}:{self.region}:{DEFAULT_ACCOUNT_ID}:{resource}"


def text(document: Any, name: str) -> str:
    """A member of a JSON object, or "" if there is no such text."""
    value = document.get(name) if isinstance(document, dict) else None
    return value if isinstance(value, str) else ""


def texts(document: Any, name: str) -> list[str]:
    """The texts in a list of a JSON object. Empty if there is no such list."""
    value = document.get(name) if isinstance(document, dict) else None
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
