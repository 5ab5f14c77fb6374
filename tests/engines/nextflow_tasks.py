"""What Nextflow does with AWS to run tasks by its executor `awsbatch`, in our own words and code.

That executor is a plugin on no registry, so the tests cannot run it. This module makes the same requests of Batch with the same fields, and its
task script makes the same calls of `aws`: https://www.nextflow.io/docs/latest/aws.html, and what Nextflow 24.10 to 26.04 was seen to call.
"""

import fnmatch
import hashlib
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import ClientError

from local.stack.environment import REGION

#: Releases whose tasks start in different ways. The name is that of the first release.
RELEASES = ("24.10", "25.10")

#: The `aws` on each machine.
CLI_PATH = "/opt/biobatch/bin/aws"

_ENDED = ("SUCCEEDED", "FAILED")
_POLL_SECONDS = 0.5
#: Longer than any task here takes on a busy machine.
_LONGEST_SECONDS = 300

#: A task script after its settings: the command `aws`, the `folder` of the task in S3, and more options of its uploads and downloads. A transfer
#: is tried again, and several run at the same time. What the script calls of `aws` is what Nextflow's own scripts call.
_SCRIPT = r"""
tried() {
  local count
  for count in 1 2 3 4 5; do
    "$@" && return
    sleep $count
  done
  "$@"
}
at_once() {
  local line pid pids=() failed=0
  while read -r line; do
    # The words of a line have no blanks.
    tried $line &
    pids+=($!)
    while [ "$(jobs -pr | wc -l)" -ge 4 ]; do sleep .05; done
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=$?; done
  return $failed
}
upload() {
  if [ "$1" = - ]; then
    $aws s3 cp --only-show-errors $upload_options - "$2"
  elif [ -d "$1" ]; then
    $aws s3 cp --only-show-errors --recursive $upload_options --storage-class STANDARD "$1" "$2/$1"
  else
    $aws s3 cp --only-show-errors $upload_options --storage-class STANDARD "$1" "$2/$1"
  fi
}
download() {
  local folders
  folders=$($aws s3 ls "$1" | grep -F "PRE $(basename "$1")/" -c) || true
  if [ "$folders" = 1 ]; then
    $aws s3 cp --only-show-errors $download_options --recursive "$1" "$2"
  else
    $aws s3 cp --only-show-errors $download_options "$1" "$2"
  fi
}
finish() {
  local code=$? file
  trap - EXIT
  set +e
  printf '%s' "$code" | upload - "$folder/.exitcode"
  for file in .command.out .command.err .command.trace; do [ ! -e $file ] || upload $file "$folder"; done
  [ -z "${scratch:-}" ] || rm -rf "$scratch"
  exit "$code"
}
stop() {
  [ -z "${child:-}" ] || kill -TERM "$child" 2> /dev/null
  exit 143
}
measure() {
  while kill -0 "$1" 2> /dev/null; do
    ps -o pid=,state=,pcpu=,pmem=,vsz=,rss= "$1" >> .command.trace
    sleep .2
  done
}
trap finish EXIT
trap stop TERM INT USR2
set -e -u
printf '' | upload - "$folder/.command.begin"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/nxf.XXXXXXXX")
cd "$scratch"
at_once <<< "$inputs"
if [ -n "$trace" ]; then
  command -v ps > /dev/null || { echo "the image has no ps, which measures tasks" >&2; exit 1; }
fi
bash -euo pipefail .command.sh > >(tee .command.out) 2> >(tee .command.err >&2) &
child=$!
[ -z "$trace" ] || measure $child &
wait $child
shopt -s nullglob
for file in $outputs; do echo "upload $file $folder"; done | at_once
"""


@dataclass(frozen=True)
class Task:
    """A task of a pipeline."""

    name: str
    script: str
    """The command that the process defines."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Names of files and folders in the working folder, to their URIs."""
    outputs: Sequence[str] = ()
    """Patterns of the files and folders that it makes."""
    cpus: int = 1
    memory_mib: int = 1024
    trace: bool = False
    """Whether Nextflow measures it, as with -with-trace."""


@dataclass(frozen=True)
class Submitted:
    """A task that was submitted."""

    task: Task
    id: str
    """The id of its job."""
    folder: str
    """URI of its folder in S3."""


class TaskFailed(Exception):
    """A task failed."""

    def __init__(self, submitted: Submitted, job: Mapping[str, Any]) -> None:
        super().__init__(f"{submitted.task.name}: {job['status']} {job.get('statusReason')} {job['container']}")
        self.submitted = submitted
        self.job = job


@dataclass
class Head:
    """The main process of Nextflow, with the rights of a user."""

    client: Callable[[str], Any]
    """Makes boto3's clients with the keys of the user."""
    queue: str
    definitions: Mapping[str, str]
    """Job definitions by the process of a task, which is the first word of its name."""
    work: str
    """URI of the folder for scratch data."""
    release: str = RELEASES[0]
    aws: str = f"{CLI_PATH} --region {REGION}"
    """The command, from the settings aws.batch.cliPath and aws.region. Nextflow's own job definitions do not set a region."""
    upload_options: str = ""
    """More options of `aws s3 cp` to S3."""
    download_options: str = ""
    """More options of `aws s3 cp` from S3."""
    max_spot_attempts: int = 0
    """The setting aws.batch.maxSpotAttempts."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """The directive resourceLabels."""
    seconds: int = 0
    """The directive time, in seconds. 0 sets no limit."""
    running: list[str] = field(default_factory=list)
    """The ids of the jobs that were submitted and have not been seen to end."""

    def __post_init__(self) -> None:
        self.batch, self.s3 = self.client("batch"), self.client("s3")

    def folder(self, task: Task) -> str:
        """The URI of the task's folder in S3. The same task has the same folder, so that a later run finds it."""
        text = "\0".join([task.name, task.script, str(task.memory_mib), *(f"{k}={v}" for k, v in task.inputs.items())])
        digest = hashlib.sha256(text.encode()).hexdigest()[:32]
        return f"{self.work}/{digest[:2]}/{digest[2:]}"

    def is_done(self, task: Task) -> bool:
        """Whether an earlier run has done the task, as -resume finds out: by its exit code and its outputs."""
        folder = self.folder(task)
        try:
            code = self.read(f"{folder}/.exitcode")
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
                raise
            return False
        names = {name.split("/")[0] for name in self.names(folder)}
        return code == b"0" and all(fnmatch.filter(names, output) for output in task.outputs)

    def prepare(self, task: Task) -> str:
        """Uploads the scripts of a task, and returns the URI of its folder."""
        folder = self.folder(task)
        inputs = {".command.sh": f"{folder}/.command.sh", **task.inputs}
        settings = {
            "aws": self.aws,
            "folder": folder,
            "inputs": "\n".join(f"download {uri} {name}" for name, uri in inputs.items()),
            "outputs": " ".join(task.outputs),
            "upload_options": self.upload_options,
            "download_options": self.download_options,
            "trace": "1" if task.trace else "",
        }
        lines = [f"{name}={shlex.quote(value)}" for name, value in settings.items()]
        self.write(f"{folder}/.command.run", "\n".join(["#!/bin/bash", *lines, _SCRIPT]).encode())
        self.write(f"{folder}/.command.sh", f"#!/bin/bash -euo pipefail\n{task.script}\n".encode())
        return folder

    def submit(self, task: Task) -> Submitted:
        """Submits a task."""
        folder = self.prepare(task)
        return Submitted(task, self._submit(task, self._launch(folder)), folder)

    def submit_array(self, tasks: Sequence[Task]) -> list[Submitted]:
        """Submits similar tasks as one array job, as with the directive `array`."""
        folders = [self.prepare(task) for task in tasks]
        *shell, script = self._launch("$folder")
        chosen = f"folders=({' '.join(folders)}); folder=${{folders[$AWS_BATCH_JOB_ARRAY_INDEX]}}; {script}"
        parent = self._submit(tasks[0], [*shell, chosen], arrayProperties={"size": len(tasks)})
        return [
            Submitted(task, f"{parent}:{index}", folder)
            for index, (task, folder) in enumerate(zip(tasks, folders, strict=True))
        ]

    def _submit(self, task: Task, command: list[str], **more: Any) -> str:
        requirements = [{"type": "MEMORY", "value": str(task.memory_mib)}]
        # For one CPU, Nextflow leaves the value to the job definition.
        if task.cpus > 1:
            requirements.append({"type": "VCPU", "value": str(task.cpus)})
        if self.max_spot_attempts:
            more["retryStrategy"] = {
                "attempts": self.max_spot_attempts,
                "evaluateOnExit": [
                    {"action": "RETRY", "onStatusReason": "Host EC2*"},
                    {"action": "EXIT", "onReason": "*"},
                ],
            }
        if self.labels:
            more |= {"tags": dict(self.labels), "propagateTags": True}
        if self.seconds:
            more["timeout"] = {"attemptDurationSeconds": self.seconds}
        variables = {
            "AWS_RETRY_MODE": "adaptive",
            "AWS_MAX_ATTEMPTS": "5",
            "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "10",
        }
        id_: str = self.batch.submit_job(
            jobName="".join(sign for sign in task.name.replace(" ", "_") if sign.isalnum() or sign in "-_"),
            jobQueue=self.queue,
            jobDefinition=self.definitions[task.name.split()[0]],
            containerOverrides={
                "command": command,
                "resourceRequirements": requirements,
                "environment": [{"name": name, "value": value} for name, value in variables.items()],
            },
            **more,
        )["jobId"]
        self.running.append(id_)
        return id_

    def _launch(self, folder: str) -> list[str]:
        """The command of a container. Up to 25.04 it pipes the output of the task through `tee`. Newer ones start `tee` beside the task, so that
        a log that cannot be written does not fail it."""
        copy = f"{self.aws} s3 cp --only-show-errors"
        save = f"trap 'code=$?; {copy} .command.log {folder}/.command.log || true; exit $code' EXIT"
        log = "bash 2>&1 | tee .command.log" if self.release == RELEASES[0] else "bash > >(tee .command.log) 2>&1"
        return ["bash", "-o", "pipefail", "-c", f"{save}; {copy} {folder}/.command.run - | {log}"]

    def describe(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The jobs by their ids. One request holds up to 100."""
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(ids), 100):
            jobs = self.batch.describe_jobs(jobs=list(ids[start : start + 100]))["jobs"]
            found |= {job["jobId"]: job for job in jobs}
        return found

    def wait(self, submitted: Sequence[Submitted], status: Sequence[str] = _ENDED) -> list[dict[str, Any]]:
        """Waits until each task has one of these states, and returns the jobs in the order of the tasks."""
        deadline = time.monotonic() + _LONGEST_SECONDS
        ids = [each.id for each in submitted]
        while True:
            jobs = self.describe(ids)
            if all(jobs[id_]["status"] in (*status, *_ENDED) for id_ in ids):
                self.running = [id_ for id_ in self.running if jobs.get(id_, {}).get("status") not in _ENDED]
                return [jobs[id_] for id_ in ids]
            assert time.monotonic() < deadline, {id_: job["status"] for id_, job in jobs.items()}
            time.sleep(_POLL_SECONDS)

    def run(self, *tasks: Task) -> list[Submitted]:
        """Runs tasks at the same time to their end, and returns what it submitted. It skips tasks that are done, as -resume does.

        Raises:
            TaskFailed: if one failed.
        """
        submitted = [self.submit(task) for task in tasks if not self.is_done(task)]
        for each, job in zip(submitted, self.wait(submitted), strict=True):
            if job["status"] == "FAILED":
                raise TaskFailed(each, job)
        return submitted

    def stop(self) -> None:
        """Ends all jobs, as Nextflow does after Ctrl-C."""
        for id_ in self.running:
            self.batch.terminate_job(jobId=id_, reason="Job killed by NF")

    def log(self, job: Mapping[str, Any], group: str) -> list[str]:
        """The lines of a task's log, which Nextflow shows if the task fails."""
        events = self.client("logs").get_log_events(
            logGroupName=group, logStreamName=job["container"]["logStreamName"], startFromHead=True
        )["events"]
        return [event["message"] for event in events]

    def register(self, image: str, *, job_role: str, execution_role: str, log_group: str, user: str = "") -> str:
        """Registers a job definition for an image, unless there is one already, and returns its name and revision.

        Args:
            image: the image.
            job_role: ARN of the role of the job, the setting aws.batch.jobRole.
            execution_role: ARN of the role that starts it, the setting aws.batch.executionRole.
            log_group: the setting aws.batch.logsGroup.
            user: the option --user of the directive containerOptions.
        """
        name = "nf-" + "".join(sign if sign.isalnum() else "-" for sign in image)
        container: dict[str, Any] = {
            "image": image,
            "command": ["true"],
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "1024"}],
            "jobRoleArn": job_role,
            "executionRoleArn": execution_role,
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": log_group}},
            "volumes": [{"name": "aws-cli", "host": {"sourcePath": "/opt/biobatch"}}],
            "mountPoints": [{"sourceVolume": "aws-cli", "containerPath": "/opt/biobatch", "readOnly": True}],
        }
        if user:
            container["user"] = user
        token = hashlib.sha256(repr(sorted(container.items())).encode()).hexdigest()[:32]
        known = self.batch.describe_job_definitions(jobDefinitionName=name, status="ACTIVE")["jobDefinitions"]
        for definition in known:
            if definition.get("parameters", {}).get("nf-token") == token:
                return f"{name}:{definition['revision']}"
        revision = self.batch.register_job_definition(
            jobDefinitionName=name,
            type="container",
            containerProperties=container,
            parameters={"nf-token": token},
            tags={"nextflow.io/version": self.release, "nextflow.io/createdAt": datetime.now(timezone.utc).isoformat()},
        )["revision"]
        return f"{name}:{revision}"

    def publish(self, source: str, target: str) -> None:
        """Copies an object to the folder of results, as publishDir does: an older object is deleted first."""
        for key in self._keys(target):
            self.s3.delete_object(Bucket=_bucket(target), Key=key)
        self.s3.copy_object(
            Bucket=_bucket(target), Key=_key(target), CopySource={"Bucket": _bucket(source), "Key": _key(source)}
        )

    def read(self, uri: str) -> bytes:
        """The content of an object."""
        content: bytes = self.s3.get_object(Bucket=_bucket(uri), Key=_key(uri))["Body"].read()
        return content

    def write(self, uri: str, content: bytes) -> None:
        """Writes an object."""
        self.s3.put_object(Bucket=_bucket(uri), Key=_key(uri), Body=content)

    def names(self, folder: str) -> set[str]:
        """The objects in a folder, named relative to it."""
        return {key.removeprefix(f"{_key(folder)}/") for key in self._keys(f"{folder}/")}

    def _keys(self, beginning: str) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=_bucket(beginning), Prefix=_key(beginning))
        return [item["Key"] for page in pages for item in page.get("Contents", [])]


def _bucket(uri: str) -> str:
    return uri.split("/")[2]


def _key(uri: str) -> str:
    return uri.split("/", 3)[3]
