"""Runs jobs as containers of a Docker engine, configured as ECS would configure them."""

import contextlib
import functools
import logging
import posixpath
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import docker.errors
import docker.types
import requests
from moto.iam.models import IAMBackend, iam_backends
from moto.utilities.utils import get_partition

from local.aws.batch import log_streams, machine_files, parameters
from local.aws.batch.forms import Document
from local.aws.batch.job import Job
from local.aws.batch.tasks import NOT_STARTED, Listener, Outcome, Task
from local.aws.config import Config

log = logging.getLogger(__name__)

#: Seconds between SIGTERM and SIGKILL (Batch User Guide, "Job timeouts").
STOP_SECONDS = 30
#: The same when the machine shuts down, which is what a Spot interruption does to the containers of Batch (Docker, `dockerd`: 10 seconds, then
#: SIGKILL).
_SHUTDOWN_SECONDS = 10
#: The label of a job's container and volumes, in addition to the label of the stack. Its value is the id of the job.
JOB_LABEL = "biobatch.job"

#: The container whose network the jobs share. The name of the network follows.
_NETWORK_HOLDER = "biobatch.network"

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
#: The time limit of calls, in seconds, except waiting for a container or its log.
_CALL_SECONDS = 120


#: What calls of the engine raise.
_FAULTS = (docker.errors.DockerException, requests.RequestException)


class _PullError(Exception):
    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class ContainerRunner:
    """Runs each task as a container.

    Args:
        config: of the local AWS.
        credentials: takes the ARN of a role and returns the relative URI of its credentials.

    Raises:
        docker.errors.DockerException: if the engine does not answer.
    """

    def __init__(self, config: Config, credentials: Callable[[str], str]) -> None:
        self._config = config
        self._credentials = credentials
        # Each running job uses two connections, one for its log and one to wait for its end. Others are prepared and removed meanwhile.
        self._docker = docker.DockerClient(
            base_url=config.docker_host, timeout=_CALL_SECONDS, max_pool_size=2 * config.vcpus + 8
        )
        self._api = self._docker.api
        self._left: dict[Task, contextlib.ExitStack] = {}
        """What is to be done when a task has ended."""
        self._containers: dict[Task, str] = {}
        self._running: set[Task] = set()
        self._lock = threading.Lock()
        self._network_holder = ""
        self._network_lock = threading.Lock()
        self._folder_lock = threading.Lock()
        self.stop_seconds = STOP_SECONDS

    def details(self, task: Task) -> Document:
        """The ARNs of a task in the form of ECS, and the name of its log stream."""
        submission = task.job.submission
        ecs = f"arn:{get_partition(submission.region)}:ecs:{submission.region}:{submission.account}"
        options = log_streams.options(submission.container)
        prefix = (options or {}).get("awslogs-stream-prefix", submission.definition.name)
        return {
            "containerInstanceArn": f"{ecs}:container-instance/{task.cluster}/{self._instance_id(task)}",
            "taskArn": f"{ecs}:task/{task.cluster}/{task.id}",
            **({"logStreamName": f"{prefix}/default/{task.id}"} if options else {}),
        }

    def _instance_id(self, task: Task) -> str:
        # This machine is an instance of every cluster.
        return task.cluster[-36:].replace("-", "")

    def run(self, task: Task, listener: Listener) -> Outcome:
        """Runs the container of a task to its end.

        Args:
            task: the attempt.
            listener: learns when the container runs.
        """
        if role := _missing_role(task):
            return Outcome(
                status_reason=f"ECS was unable to assume the role '{role}' that was provided for this task. "
                "Please verify that the role being passed has the proper trust relationship and permissions."
            )
        try:
            if task not in self._containers:
                self._create(task)
        except _PullError as error:
            return _failure("CannotPullContainerError", error.cause)
        except (*_FAULTS, LookupError, ValueError) as error:
            return _failure("CannotStartContainerError", error)
        container = self._containers[task]
        try:
            stream = self._log_stream(task)
            if task.stopping.is_set():
                return Outcome(status_reason=NOT_STARTED, stopped=True)
            self._api.start(container)
        except (*_FAULTS, LookupError) as error:
            self._check_network()
            return _failure("CannotStartContainerError", error)
        with self._lock:
            self._running.add(task)
        listener.started(task)
        if task.stopping.is_set():
            # The task was stopped while it started, before its container ran.
            threading.Thread(target=self.stop, args=(task,), daemon=True).start()
        self._copy_log(container, stream)
        code = int(self._api.wait(container, timeout=None)["StatusCode"])
        stopped = task.stopping.is_set()
        out_of_memory = code != 0 and self._api.inspect_container(container)["State"]["OOMKilled"]
        return Outcome(exit_code=code, reason=OUT_OF_MEMORY if out_of_memory else "", stopped=stopped)

    def prepare(self, task: Task) -> None:
        """Creates the container of a task. If that fails, `run` tries again and says why."""
        if _missing_role(task):
            return
        try:
            self._create(task)
        except (_PullError, *_FAULTS, LookupError, ValueError):
            self.discard(task)

    def discard(self, task: Task) -> None:
        """Removes the container and the volumes of a task."""
        with self._lock:
            self._containers.pop(task, None)
            self._running.discard(task)
            left = self._left.pop(task, None)
        if left:
            left.close()

    def stop(self, task: Task) -> None:
        """Ends the container of a task with SIGTERM, and with SIGKILL after 30 seconds, or 10 if its machine is taken away. Returns when it has
        ended, or at once if it does not run."""
        with self._lock:
            container = self._containers.get(task) if task in self._running else None
        if container is not None:
            try:
                self._api.stop(
                    container, min(self.stop_seconds, _SHUTDOWN_SECONDS) if task.lost_machine else self.stop_seconds
                )
            except docker.errors.NotFound:
                pass
            except _FAULTS:
                log.exception("container %s was not stopped", container)

    def clear(self) -> None:
        """Removes the remaining containers and volumes of the stack's jobs from the engine."""
        filters: Any = {"label": [f"{self._config.label}={self._config.stack}", JOB_LABEL]}
        for container in self._docker.containers.list(all=True, filters=filters, ignore_removed=True):
            with contextlib.suppress(docker.errors.APIError):
                container.remove(force=True, v=True)
        for volume in self._docker.volumes.list(filters=filters):
            with contextlib.suppress(docker.errors.APIError):
                volume.remove(force=True)

    def close(self) -> None:
        """Removes the network of the jobs, and closes the connections to the engine."""
        if self._network_holder:
            self._remove(self._api.remove_container, self._network_holder, force=True)
        self._docker.close()

    def _network(self) -> str:
        """The network of one idle container, which all jobs share. On AWS too, the jobs of a machine share its network. Interfaces, rules of
        the firewall and a name server for each container take a large part of the time to start it."""
        with self._network_lock:
            if not self._network_holder:
                name = f"{_NETWORK_HOLDER}-{self._config.network}"
                with contextlib.suppress(docker.errors.NotFound):  # of a server that was killed
                    self._api.remove_container(name, force=True)
                made = self._api.create_container(
                    self._config.idle_image,
                    ["sleep", "infinity"],
                    detach=True,
                    name=name,
                    labels={self._config.label: self._config.stack},
                    host_config=self._api.create_host_config(network_mode=self._config.network, init=True),
                )
                self._api.start(made["Id"])
                self._network_holder = made["Id"]
            return f"container:{self._network_holder}"

    def _check_network(self) -> None:
        """Lets the next job have a new network if the container of the present one has ended."""
        with self._network_lock:
            try:
                runs = self._api.inspect_container(self._network_holder)["State"]["Running"]
            except _FAULTS:
                runs = False
            if not runs:
                self._network_holder = ""

    def _log_stream(self, task: Task) -> log_streams.LogStream | None:
        submission = task.job.submission
        options = log_streams.options(submission.container)
        if options is None:
            return None
        group = options["awslogs-group"]
        create = group == log_streams.DEFAULT_GROUP or options.get("awslogs-create-group") == "true"
        region = options.get("awslogs-region", submission.region)
        try:
            name = self.details(task)["logStreamName"]
            return log_streams.LogStream(submission.account, region, group, name, create_group=create)
        except LookupError:
            raise LookupError(
                "failed to initialize logging driver: failed to create Cloudwatch log stream: "
                f"ResourceNotFoundException: The specified log group does not exist: {group}"
            ) from None

    def _copy_log(self, container: str, stream: log_streams.LogStream | None) -> None:
        """Copies the output of a container to its log stream until it ends."""
        if stream is None:
            return
        try:
            for output in self._api.logs(container, stream=True, follow=True, timestamps=True):
                stream.append(output)
        except _FAULTS:
            log.exception("the log of container %s broke off", container)
        stream.flush()

    def _create(self, task: Task) -> None:
        """Creates the container of a task. Calls of the engine's API are few: what a client usually asks in addition is known here.

        Raises:
            _PullError: if the image is not there and cannot be pulled.
        """
        properties = task.job.submission.container
        linux = properties.get("linuxParameters", {})
        labels = {self._config.label: self._config.stack, JOB_LABEL: task.job.id}
        memory = task.size.memory_mib * 2**20
        binds, mounts = self._mounts(task, labels)
        options: dict[str, Any] = {
            "network_mode": self._network(),
            "binds": binds,
            "mounts": mounts,
            "mem_limit": memory,
            "memswap_limit": memory,
            "nano_cpus": int(task.size.vcpus * 1_000_000_000),
            "read_only": properties.get("readonlyRootFilesystem", False),
            "privileged": properties.get("privileged", False),
            "init": linux.get("initProcessEnabled", False),
            # components/docker.sh sets it on machines of engines.
            "security_opt": ["no-new-privileges"] if task.engine_image else [],
            "log_config": docker.types.LogConfig(type=docker.types.LogConfig.types.JSON),
            "ulimits": [
                docker.types.Ulimit(name=entry["name"], soft=entry["softLimit"], hard=entry["hardLimit"])
                for entry in properties["ulimits"]
            ],
            "tmpfs": {
                entry["containerPath"]: ",".join([f"size={entry['size']}m", *entry.get("mountOptions", [])])
                for entry in linux.get("tmpfs", [])
            },
            "devices": [_device(entry) for entry in linux.get("devices", [])],
        }
        if "sharedMemorySize" in linux:
            options["shm_size"] = linux["sharedMemorySize"] * 2**20
        left = contextlib.ExitStack()
        with self._lock:
            self._left[task] = left
        command = parameters.substituted(properties["command"], task.job.submission.parameters) or None
        create = functools.partial(
            self._api.create_container,
            properties["image"],
            command,
            detach=True,
            name=f"{JOB_LABEL}-{task.id}",
            labels=labels,
            user=properties.get("user"),
            environment=self._environment(task),
            host_config=self._api.create_host_config(**options),
        )
        for mount in mounts:
            left.callback(self._remove, self._api.remove_volume, mount["Source"], force=True)
        try:
            made = create()
        except docker.errors.ImageNotFound:
            log.info("pulling %s", properties["image"])
            try:
                self._docker.images.pull(properties["image"])
            except _FAULTS as error:
                raise _PullError(error) from None
            made = create()
        left.callback(self._remove, self._api.remove_container, made["Id"], force=True)
        with self._lock:
            self._containers[task] = made["Id"]

    def _mounts(self, task: Task, labels: dict[str, str]) -> tuple[list[str], list[docker.types.Mount]]:
        """The mounts of paths on the host in the short form of Docker, and those of volumes. A volume without a path on the host is new and
        belongs to the task. The engine makes it with the container.

        Raises:
            ValueError: if a path on the host is not the one that the program gives to machines. A job never gets a file of this machine.
        """
        properties = task.job.submission.container
        paths = {volume["name"]: volume.get("host", {}).get("sourcePath") for volume in properties["volumes"]}
        binds, mounts = [], []
        for mount in properties["mountPoints"]:
            name, target, read_only = mount["sourceVolume"], mount["containerPath"], mount.get("readOnly", False)
            if paths[name]:
                if posixpath.normpath(paths[name]) != machine_files.FOLDER:
                    raise ValueError(
                        f"the local stack does not mount {paths[name]} of this machine. Jobs can mount only {machine_files.FOLDER}"
                    )
                # All jobs share the folder, so none may change it.
                binds.append(f"{self._machine_folder(task.engine_image)}:{target}:ro")
            else:
                volume = f"{JOB_LABEL}-{task.id}-{name}"
                mounts.append(docker.types.Mount(target, volume, type="volume", read_only=read_only, labels=labels))
        return binds, mounts

    def _machine_folder(self, image: str) -> Path:
        with self._folder_lock:
            try:
                return machine_files.folder(self._docker, self._config, image)
            except OSError as error:
                raise ValueError(f"the files of {image} cannot be copied: {error}") from None

    def _remove(self, remove: Callable[..., Any], thing: str, **options: Any) -> None:
        try:
            remove(thing, **options)
        except docker.errors.NotFound:
            pass
        except _FAULTS:
            log.exception("%s stays behind", thing)

    def _environment(self, task: Task) -> dict[str, str]:
        """The variables of the user and those that Batch, ECS and the local AWS add."""
        submission = task.job.submission
        variables = {
            "AWS_ENDPOINT_URL": f"http://{self._config.gateway}:{self._config.port}",
            # There is no instance with credentials.
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_EXECUTION_ENV": "AWS_ECS_EC2",
        }
        variables |= {entry["name"]: entry.get("value", "") for entry in submission.container["environment"]}
        variables |= _batch_variables(task.job, task)
        if role := submission.container.get("jobRoleArn"):
            variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = self._credentials(role)
        return variables


def _batch_variables(job: Job, task: Task) -> dict[str, str]:
    variables = {
        "AWS_BATCH_JOB_ID": job.id,
        "AWS_BATCH_JOB_ATTEMPT": str(task.number),
        "AWS_BATCH_JQ_NAME": job.submission.queue.name,
        "AWS_BATCH_CE_NAME": task.environment,
    }
    if job.index is not None and job.parent is not None:
        variables["AWS_BATCH_JOB_ARRAY_INDEX"] = str(job.index)
        variables["AWS_BATCH_JOB_ARRAY_SIZE"] = str(len(job.parent.children))
    return variables


def _missing_role(task: Task) -> str | None:
    """A role of the task that does not exist, or None if all exist."""
    submission = task.job.submission
    iam: IAMBackend = iam_backends[submission.account][get_partition(submission.region)]
    known = {role.arn for role in iam.get_roles()}
    roles = (submission.container.get(name) for name in ("executionRoleArn", "jobRoleArn"))
    return next((role for role in roles if role and role not in known), None)


def _device(entry: Document) -> str:
    rights = "".join(permission[0].lower() for permission in entry.get("permissions", ["READ", "WRITE", "MKNOD"]))
    return f"{entry['hostPath']}:{entry.get('containerPath', entry['hostPath'])}:{rights}"


def _failure(kind: str, error: Exception) -> Outcome:
    text = getattr(error, "explanation", None) or (error.args[0] if error.args else error)
    return Outcome(reason=f"{kind}: Error response from daemon: {text}", status_reason=NOT_STARTED)
