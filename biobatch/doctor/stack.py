"""The checks of a stack, the surest causes first."""

from __future__ import annotations

from collections.abc import Iterator

from biobatch.aws import Aws
from biobatch.doctor import environments
from biobatch.doctor.finding import Check, Finding, LeftOut
from biobatch.doctor.firewall import check_firewall
from biobatch.doctor.images import check_images
from biobatch.doctor.launch import check_launch
from biobatch.doctor.machines import check_machines
from biobatch.doctor.network import check_network
from biobatch.doctor.queue import check_outputs, check_queues
from biobatch.doctor.quotas import check_quotas
from biobatch.doctor.roles import check_roles
from biobatch.doctor.storage import check_storage
from biobatch.doctor.view import View
from biobatch.doctor.waiting_jobs import check_waiting, is_vague
from biobatch.stack_outputs import StackOutputs


def view(aws: Aws, stack: StackOutputs, *, local: bool = False) -> View:
    """The view of a whole stack."""
    return View(
        aws=aws,
        stack=stack,
        queue_arns=list(dict.fromkeys((stack.queue_arn, stack.on_demand_queue_arn))),
        definition_arns=stack.job_definition_arns,
        local=local,
    )


def _sure(view: View) -> Iterator[Finding | LeftOut]:
    """Jobs that wait for a reason which is itself the cause."""
    return (each for each in check_waiting(view) if not _is_vague(each))


def _vague(view: View) -> Iterator[Finding | LeftOut]:
    """Jobs that wait for a reason behind which the other checks look."""
    return (each for each in check_waiting(view) if _is_vague(each))


def _is_vague(answer: Finding | LeftOut) -> bool:
    return isinstance(answer, Finding) and is_vague(answer.evidence[0].partition("statusReason ")[2])


#: What a job needs from the stack.
CHECKS = (
    Check("outputs", check_outputs),
    Check("queues", check_queues),
    Check("compute environments", environments.check_environments),
    Check("roles", check_roles),
    Check("launch template, machine image and key", check_launch),
    Check("network", check_network),
    Check("security groups and network ACLs", check_firewall),
    Check("images", check_images),
    Check("bucket and log group", check_storage),
    Check("machine types", check_machines),
    Check("quotas", check_quotas),
    Check("room in the compute environments", environments.check_full),
    Check("machines in the cluster", environments.check_cluster),
    Check("age of the machine image", environments.check_images_of_machines),
)

#: The checks of a stack as a whole.
STACK = (*CHECKS[:3], Check("waiting jobs", _sure), *CHECKS[3:], Check("waiting jobs", _vague))
