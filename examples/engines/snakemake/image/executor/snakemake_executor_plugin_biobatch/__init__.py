"""The Snakemake executor `biobatch`: runs each job of a workflow as a job of AWS Batch, by a job definition that exists.

It registers no job definition, so it needs only SubmitJob, DescribeJobs and TerminateJob. The released plugin for AWS Batch (0.2.1) registers a
privileged definition for each job.

Snakemake finds the package by its name. The job's container must have Snakemake and the S3 storage plugin, in the versions of the machine that
submits.
"""

import json
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Optional

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.jobs import JobExecutorInterface
from snakemake_interface_executor_plugins.settings import CommonSettings, ExecutorSettingsBase

#: The most jobs that DescribeJobs takes (API DescribeJobs, "jobs").
_DESCRIBED = 100

#: The most characters of a job's overrides. Batch fails a job with more.
_OVERRIDES = 8192


@dataclass
class ExecutorSettings(ExecutorSettingsBase):
    """The options --biobatch-job-queue, --biobatch-job-definition and --biobatch-region."""

    # Snakemake's interface reads the types and knows Optional only.
    job_queue: Optional[str] = field(  # noqa: UP045
        default=None, metadata={"help": "ARN of the job queue", "required": True}
    )
    job_definition: Optional[str] = field(  # noqa: UP045
        default=None,
        metadata={"help": "Name or ARN of a job definition whose image has Snakemake and the tools", "required": True},
    )
    region: Optional[str] = field(  # noqa: UP045
        default=None, metadata={"help": "AWS Region of the queue. Default: the Region of the environment"}
    )


common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=True,
    job_deploy_sources=True,
    pass_default_storage_provider_args=True,
    pass_default_resources_args=True,
    # They are variables of the container, so they are not part of the command.
    pass_envvar_declarations_to_cmd=False,
    # The image has the storage plugin. Jobs install nothing.
    auto_deploy_default_storage_provider=False,
)


class Executor(RemoteExecutor):  # type: ignore[misc]
    """Submits jobs, follows them and ends them."""

    def __post_init__(self) -> None:
        settings = self.workflow.executor_settings
        self.queue: str = settings.job_queue
        self.definition: str = settings.job_definition
        self.batch = boto3.client(
            "batch", region_name=settings.region, config=Config(retries={"mode": "standard", "max_attempts": 10})
        )
        # While RemoteExecutor checks its jobs, its own list of them is empty. Ctrl-C in that moment would leave them running.
        self.unfinished: dict[str, SubmittedJobInfo] = {}

    def run_job(self, job: JobExecutorInterface) -> None:
        """Submits a job, or continues to follow one that an earlier Snakemake submitted before it was killed."""
        try:
            job_id = self._earlier(job) or self._submit(job)
        except (BotoCoreError, ClientError) as error:
            raise WorkflowError(f"Job {job.jobid} ({job.name}) was not submitted: {error}") from error
        submitted = SubmittedJobInfo(job, external_jobid=job_id)
        self.unfinished[job_id] = submitted
        self.report_job_submission(submitted)

    def _earlier(self, job: JobExecutorInterface) -> str:
        """The ID of the Batch job that an earlier Snakemake submitted for this job, unless it failed. Empty if there is none."""
        job_id: str = self.dag.incomplete_external_jobid(job) or ""
        if not job_id:
            return ""
        found = self.batch.describe_jobs(jobs=[job_id])["jobs"]
        if not found or found[0]["status"] == "FAILED":
            return ""
        self.logger.info(f"Job {job.jobid} continues as the Batch job {job_id} of an earlier run.")
        return job_id

    def _submit(self, job: JobExecutorInterface) -> str:
        resources = job.resources
        sizes = {"VCPU": max(1, job.threads), "MEMORY": resources.get("mem_mib", resources.get("mem_mb"))}
        overrides = {
            # `job`, the image's entrypoint, gives one word to bash.
            "command": [self.format_job_exec(job)],
            "resourceRequirements": [{"type": name, "value": str(value)} for name, value in sizes.items() if value],
            "environment": [{"name": name, "value": str(value)} for name, value in self.envvars().items()],
        }
        size = len(json.dumps(overrides))
        if size > _OVERRIDES:
            raise WorkflowError(
                f"Job {job.jobid} ({job.name}) was not submitted: its command and variables have {size:,} characters, and Batch takes "
                f"{_OVERRIDES:,}. Put values of --config and --set-resources into files that the Snakefile names with `configfile:`"
            )
        # Snakemake counts minutes, and Batch takes 60 s at least.
        minutes = resources.get("runtime")
        limit = {"timeout": {"attemptDurationSeconds": max(60, int(minutes) * 60)}} if minutes else {}
        answer = self.batch.submit_job(
            # The name can be chosen with --jobname. Batch takes letters, digits, "-" and "_".
            jobName=re.sub(r"[^A-Za-z0-9_-]+", "-", self.get_jobname(job)).strip("-")[:128],
            jobQueue=self.queue,
            jobDefinition=self.definition,
            containerOverrides=overrides,
            **limit,
        )
        self.logger.info(f"Job {job.jobid} is the Batch job {answer['jobId']}.")
        return str(answer["jobId"])

    async def check_active_jobs(self, active_jobs: list[SubmittedJobInfo]) -> AsyncGenerator[SubmittedJobInfo, None]:
        """Reports the jobs that have ended, and yields the others."""
        for start in range(0, len(active_jobs), _DESCRIBED):
            some = active_jobs[start : start + _DESCRIBED]
            async with self.status_rate_limiter:
                try:
                    answer = self.batch.describe_jobs(jobs=[job.external_jobid for job in some])
                except BotoCoreError as error:
                    # The jobs run on without this machine, so wait for the network.
                    self.logger.warning(f"AWS Batch does not answer, trying again: {error}")
                    for job in some:
                        yield job
                    continue
            states: dict[str, dict[str, Any]] = {each["jobId"]: each for each in answer["jobs"]}
            for job in some:
                state = states.get(
                    job.external_jobid, {"status": "FAILED", "statusReason": "Batch does not know the job"}
                )
                if state["status"] == "SUCCEEDED":
                    del self.unfinished[job.external_jobid]
                    self.report_job_success(job)
                elif state["status"] == "FAILED":
                    del self.unfinished[job.external_jobid]
                    self.report_job_error(job, msg=_reason(state, job.external_jobid))
                else:
                    yield job

    def cancel_jobs(self, active_jobs: list[SubmittedJobInfo]) -> None:
        """Ends all jobs of this Snakemake that have not ended."""
        for job_id in list(self.unfinished):
            try:
                self.batch.terminate_job(jobId=job_id, reason="Snakemake was interrupted")
            except (BotoCoreError, ClientError) as error:
                self.logger.error(f"The Batch job {job_id} was not ended, end it yourself: {error}")


def _reason(state: dict[str, Any], job_id: str) -> str:
    """Why a job failed, and the command that prints its log."""
    container = state.get("container", {})
    words = [state.get("statusReason", ""), container.get("reason", "")]
    if "exitCode" in container:
        words.append(f"exit code {container['exitCode']}")
    return f"{', '.join(word for word in words if word)}. Its log: biobatch logs {job_id}\n"
