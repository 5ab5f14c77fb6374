"""The events of Batch (Batch User Guide, "AWS Batch events")."""

from typing import TYPE_CHECKING

from local.aws import events
from local.aws.batch.forms import Document

if TYPE_CHECKING:
    from local.aws.batch.job import Job


def state_changed(job: "Job") -> None:
    """Sends the event of a job that changed its state. AWS sends none for the submission."""
    _send("Batch Job State Change", job, [job.arn])


def queue_blocked(job: "Job") -> None:
    """Sends the event of a queue whose first job can never start."""
    _send("Batch Job Queue Blocked", job, [job.arn, job.submission.queue.arn])


def _send(detail_type: str, job: "Job", resources: list[str]) -> None:
    def detail() -> Document:
        return {**job.details({"resourceArn": job.arn, **job.submission.tags})}

    submitted = job.submission
    events.publish(submitted.account, submitted.region, "aws.batch", detail_type, resources, detail)
