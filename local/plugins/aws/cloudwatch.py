"""CloudWatch's dashboards."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from local.plugins.aws.documents import same_json
from local.plugins.aws.iam import document_faults
from local.plugins.aws.resource import Call, Resource, Values
from local.plugins.aws.shapes import Refused

_SENT = "dashboardBody dashboardName"


class Dashboard(Resource):
    token = "aws:cloudwatch/dashboard:Dashboard"
    service = "cloudwatch"
    inputs = _SENT
    required = _SENT
    replaces = "dashboardName"
    documents: ClassVar = {"dashboardBody": same_json}
    patterns: ClassVar[Mapping[str, str]] = {"dashboardName": r"[0-9A-Za-z_-]{1,255}"}
    outputs: ClassVar[Mapping[str, str]] = {"dashboardArn": "=arn:{partition}:cloudwatch::{account}:dashboard/{id}"}
    creating = Call("PutDashboard", sends=_SENT)
    id_form = "{dashboardName}"
    reading = Call("GetDashboard", {"DashboardName": "$id"})
    updating = (Call("PutDashboard", sends=_SENT),)
    deleting = Call("DeleteDashboards", {"DashboardNames": ["$id"]})

    def faults(self, inputs: Values) -> Iterator[Refused]:
        if isinstance(inputs.get("dashboardBody"), str):
            yield from document_faults("dashboardBody", inputs["dashboardBody"])


TYPES: tuple[type[Resource], ...] = (Dashboard,)
