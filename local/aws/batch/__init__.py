"""AWS Batch on this machine: moto's API, a scheduler of this project, and a container of the stack's Docker engine for each job.

| file | what it holds |
|---|---|
| `api` | connects moto's server to `backend` |
| `backend` | Batch of one account and region: its operations, ARNs and tags |
| `environments`, `queues`, `scheduling_policies`, `definitions`, `jobs` | the operations on each type of resource |
| `environment`, `job` | one compute environment, one job |
| `forms` | checks of requests, refusals, pages of answers |
| `container_properties`, `parameters`, `retry` | parts of a job definition: container, parameters, retry strategy |
| `scheduler`, `line`, `capacity` | when a job runs: the scheduler, the waiting jobs of a queue, the free vCPUs and memory |
| `tasks`, `runner` | an attempt of a job, and the container that it runs in |
| `machine_files` | the files that an instance has for engines |
| `events` | the events that Batch sends to EventBridge |
| `log_streams` | copies the output of containers to CloudWatch Logs |
"""

from collections.abc import Callable, Collection

from local.aws.batch import api
from local.aws.batch.capacity import Capacity, Size
from local.aws.batch.forms import Document
from local.aws.batch.runner import ContainerRunner
from local.aws.batch.scheduler import Scheduler
from local.aws.config import Config

#: When the server ends: seconds between SIGTERM and SIGKILL, and until all jobs have ended. The server has 15 seconds.
_STOP_SECONDS = 5
_END_SECONDS = 9.0


class Batch:
    """Batch in this process.

    Args:
        scheduler: starts the jobs.
        runner: runs their containers.
    """

    def __init__(self, scheduler: Scheduler, runner: ContainerRunner) -> None:
        self._scheduler = scheduler
        self._runner = runner

    def reclaim(self, jobs: Collection[str]) -> Document:
        """Takes the machine from running jobs, or from all of them if none are named. Returns the `instance` and the `jobs` that ran on it."""
        instance, taken = self._scheduler.reclaim(jobs)
        return {"instance": instance, "jobs": taken}

    def stop(self) -> None:
        """Ends the running jobs and removes their containers and volumes, within 15 seconds."""
        self._runner.stop_seconds = _STOP_SECONDS
        self._scheduler.stop(_END_SECONDS)
        self._runner.clear()
        self._runner.close()


def install(config: Config, credentials: Callable[[str], str]) -> Batch:
    """Makes moto in this process use this Batch. Call it once, before the server starts.

    Args:
        config: the configuration of the local AWS.
        credentials: takes the ARN of a role and returns the relative URI of its credentials on port 80 of the gateway.

    Raises:
        docker.errors.DockerException: if the Docker engine does not answer.
    """
    runner = ContainerRunner(config, credentials)
    machine = Size(vcpus=config.vcpus, memory_mib=config.memory_mib)
    scheduler = Scheduler(Capacity(machine), runner)
    scheduler.start()
    api.take_over(scheduler)
    return Batch(scheduler, runner)
