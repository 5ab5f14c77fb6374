"""The checks of one job: why it waits, or why it failed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from biobatch.aws import Aws, describe_jobs
from biobatch.doctor import failure, stack
from biobatch.doctor.finding import Check
from biobatch.doctor.images import check_images
from biobatch.doctor.inputs import check_inputs
from biobatch.doctor.view import View, Wanted
from biobatch.doctor.waiting_jobs import by_reason, check_dependencies, check_head, is_vague
from biobatch.refusal import Refused
from biobatch.stack_outputs import StackOutputs


def describe(aws: Aws, job_id: str) -> Any:
    """Batch's description of a job.

    Raises:
        Refused: if Batch does not know it.
    """
    found = next(describe_jobs(aws.batch, [job_id]), None)
    if found is None:
        raise Refused(
            f"{job_id}: Batch does not know this job. It forgets a job some days after its end. If the job is of a run, give the run's name: "
            "biobatch doctor RUN"
        )
    return found


def view(aws: Aws, outputs: StackOutputs, detail: Any, *, local: bool = False) -> View:
    """The part of the stack that a job uses: its queue, its job definition and its size."""
    container = detail.get("container", {})
    asked = {each["type"]: int(each["value"]) for each in container.get("resourceRequirements", [])}
    definition = detail["jobDefinition"]
    tool = next(
        (name for name, arn in outputs.definitions.items() if arn == definition),
        definition.rpartition("/")[2].partition(":")[0],
    )
    vcpus, memory = asked.get("VCPU", container.get("vcpus", 1)), asked.get("MEMORY", container.get("memory", 4))
    return replace(
        stack.view(aws, outputs, local=local),
        queue_arns=[detail["jobQueue"]],
        definition_arns={tool: definition},
        sizes=[Wanted(detail["jobName"], tool, vcpus, memory)],
        waiting=detail["status"] == "RUNNABLE",
    )


def checks(detail: Any, title: str = "") -> list[Check]:
    """The checks for a job in its state. Empty if the job runs or has succeeded.

    Args:
        detail: Batch's description of the job.
        title: how to call the job. Default: its name.
    """
    status, reason = detail["status"], detail.get("statusReason", "")
    name = title or detail["jobName"]
    if status == "FAILED":
        return [Check("the job's failure", lambda view: failure.explain(view, detail, name))]
    if status in ("SUBMITTED", "PENDING"):
        return [Check("what the job waits for", lambda view: check_dependencies(view, detail))]
    if status == "STARTING":
        return [Check("images", check_images), *(each for each in stack.CHECKS if each.name == "roles")]
    if status != "RUNNABLE":
        return []
    found = [*stack.CHECKS, Check("inputs", lambda view: check_inputs(view, detail))]
    if reason:
        own = Check("the reason for which the job waits", lambda view: [by_reason(view, reason, [name])])
        found = [*found, own] if is_vague(reason) else [*found[:3], own, *found[3:]]
    return [*found, Check("the head of the queue", lambda view: check_head(view, detail))]
