"""AWS Batch on this machine: moto's API with our own scheduler, and each job as a container of the stack's Docker engine."""

from collections.abc import Callable

from local.aws.batch import api
from local.aws.batch.capacity import Capacity, Size
from local.aws.batch.runner import ContainerRunner
from local.aws.batch.scheduler import Scheduler
from local.aws.config import Config

#: Seconds between SIGTERM and SIGKILL, and until all have ended, when the server itself is told to end: it has 15.
_STOP_SECONDS = 5
_END_SECONDS = 9.0


class Batch:
    """Batch as it runs in this process.

    Args:
        scheduler: runs the jobs.
        runner: holds their containers.
    """

    def __init__(self, scheduler: Scheduler, runner: ContainerRunner) -> None:
        self._scheduler = scheduler
        self._runner = runner

    def stop(self) -> None:
        """Ends the running jobs and removes their containers and volumes, within 15 seconds."""
        self._runner.stop_seconds = _STOP_SECONDS
        self._scheduler.stop(_END_SECONDS)
        self._runner.clear()
        self._runner.close()


def install(config: Config, credentials: Callable[[str], str]) -> Batch:
    """Puts Batch into this process's moto. To be called once, before the server starts.

    Args:
        config: of the local AWS.
        credentials: gives the relative URI, on the gateway's port 80, at which the credentials of a role's ARN are found.

    Raises:
        docker.errors.DockerException: if the Docker engine does not answer.
    """
    runner = ContainerRunner(config, credentials)
    machine = Size(vcpus=config.vcpus, memory_mib=config.memory_mib)
    scheduler = Scheduler(Capacity(machine), runner)
    scheduler.start()
    api.take_over(scheduler)
    return Batch(scheduler, runner)
