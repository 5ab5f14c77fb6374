"""A run is recorded before it is submitted, and a resume submits exactly what is missing."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from biobatch.aws import Aws
from biobatch.job import Job, shell_command, variables
from biobatch.refusal import Refused
from biobatch.run import parts, record, resume, submit
from biobatch.run.record import Run
from biobatch.stack_outputs import StackOutputs
from biobatch.uris import S3Uri, parse_folder

FOLDER = parse_folder("s3://data/out")


def made(clients: Aws, subject: str, step: str, *after: Job, reads: str = "", **changes: Any) -> Job:
    """A job that reads an object of the user and makes one object."""
    if reads:
        clients.s3.put_object(Bucket="data", Key=reads, Body=reads.encode())
    return Job(
        subject=subject,
        step=step,
        tool="bwa",
        command=(f"# {step}\n" + "x" * 9000,),
        inputs=(S3Uri("data", reads),) if reads else (),
        outputs=(f"{subject}/{step}",),
        output_prefix=FOLDER,
        manifest=FOLDER / f"{subject}/{step}.json",
        environment={"SAMPLE": subject},
        after=after,
        resume=True,
        **changes,
    )


def cohort(clients: Aws) -> list[Job]:
    index = made(clients, "reference", "index", reads="ref")
    jobs = [index]
    for name in ("a", "b", "c"):
        align = made(clients, name, "align", index, reads=f"reads/{name}", vcpus=4, memory_mib=7600)
        jobs += [align, made(clients, name, "call", align)]
    return jobs


def finish(clients: Aws, jobs: Sequence[Job], image: str = "none") -> None:
    """Publishes what the images' `job` would publish."""
    for job in jobs:
        (output,) = job.outputs
        uris = [*job.inputs, job.output_prefix / output]
        clients.s3.put_object(Bucket="data", Key=uris[-1].key, Body=job.title.encode())
        states = []
        for uri in uris:
            head = clients.s3.head_object(Bucket="data", Key=uri.key)
            states.append({"uri": str(uri), "size": head["ContentLength"], "etag": head["ETag"].strip('"')})
        manifest = {
            "image": image,
            "command": shell_command(job.command),
            "variables": dict(job.environment),
            "inputs": states[:-1],
            "outputs": states[-1:],
        }
        clients.s3.put_object(Bucket="data", Key=job.manifest.key, Body=json.dumps(manifest).encode())


@pytest.fixture
def run(clients: Aws, stack: StackOutputs) -> Run:
    """A submitted run."""
    new = submit.new_run(stack, command="call-variants", output_prefix=FOLDER, arguments=("call-variants", "é"))
    submit.submit_jobs(clients, stack, new, cohort(clients), {})
    return record.read(clients.s3, "data", new.run)


def titles(jobs: Sequence[Job]) -> list[str]:
    return [job.title for job in jobs]


def missing(clients: Aws, stack: StackOutputs, run: Run) -> list[Job]:
    return resume.missing(clients, stack.job_definition_arns, resume.jobs(clients, run))


def test_the_record_gives_the_same_jobs_again(clients: Aws, run: Run) -> None:
    assert run.arguments == ("call-variants", "é")
    again, before = resume.jobs(clients, run), cohort(clients)
    assert sorted(titles(again)) == sorted(titles(before))
    by_title = {job.title: job for job in again}
    for job in before:
        other = by_title[job.title]
        assert variables(other) == variables(job)
        assert (other.command, other.manifest, other.environment) == (job.command, job.manifest, job.environment)
        assert (other.vcpus, other.memory_mib) == (job.vcpus, job.memory_mib)
        assert titles(other.after) == titles(job.after)


def test_an_array_has_its_tasks_and_a_plain_job_its_variables(clients: Aws, run: Run) -> None:
    ids = record.job_ids(clients, run)
    assert {part.name.removeprefix(f"{run.run}-") for part in run.parts} == {"reference-index", "align-1", "call-1"}
    details = clients.batch.describe_jobs(jobs=list(ids.values()))["jobs"]
    by_name = {each["jobName"].removeprefix(f"{run.run}-"): each for each in details}
    environment = {
        name: {each["name"]: each["value"] for each in detail["container"]["environment"]}
        for name, detail in by_name.items()
    }
    assert environment["reference-index"]["JOB_MANIFEST"] == "s3://data/out/reference/index.json"
    assert "JOB_TASKS" not in environment["reference-index"]
    assert environment["align-1"]["JOB_TASKS"] == f"s3://data/runs/{run.run}/{run.run}-align-1.jsonl"
    assert "JOB_MANIFEST" not in environment["align-1"]
    assert {each["JOB_RUN"] for each in environment.values()} == {run.run}
    script = clients.s3.get_object(Bucket="data", Key=environment["align-1"]["JOB_SCRIPT_FROM"][len("s3://data/") :])
    assert script["Body"].read().decode().startswith("# align\n")


def test_the_ids_are_found_by_name_if_the_client_was_killed(
    clients: Aws, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = record.job_ids(clients, run)
    assert set(known) == {part.name for part in run.parts}
    clients.s3.delete_object(Bucket="data", Key=f"runs/{run.run}/jobs.json")
    page = {"jobSummaryList": [{"jobName": name, "jobId": id} for name, id in known.items()]}
    asked = []

    def paginate(**request: Any) -> list[Any]:
        asked.append(request)
        return [page]

    monkeypatch.setattr(
        clients.batch, "get_paginator", lambda _: type("Pages", (), {"paginate": staticmethod(paginate)})
    )
    assert record.job_ids(clients, run) == known
    assert asked == [{"jobQueue": run.queue, "filters": [{"name": "JOB_NAME", "values": [f"{run.run}-*"]}]}]


def test_the_record_exists_before_the_first_submission(
    clients: Aws, stack: StackOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = submit.new_run(stack, command="call-variants", output_prefix=FOLDER)

    def killed(**_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(clients.batch, "submit_job", killed)
    with pytest.raises(SystemExit):
        submit.submit_jobs(clients, stack, new, cohort(clients), {})
    found = record.read(clients.s3, "data", new.run)
    assert len(missing(clients, stack, found)) == 7


def test_only_what_failed_and_what_waited_for_it_is_missing(clients: Aws, stack: StackOutputs, run: Run) -> None:
    jobs = cohort(clients)
    finish(clients, [job for job in jobs if job.title not in ("b align", "b call", "c call")])
    found = missing(clients, stack, run)
    assert titles(found) == ["b align", "b call", "c call"]
    assert [titles(job.after) for job in found] == [[], ["b align"], []]
    groups = parts.group(run.run, found, {}, attempt=2)
    assert [each.part.name.removeprefix(f"{run.run}-2-") for each in groups] == ["b-align", "c-call", "b-call"]


def test_nothing_is_missing_if_all_is_as_the_manifests_say(clients: Aws, stack: StackOutputs, run: Run) -> None:
    finish(clients, cohort(clients))
    assert missing(clients, stack, run) == []


@pytest.mark.parametrize(
    ("key", "again"),
    [
        ("reads/b", ["b align", "b call"]),
        ("ref", ["reference index", "a align", "b align", "c align", "a call", "b call", "c call"]),
        ("out/c/call", ["c call"]),
        ("out/c/call.json", ["c call"]),
    ],
)
def test_what_was_overwritten_is_made_again(
    key: str, again: list[str], clients: Aws, stack: StackOutputs, run: Run
) -> None:
    finish(clients, cohort(clients))
    clients.s3.put_object(Bucket="data", Key=key, Body=b"" if key.endswith(".json") else b"other")
    assert sorted(titles(missing(clients, stack, run))) == sorted(again)


def test_results_of_another_image_are_made_again(clients: Aws, stack: StackOutputs, run: Run) -> None:
    finish(clients, cohort(clients), image="older")
    assert len(missing(clients, stack, run)) == 7


def test_a_resumed_part_reads_its_variables_from_the_record(clients: Aws, stack: StackOutputs, run: Run) -> None:
    jobs = cohort(clients)
    finish(clients, [job for job in jobs if job.subject != "b"])
    submit.submit(clients, stack, run, parts.group(run.run, missing(clients, stack, run), {}, attempt=2))
    found = record.read(clients.s3, "data", run.run)
    assert found.attempt == 2
    (part,) = (each for each in found.parts if each.name == f"{run.run}-2-b-align")
    (task,) = record.tasks(clients.s3, found, part)
    (job,) = (job for job in jobs if job.title == "b align")
    assert {name: task.variables[name] for name in variables(job)} == variables(job)
    assert set(record.job_ids(clients, found)) == {each.name for each in found.parts}
    assert titles(missing(clients, stack, found)) == ["b align", "b call"]


def test_the_tags_tell_run_step_user_and_sample(clients: Aws, stack: StackOutputs) -> None:
    tagged = []
    submit_job = clients.batch.submit_job

    def watched(**request: Any) -> Any:
        tagged.append(request["tags"])
        return submit_job(**request)

    clients.batch.submit_job = watched  # type: ignore[method-assign]
    user = "arn:aws:sts::123456789012:assumed-role/Lab/ada@lab.org"
    new = submit.new_run(stack, command="call-variants", output_prefix=FOLDER, user=user)
    jobs = [job for job in cohort(clients) if job.subject != "c"]
    submit.submit_jobs(clients, stack, new, [*jobs, made(clients, "c", "align", jobs[0], vcpus=1)], {})
    common = {"run": new.run, "user": "ada@lab.org"}
    assert {frozenset(each.items()) for each in tagged} == {
        frozenset({**common, "step": "index", "sample": "reference"}.items()),
        frozenset({**common, "step": "align"}.items()),
        frozenset({**common, "step": "call"}.items()),
        frozenset({**common, "step": "align", "sample": "c"}.items()),
    }


def test_a_job_that_was_submitted_twice_is_ended_once(
    clients: Aws, stack: StackOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The AWS SDK sends a call again if the answer is lost. Batch has then two jobs of the same name."""
    submit_job = clients.batch.submit_job
    ended = []

    def twice(**request: Any) -> Any:
        submit_job(**request)
        answer = submit_job(**request)
        answer["ResponseMetadata"]["RetryAttempts"] = 1
        return answer

    monkeypatch.setattr(clients.batch, "submit_job", twice)
    monkeypatch.setattr(clients.batch, "terminate_job", lambda jobId, reason: ended.append(jobId))  # noqa: N803
    paginator: Any = clients.batch.get_paginator

    def listed(operation: str) -> Any:
        """Moto lists only jobs of one state if there is no filter, and ignores filters."""
        pages = paginator(operation)

        def paginate(jobQueue: str, filters: Any) -> Any:  # noqa: N803
            del filters
            for state in ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"):
                yield from pages.paginate(jobQueue=jobQueue, jobStatus=state)

        return type("Pages", (), {"paginate": staticmethod(paginate)})

    monkeypatch.setattr(clients.batch, "get_paginator", listed)
    new = submit.new_run(stack, command="submit", output_prefix=FOLDER)
    job = made(clients, "a", "job")
    (kept,) = submit.submit_jobs(clients, stack, new, [job], {})
    assert len(set(ended)) == 1
    assert kept.id not in ended


def test_a_run_that_does_not_exist_and_one_of_a_newer_client_are_refused(clients: Aws, run: Run) -> None:
    with pytest.raises(Refused, match=r"there is no such run in s3://data/runs/. List the runs: biobatch list"):
        record.read(clients.s3, "data", "20250101-000000-0000")
    text = clients.s3.get_object(Bucket="data", Key=f"runs/{run.run}/run.json")["Body"].read()
    clients.s3.put_object(
        Bucket="data", Key=f"runs/{run.run}/run.json", Body=json.dumps({**json.loads(text), "format": 2}).encode()
    )
    with pytest.raises(Refused, match="this version cannot read it"):
        record.read(clients.s3, "data", run.run)


def test_runs_are_listed_newest_first(clients: Aws) -> None:
    for name in ("20260101-000000-aaaa", "20260301-000000-bbbb", "20260201-000000-cccc"):
        clients.s3.put_object(Bucket="data", Key=f"runs/{name}/run.json", Body=b"{}")
    assert [name[:8] for name in record.names(clients.s3, "data")] == ["20260301", "20260201", "20260101"]


@pytest.fixture
def half(clients: Aws, stack: StackOutputs, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run whose client was killed after it had submitted the first part."""
    new = submit.new_run(stack, command="call-variants", output_prefix=FOLDER)
    submit_one = submit._submit
    calls: list[str] = []

    def killed(*arguments: Any) -> str:
        if calls:
            raise KeyError("killed")
        calls.append(submit_one(*arguments))
        return calls[0]

    with monkeypatch.context() as patches:
        patches.setattr(submit, "_submit", killed)
        # A client that is killed ends no job.
        patches.setattr(clients.batch, "terminate_job", lambda **_: None)
        with pytest.raises(KeyError):
            submit.submit_jobs(clients, stack, new, cohort(clients), {})
    record.add_job_ids(clients.s3, new, {f"{new.run}-reference-index": calls[0]})
    return record.read(clients.s3, "data", new.run)


def test_the_rest_of_a_half_submitted_run_is_submitted_once_and_as_recorded(
    clients: Aws, stack: StackOutputs, half: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submit, "_SUBMITTING_SECONDS", 0)
    groups = resume.groups(clients, half, 1)
    known = record.job_ids(clients, half)
    rest = [each for each in groups if each.part.name not in known]
    assert [each.part.step for each in rest] == ["align", "call"]
    ids = submit.complete(clients, stack, half, rest, known)
    assert set(ids) == {part.name for part in half.parts}
    details = {each["jobId"]: each for each in clients.batch.describe_jobs(jobs=list(ids.values()))["jobs"]}
    waits = {
        part.step: [(each["jobId"], each.get("type")) for each in details[ids[part.name]].get("dependsOn", [])]
        for part in half.parts
    }
    names = {part.step: part.name for part in half.parts}
    assert waits == {
        "index": [],
        "align": [(ids[names["index"]], None)],
        "call": [(ids[names["align"]], "N_TO_N")],
    }
    assert record.job_ids(clients, half) == ids


def test_the_rest_is_not_submitted_while_another_client_may_submit_it(
    clients: Aws, stack: StackOutputs, half: Run
) -> None:
    groups = resume.groups(clients, half, 1)
    with pytest.raises(
        Refused, match=r"2 parts of the run are not submitted yet.*Give the command again in \d+ seconds"
    ):
        submit.complete(clients, stack, half, groups[1:], record.job_ids(clients, half))
