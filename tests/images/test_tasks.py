"""`job` in the children of an array reads the variables of its own line of `JOB_TASKS`."""

import json
from collections.abc import Mapping

import pytest

from tests.images.containers import Images, Result
from tests.images.storage import Answer, Folder, fake_store, found

SCRIPT = 'echo it ran; tr a-z A-Z < in-"$SAMPLE" > "$SAMPLE".txt; date +%N >> "$SAMPLE".txt'
SAMPLES = ("ada", "eve", "grace")


def task(folder: Folder, sample: str, to: str = "to") -> dict[str, str]:
    return {
        "SAMPLE": sample,
        "JOB_SUBJECT": sample,
        "JOB_INPUTS": folder.uri(f"in-{sample}"),
        "JOB_OUTPUTS": "*.txt",
        "JOB_OUTPUT_PREFIX": folder.uri(f"{to}/{sample}"),
        "JOB_KEEP_ON_FAILURE": "*.txt",
    }


def put_tasks(folder: Folder, name: str, *tasks: Mapping[str, str], length: int = 0) -> str:
    """Creates a list of tasks and returns its URI."""
    lines = [json.dumps(variables).encode() for variables in tasks]
    length = max(length - 1, *map(len, lines))
    return folder.put(name, b"".join(line.ljust(length) + b"\n" for line in lines))


def child(images: Images, tasks: str, index: int, size: int, script: str = SCRIPT, **changes: str) -> Result:
    environment = {
        "JOB_TASKS": tasks,
        "AWS_BATCH_JOB_ID": f"4f2a:{index}",
        "AWS_BATCH_JOB_ATTEMPT": "1",
        "AWS_BATCH_JOB_ARRAY_INDEX": str(index),
        "AWS_BATCH_JOB_ARRAY_SIZE": str(size),
        "JOB_RUN": "20261129-085828-4fef",
        "JOB_IMAGE": "repository@sha256:0",
        "JOB_RESUME": "1",
        "SAMPLE": "another",
        **changes,
    }
    return images.run("samtools", script, environment=environment)


@pytest.fixture
def inputs(folder: Folder) -> Folder:
    """A folder with an input for each sample."""
    for sample in SAMPLES:
        folder.put(f"in-{sample}", f"acgt {sample}".encode())
    return folder


@pytest.mark.parametrize("length", [0, 40_000])
def test_each_child_of_an_array_publishes_at_a_place_of_its_own(images: Images, inputs: Folder, length: int) -> None:
    tasks = put_tasks(inputs, "tasks.jsonl", *(task(inputs, sample) for sample in SAMPLES), length=length)
    for index, sample in enumerate(SAMPLES):
        job = child(images, tasks, index, len(SAMPLES))
        assert job.exit_code == 0, job.log
        assert inputs.get(f"to/{sample}/{sample}.txt").startswith(f"ACGT {sample.upper()}".encode())
        record = json.loads(inputs.get(f"to/{sample}/manifest.record.json"))
        assert (record["array_index"], record["subject"], record["run"]) == (index, sample, "20261129-085828-4fef")
        assert record["started"] <= record["finished"] <= record["started"] + 300
    assert inputs.names("to/") == {
        f"{sample}/{name}" for sample in SAMPLES for name in (f"{sample}.txt", "manifest.json", "manifest.record.json")
    }


def test_the_same_work_at_another_index_is_recognized(images: Images, inputs: Folder) -> None:
    first = put_tasks(inputs, "first.jsonl", *(task(inputs, sample) for sample in SAMPLES))
    job = child(images, first, 2, 3)
    assert ("it ran" in job.log, job.exit_code) == (True, 0), job.log
    before = inputs.get("to/grace/grace.txt")
    # What is left of the array is another array, in which the child has another index and its line another length.
    second = put_tasks(inputs, "second.jsonl", task(inputs, "grace"), task(inputs, "eve"), length=5000)
    again = child(images, second, 0, 2, JOB_RUN="20261130-101010-0000", JOB_SUBMITTED="1700000000")
    assert (again.exit_code, again.record["resumed"], "it ran" in again.log) == (0, True, False), again.log
    assert inputs.get("to/grace/grace.txt") == before
    # The single job of a run that is resumed for one sample has its variables in its environment.
    alone = images.run(
        "samtools",
        SCRIPT,
        environment={**task(inputs, "grace"), "JOB_IMAGE": "repository@sha256:0", "JOB_RESUME": "1"},
    )
    assert alone.record["resumed"], alone.log
    changed = {**task(inputs, "grace"), "PLOIDY": "2"}
    other = child(images, put_tasks(inputs, "third.jsonl", changed, changed), 1, 2)
    assert "it ran" in other.log


def test_a_failed_child_keeps_its_files_at_its_own_place(images: Images, inputs: Folder) -> None:
    tasks = put_tasks(inputs, "tasks.jsonl", task(inputs, "ada"), task(inputs, "eve"))
    job = child(images, tasks, 1, 2, script="echo why > log.txt; exit 3")
    assert job.exit_code == 3
    assert inputs.names("to/") == {"eve/failed/4f2a_1/1/log.txt", "eve/failed/4f2a_1/1/record.json"}


@pytest.mark.parametrize(
    ("content", "index", "words"),
    [
        (b"", 0, "has no line feed"),
        (b'{"SAMPLE": "ada"}', 0, "has no line feed in its first 17 bytes"),
        (b"{}\n{ }\n", 0, "has 7 bytes, which is not a multiple of its first line's 3"),
        (b"{}\n{}\n", 2, "has 2 lines, and the job has index 2. Submit an array of at most 2 jobs"),
        (b"{}\n[]\n", 1, "line 2 of"),
        (b'{"AWS_REGION": "eu-west-1"}\n', 0, "sets AWS_REGION"),
    ],
)
def test_a_malformed_list_is_refused(images: Images, folder: Folder, content: bytes, index: int, words: str) -> None:
    job = child(images, folder.put("tasks.jsonl", content), index, 3)
    assert job.exit_code == 64, job.log
    assert "job: JOB_TASKS: " in job.log
    assert words in job.log
    assert folder.uri("tasks.jsonl") in job.log
    assert "it ran" not in job.log


def test_a_missing_list_ends_the_job_before_its_command(images: Images, folder: Folder) -> None:
    job = child(images, folder.uri("tasks.jsonl"), 0, 2)
    assert (job.exit_code, "tasks.jsonl does not exist" in job.log, "it ran" in job.log) == (66, True, False)


def test_the_list_is_read_through_an_outage(images: Images) -> None:
    requests: list[str] = []

    def answer(method: str, path: str) -> Answer:
        requests.append(path)
        if len(requests) < 4:
            return 503, {}, b"<Error><Code>SlowDown</Code></Error>"
        return found(b'{"SAMPLE": "ada"}\n')

    with fake_store(images.gateway, answer) as store:
        environment = {"JOB_TASKS": "s3://bucket/tasks.jsonl", "AWS_ENDPOINT_URL": store.endpoint}
        job = images.run("samtools", 'echo "sample $SAMPLE"', environment=environment)
    assert job.exit_code == 0, job.log
    assert "sample ada" in job.log
    assert requests == ["/bucket/tasks.jsonl"] * 4
