"""The Batch of the stack, called through its API."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

#: Variables of every definition. ECS on EC2 does not set the region in jobs.
REGION = [{"name": name, "value": "us-east-1"} for name in ("AWS_DEFAULT_REGION", "AWS_REGION")]


@dataclass(frozen=True, kw_only=True)
class Platform:
    """A queue, an image, a role, a bucket and a log group for jobs, with the clients of their services."""

    batch: Any
    logs: Any
    s3: Any
    queue: str
    image: str
    """Runs its only argument as a script of bash, as uid 10001."""
    job_role: str
    execution_role: str
    bucket: str
    log_group: str

    def define(self, script: str = "true", vcpus: int = 1, memory_mib: int = 128, **members: Any) -> str:
        """Registers a job definition like those of the program, and returns its ARN.

        Args:
            script: the script that its jobs run.
            vcpus: vCPUs of a job.
            memory_mib: memory of a job.
            members: further members of the request.
        """
        container = {
            "image": self.image,
            "command": [script],
            **requirements(vcpus, memory_mib),
            "jobRoleArn": self.job_role,
            "executionRoleArn": self.execution_role,
            "user": "10001:10001",
            "readonlyRootFilesystem": True,
            "linuxParameters": {"initProcessEnabled": True},
            "volumes": [{"name": "scratch"}],
            "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/scratch", "readOnly": False}],
            "environment": REGION,
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": self.log_group, "awslogs-stream-prefix": "test"},
            },
            **members.pop("container", {}),
        }
        made = self.batch.register_job_definition(
            jobDefinitionName=f"test-{uuid.uuid4()}", type="container", containerProperties=container, **members
        )
        return str(made["jobDefinitionArn"])

    def submit(self, definition: str, **members: Any) -> str:
        """Submits a job and returns its id."""
        request = {"jobName": "test", "jobQueue": self.queue, "jobDefinition": definition, **members}
        return str(self.batch.submit_job(**request)["jobId"])

    def run(self, script: str, **members: Any) -> dict[str, Any]:
        """Registers a definition, runs a job of it to its end, and describes the job."""
        return self.ended(self.submit(self.define(script), **members))

    def job(self, job_id: str) -> dict[str, Any]:
        """Describes a job."""
        [job] = self.batch.describe_jobs(jobs=[job_id])["jobs"]
        return dict(job)

    def reaches(self, job_id: str, *statuses: str, seconds: float = 60) -> dict[str, Any]:
        """Waits until a job is in one of these states, and describes it."""
        until(lambda: self.job(job_id)["status"] in statuses, f"job {job_id} is one of {statuses}", seconds)
        return self.job(job_id)

    def ended(self, job_id: str, seconds: float = 60) -> dict[str, Any]:
        """Waits until a job has ended, and describes it."""
        return self.reaches(job_id, "SUCCEEDED", "FAILED", seconds=seconds)

    def log(self, job: Mapping[str, Any]) -> list[str]:
        """The log lines of the last attempt of a job."""
        stream = job["container"]["logStreamName"]
        events = self.logs.get_log_events(logGroupName=self.log_group, logStreamName=stream, startFromHead=True)
        return [event["message"] for event in events["events"]]


def requirements(vcpus: int, memory_mib: int) -> dict[str, Any]:
    """Resource requirements of a definition or of overrides."""
    kinds = {"VCPU": vcpus, "MEMORY": memory_mib}
    return {"resourceRequirements": [{"type": kind, "value": str(value)} for kind, value in kinds.items()]}


def until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """Waits for a condition and returns its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds:g} s: {what}")
