"""How long the provider waits for AWS, and the result of a wait that fails."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.plugins.aws import api
from local.plugins.aws.durations import parsed, written
from tests.unit.local.plugins.pulumi_engine import Aborted, Engine, ResourceState
from tests.unit.local.plugins.samples import SAMPLES, World

QUEUE = "aws:batch/jobQueue:JobQueue"
ENVIRONMENT = "aws:batch/computeEnvironment:ComputeEnvironment"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"

Stuck = Callable[[str, str], list[str]]


@pytest.fixture
def stuck(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Stuck:
    """Makes AWS return the same status for ever. Yields the list of the calls from then on."""

    def stay(operation: str, status: str) -> list[str]:
        monkeypatch.setattr("local.plugins.aws.api.MAX_WAIT", 0.2)
        api, original, calls = engine.provider.api, engine.provider.api.call, list[str]()

        def call(service: str, name: str, parameters: Any) -> Any:
            calls.append(name)
            answer = original(service, name, parameters)
            if name == operation:
                (items,) = [value for value in answer.values() if isinstance(value, list)]
                for item in items:
                    item["status"] = status
            return answer

        monkeypatch.setattr(api, "call", call)
        return calls

    return stay


def queue(engine: Engine, **members: Any) -> ResourceState:
    return engine.create(QUEUE, "main", {**SAMPLES[QUEUE](World(engine.create)), **members})


@pytest.mark.parametrize(
    ("timeouts", "limit"),
    [({}, "10m0s"), ({"timeouts": {"delete": "2h"}}, "2h0m0s"), ({"timeouts": {"update": "2h"}}, "10m0s")],
)
def test_a_queue_that_does_not_settle_is_an_error_and_is_not_deleted(
    engine: Engine, stuck: Stuck, timeouts: dict[str, Any], limit: str
) -> None:
    made = queue(engine, **timeouts)
    calls = stuck("DescribeJobQueues", "UPDATING")
    with pytest.raises(Aborted) as aborted:
        engine.delete(made)
    assert str(aborted.value) == (
        f"waiting for Batch Job Queue ({made.id}) disable: {made.id}: timeout while waiting for state to become 'VALID' "
        f"(last state: 'UPDATING', timeout: {limit})"
    )
    assert "DeleteJobQueue" not in calls


def test_a_queue_whose_jobs_take_longer_than_its_limit_is_an_error(
    engine: Engine, stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A queue with many jobs stays in the state DELETING until they have ended.
    made = queue(engine)
    calls = stuck("DescribeJobQueues", "VALID")
    former = engine.provider.api.call

    def call(service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {} if operation == "DeleteJobQueue" else former(service, operation, parameters)

    monkeypatch.setattr(engine.provider.api, "call", call)
    with pytest.raises(Aborted) as aborted:
        engine.delete(made)
    assert str(aborted.value).startswith(f"waiting for Batch Job Queue ({made.id}) delete: ")
    assert str(aborted.value).endswith("(timeout: 10m0s)")
    assert "UpdateJobQueue" in calls


def test_an_environment_that_does_not_settle_is_deleted_nevertheless(engine: Engine, stuck: Stuck) -> None:
    made = World(engine.create).new(ENVIRONMENT)
    calls = stuck("DescribeComputeEnvironments", "INVALID")
    engine.delete(made)
    assert "DeleteComputeEnvironment" in calls


def test_an_update_of_an_environment_times_out_after_20_minutes_whatever_the_program_sets(
    engine: Engine, stuck: Stuck
) -> None:
    # The resource declares no timeouts, and Pulumi then ignores given ones (pulumi-terraform-bridge, pull request 2390).
    sample = SAMPLES[ENVIRONMENT](World(engine.create))
    made = engine.create(ENVIRONMENT, "spot", sample)
    stuck("DescribeComputeEnvironments", "UPDATING")
    with pytest.raises(Aborted, match=r"\(last state: 'UPDATING', timeout: 20m0s\)"):
        engine.update(made, {**sample, "state": "DISABLED"}, timeout=7 * 3600)


@pytest.mark.parametrize(
    ("token", "operation", "properties", "custom", "seconds"),
    [
        ("aws:ec2/natGateway:NatGateway", "delete", {}, 0, 1800),
        ("aws:ec2/natGateway:NatGateway", "delete", {}, 90, 90),
        (QUEUE, "delete", {"timeouts": {"delete": "2h"}}, 90, 7200),
        (QUEUE, "delete", {"timeouts": None}, 90, 600),
        (LIFECYCLE, "create", {}, 0, 180),
        (LIFECYCLE, "delete", {}, 90, 1200),
        (ENVIRONMENT, "delete", {}, 90, 1200),
    ],
)
def test_the_limit_of_the_program_applies_only_if_the_provider_declares_one(
    offline: Engine, token: str, operation: str, properties: dict[str, Any], custom: float, seconds: float
) -> None:
    assert offline.provider.resource(token).limit(operation, properties, custom) == seconds


@pytest.mark.parametrize("custom", [90, 0])
def test_the_engines_own_limit_reaches_the_wait(engine: Engine, monkeypatch: pytest.MonkeyPatch, custom: float) -> None:
    made = World(engine.create).new("aws:ec2/natGateway:NatGateway")
    seen: list[float] = []
    monkeypatch.setattr(type(engine.provider.resource(made.token)), "unmake", lambda *_: seen.append(api.limit()))
    monkeypatch.setattr(type(engine.provider.resource(made.token)), "wait_until_gone", lambda *_: None)
    engine.delete(made, timeout=custom)
    assert seen == [custom or 1800]


def test_a_limit_that_is_shorter_than_that_of_the_plugin_applies(engine: Engine, stuck: Stuck) -> None:
    made = queue(engine, timeouts={"delete": "0s"})
    calls = stuck("DescribeJobQueues", "UPDATING")
    with pytest.raises(Aborted, match="timeout: 0s"):
        engine.delete(made)
    assert calls.count("DescribeJobQueues") == 1


def test_timeouts_that_are_given_later_change_nothing_in_aws(engine: Engine, stuck: Stuck) -> None:
    sample = SAMPLES[QUEUE](World(engine.create))
    made = engine.create(QUEUE, "main", sample)
    wanted = {**sample, "timeouts": {"delete": "1h"}}
    answer = engine.diff(made, wanted)
    assert (list(answer.diffs), list(answer.replaces)) == (["timeouts"], [])
    calls = stuck("none", "")
    updated = engine.update(made, wanted)
    assert updated.properties["timeouts"] == {"delete": "1h"}
    assert [name for name in calls if not name.startswith(("Describe", "List"))] == []
    assert not engine.diff(updated, wanted).diffs


@pytest.mark.parametrize(
    ("token", "timeouts", "path", "reason"),
    [
        (QUEUE, {"delete": "an hour"}, "timeouts.delete", "is not a duration"),
        (QUEUE, {"delete": "90"}, "timeouts.delete", "is not a duration"),
        (QUEUE, {"read": "1h"}, "timeouts.read", "it has create, update, delete"),
        (LIFECYCLE, {"delete": "1h"}, "timeouts.delete", "it has create, update"),
        (ENVIRONMENT, {"update": "7h"}, "timeouts", "has no such property"),
    ],
)
def test_timeouts_that_the_true_provider_refuses_are_refused(
    offline: Engine, token: str, timeouts: dict[str, str], path: str, reason: str
) -> None:
    samples: dict[str, dict[str, Any]] = {
        QUEUE: {"priority": 1, "state": "ENABLED"},
        LIFECYCLE: {"bucket": "b", "rules": []},
        ENVIRONMENT: {"type": "UNMANAGED"},
    }
    _, failures = offline.check(token, "sample", {**samples[token], "timeouts": timeouts})
    assert reason in failures[path]


@given(st.integers(0, 10**6))
def test_a_written_time_reads_back(seconds: int) -> None:
    assert parsed(written(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h45m", 9900.0),
        ("30s", 30.0),
        ("1.5h", 5400.0),
        ("500ms", 0.5),
        ("", None),
        ("1d", None),
        (" 1h", None),
        (7, None),
    ],
)
def test_a_time_is_read_as_go_reads_it(text: object, seconds: float | None) -> None:
    assert parsed(text) == seconds
