"""The operations on jobs: submit, describe, list, cancel and terminate."""

import itertools
import json
import uuid
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from local.aws.batch import container_properties, retry
from local.aws.batch.definitions import HIGHEST_SCHEDULING_PRIORITY, JobDefinition, timeout_seconds
from local.aws.batch.forms import Document, check_consumable_resources, check_name, refusal
from local.aws.batch.job import Job, Submission, milliseconds
from local.aws.batch.queues import JobQueue

if TYPE_CHECKING:
    from local.aws.batch.backend import Backend

#: The limits of a submission (Batch User Guide, "AWS Batch service quotas").
_MOST_DEPENDENCIES = 20
_ARRAY_SIZES = (2, 10_000)
_MOST_DESCRIBED = 100
_MOST_ENDED = 50
#: Characters of a reason at most (API TerminateJob).
_LONGEST_REASON = 1024
#: Jobs on a page of ListJobs at most, and with a filter (API ListJobs, `maxResults`).
_MOST_LISTED = 1000
_MOST_FILTERED = 100
#: Jobs of a snapshot at most (API FrontOfQueueDetail).
_MOST_IN_FRONT = 100
_LARGEST_REQUEST = 30 * 1024

_sequence = itertools.count()


class Jobs:
    """The jobs of one account and region."""

    def __init__(self, backend: "Backend") -> None:
        self._backend = backend
        self._jobs: dict[str, Job] = {}
        self._submitted: list[Job] = []
        """The jobs without the children of arrays, in the order of submission."""

    def submit(self, request: Document) -> Document:
        """SubmitJob.

        Raises:
            ClientException: if AWS would refuse the request.
        """
        submission = self._submission(request)
        dependencies = [self._dependency(entry, request) for entry in submission.depends_on]
        job_id = str(uuid.uuid4())
        job = self._job(job_id, submission)
        size = request.get("arrayProperties", {}).get("size")
        if size:
            job.children = [self._job(f"{job_id}:{index}", submission, job, index) for index in range(size)]
            job.unfinished = size
        for other, kind in dependencies:
            _link(job, other, kind)
        self._backend.tag(job.arn, submission.tags)
        for made in (job, *job.children):
            self._jobs[made.id] = made
        self._submitted.append(job)
        self._backend.scheduler.add(job)
        return {"jobArn": job.arn, "jobName": submission.name, "jobId": job.id}

    def _job(self, job_id: str, submission: Submission, parent: Job | None = None, index: int | None = None) -> Job:
        return Job(
            id=job_id,
            arn=self._backend.arn(f"job/{job_id}"),
            submission=submission,
            sequence=next(_sequence),
            parent=parent,
            index=index,
        )

    def _submission(self, request: Document) -> Submission:
        check_name("Job name", request["jobName"])
        if {"nodeOverrides", "ecsPropertiesOverride", "eksPropertiesOverride"} & request.keys():
            raise refusal("The local stack supports containerOverrides only")
        if (length := len(json.dumps(request))) > _LARGEST_REQUEST:
            raise refusal(f"SubmitJob request must be at most {_LARGEST_REQUEST} bytes, not {length}")
        queue = self._backend.queues.get(request["jobQueue"], f"JobQueue {request['jobQueue']} not found.")
        if not queue.enabled:
            raise refusal(f"JobQueue {queue.arn} is in DISABLED state")
        definition = self._backend.definitions.resolve(request["jobDefinition"])
        share, priority = _share(request, queue, definition)
        check_consumable_resources(request.get("consumableResourcePropertiesOverride", {}))
        overrides = request.get("containerOverrides", {})
        least, most = _ARRAY_SIZES
        size = request.get("arrayProperties", {}).get("size", least)
        if not least <= size <= most:
            raise refusal(f"Array size must be between {least} and {most}, not {size}")
        strategy = request.get("retryStrategy")
        return Submission(
            account=self._backend.account_id,
            region=self._backend.region_name,
            name=request["jobName"],
            queue=queue,
            definition=definition,
            container=container_properties.overridden(definition.container, overrides),
            overrides_too_long=container_properties.are_too_long(overrides),
            parameters={**definition.request.get("parameters", {}), **request.get("parameters", {})},
            retry_strategy=retry.parse(strategy) if strategy else definition.retry_strategy,
            timeout_seconds=timeout_seconds(request) or timeout_seconds(definition.request),
            depends_on=_checked_dependencies(request),
            tags=request.get("tags", {}),
            propagate_tags=bool(request.get("propagateTags", definition.request.get("propagateTags"))),
            share_identifier=share,
            scheduling_priority=priority,
        )

    def _dependency(self, entry: Document, request: Document) -> tuple[Job | None, str]:
        kind = entry.get("type", "")
        if not entry.get("jobId"):
            return None, kind
        other = self._jobs.get(entry["jobId"])
        if other is None:
            raise refusal(f"Job {entry['jobId']} of dependsOn does not exist")
        size = request.get("arrayProperties", {}).get("size")
        if kind == "N_TO_N" and size != len(other.children):
            raise refusal(f"N_TO_N needs two arrays of one size, not {size or 1} and {len(other.children) or 1}")
        return other, kind

    def exists(self, arn: str) -> bool:
        """Whether there is a job with this ARN, other than a child of an array."""
        job = self._jobs.get(arn.removeprefix(self._backend.arn("job/")))
        return job is not None and job.parent is None

    def describe(self, request: Document) -> Document:
        """DescribeJobs: the jobs with these ids or ARNs. Unknown ones are left out."""
        if len(request["jobs"]) > _MOST_DESCRIBED:
            raise refusal(f"At most {_MOST_DESCRIBED} jobs can be described at once, not {len(request['jobs'])}")
        prefix = self._backend.arn("job/")
        found = (self._jobs.get(identifier.removeprefix(prefix)) for identifier in request["jobs"])
        return {"jobs": [job.details(self._backend.tags(job.arn)) for job in found if job]}

    def list_jobs(self, request: Document) -> Document:
        """ListJobs: the jobs of a queue, newest first, or of an array, by index. Without a filter and a state, only RUNNING jobs.

        A filter makes Batch ignore the state, except SHARE_IDENTIFIER. It does not apply to the children of an array.

        Raises:
            ClientException: if the queue or array does not exist, or a filter is unknown.
        """
        if len({"jobQueue", "arrayJobId", "multiNodeJobId"} & request.keys()) != 1:
            raise refusal("Exactly one of jobQueue, arrayJobId and multiNodeJobId must be provided")
        filters = request.get("filters", [])
        if len(filters) > 1:
            raise refusal("Only one filter can be used at a time")
        test = _filter(filters[0]) if filters else None
        of_state = _has_status(request.get("jobStatus", "RUNNING"))
        found: Iterable[Job]
        if "arrayJobId" in request:
            array = self._jobs.get(request["arrayJobId"])
            if array is None:
                raise refusal(f"Job {request['arrayJobId']} does not exist")
            found = filter(of_state, array.children)
        elif "jobQueue" in request:
            queue = self._backend.queues.get(request["jobQueue"], f"JobQueue {request['jobQueue']} not found.")
            found = (job for job in reversed(self._submitted) if job.submission.queue is queue)
            if test is None or (filters[0]["name"] == "SHARE_IDENTIFIER" and "jobStatus" in request):
                found = filter(of_state, found)
            found = filter(test, found)
        else:
            raise refusal("The local stack has no multi-node parallel jobs")
        return _page(found, request, _MOST_FILTERED if filters else _MOST_LISTED)

    def snapshot(self, request: Document) -> Document:
        """GetJobQueueSnapshot: the jobs that start next. Their time is that of their submission, since the local stack keeps no other."""
        queue = self._backend.queues.get(request["jobQueue"], f"JobQueue {request['jobQueue']} not found.")
        front = self._backend.scheduler.front(queue, _MOST_IN_FRONT)
        jobs = [{"jobArn": job.arn, "earliestTimeAtPosition": job.created_at} for job in front]
        return {"frontOfQueue": {"jobs": jobs, "lastUpdatedAt": milliseconds()}}

    def cancel(self, request: Document) -> Document:
        """CancelJob: cancels a job that has not reached STARTING, and does nothing to other jobs."""
        for job in self._with_children(request):
            if job.status.is_before_start:
                job.cancelled = True
                if not job.children:
                    self._backend.scheduler.end(job, request["reason"])
        return {}

    def terminate(self, request: Document) -> Document:
        """TerminateJob: ends a job, also a running one."""
        for job in self._with_children(request):
            self._terminate(job, request["reason"])
        return {}

    def cancel_many(self, request: Document) -> Document:
        """CancelJobs: CancelJob for up to 50 jobs."""
        return self._each(request, self.cancel)

    def terminate_many(self, request: Document) -> Document:
        """TerminateJobs: TerminateJob for up to 50 jobs."""
        return self._each(request, self.terminate)

    def _each(self, request: Document, operation: Callable[[Document], Document]) -> Document:
        """Carries out an operation on several jobs. A job that does not exist counts as successful (API TerminateJobs)."""
        if len(request["jobs"]) > _MOST_ENDED:
            raise refusal(f"At most {_MOST_ENDED} jobs can be named, not {len(request['jobs'])}")
        for job in request["jobs"]:
            operation({"jobId": job, "reason": request["reason"]})
        return {"successful": request["jobs"], "errors": []}

    def terminate_all(self, queue: JobQueue | None, reason: str) -> None:
        """Terminates all jobs of a queue, or of all queues."""
        for job in list(self._jobs.values()):
            if queue in (None, job.submission.queue):
                self._terminate(job, reason)

    def _terminate(self, job: Job, reason: str) -> None:
        if not job.status.is_final:
            job.terminated = True
            # An array ends when its last child ends.
            if not job.children:
                self._backend.scheduler.end(job, reason)

    def _with_children(self, request: Document) -> list[Job]:
        """The job with this id, and its children if it is an array."""
        if not request["jobId"] or not request["reason"]:
            raise refusal("jobId and reason must not be empty")
        if (length := len(request["reason"])) > _LONGEST_REASON:
            raise refusal(f"A reason must be at most {_LONGEST_REASON} characters, not {length}")
        job = self._jobs.get(request["jobId"].removeprefix(self._backend.arn("job/")))
        return [job, *job.children] if job else []


def _share(request: Document, queue: JobQueue, definition: JobDefinition) -> tuple[str, int]:
    """The share and the priority in it. Both are empty on a queue without a fair-share policy."""
    share = request.get("shareIdentifier", "")
    priority = request.get("schedulingPriorityOverride", definition.request.get("schedulingPriority"))
    if priority is not None and not 0 <= priority <= HIGHEST_SCHEDULING_PRIORITY:
        raise refusal(f"schedulingPriorityOverride must be between 0 and {HIGHEST_SCHEDULING_PRIORITY}")
    if queue.policy is None:
        for member in ("shareIdentifier", "schedulingPriorityOverride"):
            if member in request:
                raise refusal(f"{member} cannot be specified: the job queue has no scheduling policy")
        return "", 0
    if not share:
        raise refusal("shareIdentifier must be specified: the job queue has a scheduling policy")
    if priority is None:
        raise refusal("Either schedulingPriority in job definition or schedulingPriorityOverride should be specified.")
    return share, priority


def _checked_dependencies(request: Document) -> list[Document]:
    dependencies: list[Document] = request.get("dependsOn", [])
    if len(dependencies) > _MOST_DEPENDENCIES:
        raise refusal(f"A job can depend on {_MOST_DEPENDENCIES} jobs, not {len(dependencies)}")
    for entry in dependencies:
        kind = entry.get("type")
        if kind and "arrayProperties" not in request:
            raise refusal(f"A dependency of type {kind} needs an array job")
        if kind == "SEQUENTIAL" and entry.get("jobId"):
            raise refusal("A SEQUENTIAL dependency must not specify a jobId")
        if kind != "SEQUENTIAL" and not entry.get("jobId"):
            raise refusal("A dependency needs a jobId")
    return dependencies


def _link(job: Job, other: Job | None, kind: str) -> None:
    """Adds a dependency to a job or to each child of an array."""
    if kind == "SEQUENTIAL":
        for before, after in itertools.pairwise(job.children):
            after.wait_for(before)
    elif kind == "N_TO_N" and other:
        for child, counterpart in zip(job.children, other.children, strict=True):
            child.wait_for(counterpart)
    elif other:
        for waiting in job.children or [job]:
            waiting.wait_for(other)


def _has_status(status: str) -> Callable[[Job], bool]:
    return lambda job: job.status.value == status


def _page(found: Iterable[Job], request: Document, most: int) -> Document:
    """One page of ListJobs. Its token names the last job of the page, so jobs that are submitted or change their state between two pages
    move no other job to another page.

    Raises:
        ClientException: if the token was not issued here.
    """
    token = request.get("nextToken") or ""
    if token:
        if not token.isdecimal():
            raise refusal("Invalid nextToken")
        last = int(token)
        # The sequence of children increases with their index, and newer jobs come first.
        is_later = (lambda job: job.sequence > last) if "arrayJobId" in request else (lambda job: job.sequence < last)
        found = filter(is_later, found)
    size = min(request.get("maxResults") or most, most)
    page = list(itertools.islice(found, size + 1))
    rest = {"nextToken": str(page[size - 1].sequence)} if len(page) > size else {}
    return {"jobSummaryList": [job.summary() for job in page[:size]], **rest}


def _filter(entry: Document) -> Callable[[Job], bool]:
    name, values = entry.get("name"), entry.get("values", [])
    if name == "JOB_NAME":
        return lambda job: any(_names(value.lower(), job.submission.name.lower()) for value in values)
    if name == "JOB_DEFINITION":
        return lambda job: any(_is_definition(value, job.submission.definition) for value in values)
    if name == "SHARE_IDENTIFIER":
        return lambda job: any(_names(value, job.submission.share_identifier) for value in values)
    if name == "BEFORE_CREATED_AT" and len(values) == 1 and values[0].isdecimal():
        return lambda job: job.created_at < int(values[0])
    if name == "AFTER_CREATED_AT" and len(values) == 1 and values[0].isdecimal():
        return lambda job: job.created_at > int(values[0])
    raise refusal(f"Filter {name} with values {values} is not supported")


def _is_definition(value: str, definition: JobDefinition) -> bool:
    if value.startswith("arn:"):
        return value in (definition.arn, definition.arn.rpartition(":")[0])
    return _names(value, definition.name) or value == f"{definition.name}:{definition.revision}"


def _names(pattern: str, text: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern
