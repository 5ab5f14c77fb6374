"""A client is killed at each of its calls. Another client finds what it submitted, says what it did not, and ends all of it."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

from biobatch.aws import Aws
from biobatch.job import Job
from biobatch.run import cancel, listing, record, submit
from biobatch.run.state import RunState
from biobatch.sizes import Size
from biobatch.stack_outputs import StackOutputs
from biobatch.uris import parse_folder
from tests.unit.biobatch.run.conftest import Clock, Stack

FOLDER = parse_folder("s3://data/out")

STACK = StackOutputs(
    queue_arn="arn:queue",
    on_demand_queue_arn="arn:other",
    job_definition_arns={"bwa": "arn:bwa"},
    bucket="data",
    region="us-east-1",
    log_group="jobs",
)


class Killed(BaseException):
    """The end of the client, which cannot call anything after it."""


class Mortal:
    """A client of the AWS SDK that is killed at a call, and does nothing from then on.

    Args:
        client: makes the calls.
        left: calls that are made before, in a list that several clients share.
    """

    def __init__(self, client: Any, left: list[int]) -> None:
        self._client = client
        self._left = left

    def __getattr__(self, name: str) -> Any:
        def call(**request: Any) -> Any:
            if self._left[0] <= 0:
                raise Killed
            self._left[0] -= 1
            return getattr(self._client, name)(**request)

        return call


def jobs() -> list[Job]:
    def job(subject: str, step: str, *after: Job) -> Job:
        manifest = FOLDER / f"{subject}/{step}.manifest.json"
        return Job(
            subject=subject,
            step=step,
            tool="bwa",
            command=(step,),
            output_prefix=FOLDER,
            manifest=manifest,
            after=after,
        )

    index = job("reference", "index")
    aligned = [job(sample, "align", index) for sample in ("ada", "bob")]
    return [index, *aligned, *(job(each.subject, "call", each) for each in aligned)]


def submit_and_die(stacked: Stack, calls: int) -> bool:
    """Submits a run with a client that is killed after so many calls. Returns whether it was killed."""
    left = [calls]
    mortal: Aws = dataclasses.replace(
        stacked.aws, s3=cast(Any, Mortal(stacked.aws.s3, left)), batch=cast(Any, Mortal(stacked.batch, left))
    )
    run = submit.new_run(STACK, command="call-variants", output_prefix=FOLDER, samples=2)
    try:
        submit.submit_jobs(mortal, STACK, run, jobs(), {"bwa": Size(1, 1900)})
    except Killed:
        return True
    return False


def calls_of_a_submission(stacked: Stack) -> int:
    calls = 0
    while submit_and_die(stacked, calls):
        calls += 1
    return calls


def test_a_client_killed_at_any_call_leaves_a_run_that_is_found_and_ended(stacked: Stack, clock: Clock) -> None:
    outcomes = set()
    for calls in range(calls_of_a_submission(stacked)):
        for each in stacked.aws.s3.list_objects_v2(Bucket="data", Prefix="runs/").get("Contents", []):
            stacked.aws.s3.delete_object(Bucket="data", Key=each["Key"])
        stacked.batch.jobs.clear()
        stacked.batch.names.clear()
        assert submit_and_die(stacked, calls)
        submitted = len(stacked.batch.jobs)
        listed = listing.runs(stacked.aws, "data", None, None)
        if not listed:
            # No record, so nothing may have been submitted.
            assert submitted == 0
            outcomes.add("nothing")
            continue
        (only,) = listed
        run = record.read(stacked.aws.s3, "data", only.run.run)
        state = RunState(stacked.aws, run)
        state.refresh(stacked.aws)
        assert state.missing_parts == 3 - submitted
        assert state.total()["queued"] + state.total()["not submitted"] == 5
        assert cancel.cancel(stacked.aws, run, "unwanted").jobs == state.total()["queued"]
        assert {child["status"] for children in stacked.batch.jobs.values() for child in children} <= {"FAILED"}
        outcomes.add(f"{submitted} parts")
    assert outcomes == {"nothing", "0 parts", "1 parts", "2 parts", "3 parts"}
