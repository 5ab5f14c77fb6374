"""Whatever ends a job and whenever: there never is a manifest over a wrong or partial output, and the next run puts all right.

`python -m pytest tests/images --random-runs 200` goes through more than the few runs that every `make test` does; all of 200 held on
2026-11-28.
"""

import contextlib
import hashlib
import json
import math
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

import docker.errors
import pytest
from docker.models.containers import Container

from tests.images.containers import Images, ended
from tests.images.line import Line, line
from tests.images.storage import Folder

#: Bytes of each input, of all that goes in, and of all that comes out.
SIZE = 1 << 20
IN = 3 * SIZE
OUT = 6 * SIZE

SCRIPT = """
for i in 1 2 3; do rev in-$i > out-$i; echo "made $i"; if [ "${HALT:-}" = $i ]; then sleep infinity; fi; done
sleep 0.3; cat in-* > out-4
"""


def content(seed: int, number: int) -> bytes:
    return hashlib.shake_256(f"{seed} {number}".encode()).hexdigest(SIZE // 2).encode()


class Work:
    """A job on three inputs, what it must come to, and how it is run."""

    def __init__(self, images: Images, folder: Folder, seed: int) -> None:
        self.images, self.folder = images, folder
        inputs = {f"in-{number}": content(seed, number) for number in (1, 2, 3)}
        self.expected = {f"out-{number}": inputs[f"in-{number}"][::-1] for number in (1, 2, 3)}
        self.expected["out-4"] = b"".join(inputs.values())
        self.environment = {
            "JOB_INPUTS": " ".join(folder.put(name, whole) for name, whole in inputs.items()),
            "JOB_OUTPUTS": "out-*",
            "JOB_OUTPUT_PREFIX": folder.uri("to"),
        }

    def check(self) -> bool:
        """Holds what a manifest names against what it must be; False if there is no manifest, or an empty one."""
        if "manifest.json" not in self.folder.names("to/") or not (text := self.folder.get("to/manifest.json")):
            return False
        outputs = json.loads(text)["outputs"]
        assert [output["key"].rpartition("/")[2] for output in outputs] == sorted(self.expected)
        for output in outputs:
            name = output["key"].rpartition("/")[2]
            assert self.folder.get(f"to/{name}") == self.expected[name]
            assert output["sha256"] == hashlib.sha256(self.expected[name]).hexdigest()
            assert output["size"] == len(self.expected[name])
        return True

    def put_right(self) -> None:
        """Runs it once more, undisturbed."""
        job = self.images.run("samtools", SCRIPT, environment=self.environment)
        assert job.exit_code == 0, job.log
        assert self.check()


def held(wire: Line, container: Container, phase: str, part: float) -> None:
    """Returns at a moment of the job, told by what it has done, so that it is the same on any machine; there all stands still.

    Args:
        wire: the line to its store.
        container: the job's.
        phase: `in`, `work` (of a command that halts there) or `out`.
        part: share of the phase's bytes, or the step of the work.
    """
    if phase == "work":
        wait_until(lambda: f"made {part}" in container.logs().decode(), container)
    else:
        wait_until(lambda: wire.carried >= wire.hold_at, container)


def bytes_until(phase: str, part: float) -> float:
    """What passes over the line before a moment: something always, since `job` then has begun."""
    return {"in": max(1, part * IN), "work": math.inf, "out": IN + part * OUT}[phase]


#: Staging in, work and staging out. Of 6 MiB, 2% are more than all headers of what was staged in.
MOMENTS = [("in", 0), ("in", 0.3), ("in", 0.6), ("in", 0.9), ("work", 1), ("work", 2), ("work", 3)]
MOMENTS += [("out", 0.02), ("out", 0.5), ("out", 0.95)]


@pytest.mark.parametrize(("signal", "code"), [("SIGTERM", 143), ("SIGKILL", 137)])
@pytest.mark.parametrize(("phase", "part"), MOMENTS)
def test_a_signal_at_any_moment_leaves_no_manifest_and_the_next_run_succeeds(
    images: Images, folder: Folder, phase: str, part: float, signal: str, code: int
) -> None:
    work = Work(images, folder, seed=1)
    with line(images.gateway, images.endpoint) as wire:
        wire.hold_at = bytes_until(phase, part)
        environment = {**work.environment, "AWS_ENDPOINT_URL": wire.endpoint, "HALT": str(part)}
        with images.started("samtools", SCRIPT, environment=environment) as container:
            held(wire, container, phase, part)
            container.kill(signal)
            job = ended(container)
    assert job.exit_code == code, job.log
    assert code == 137 or job.record["exit_code"] == code
    assert not work.check()
    assert not folder.client.list_multipart_uploads(Bucket=folder.bucket).get("Uploads")
    work.put_right()


@pytest.mark.parametrize("phase", ["in", "out"])
def test_an_outage_without_end_ends_the_job_before_its_time_limit(images: Images, folder: Folder, phase: str) -> None:
    work = Work(images, folder, seed=1)
    with line(images.gateway, images.endpoint) as wire:
        wire.hold_at = bytes_until(phase, 0.5)
        environment = {**work.environment, "AWS_ENDPOINT_URL": wire.endpoint, "JOB_TIMEOUT_SECONDS": "20"}
        with images.started("samtools", SCRIPT, environment=environment) as container:
            held(wire, container, phase, 0.5)
            wire.cut()
            job = ended(container)
    assert job.exit_code == job.record["exit_code"] == 69, job.log
    assert "S3 cannot be reached" in job.log
    assert not work.check()
    work.put_right()


@pytest.mark.parametrize("phase", ["in", "out"])
def test_an_outage_during_a_transfer_loses_no_work(images: Images, folder: Folder, phase: str) -> None:
    work = Work(images, folder, seed=1)
    with line(images.gateway, images.endpoint) as wire:
        wire.hold_at = bytes_until(phase, 0.5)
        environment = {**work.environment, "AWS_ENDPOINT_URL": wire.endpoint}
        with images.started("samtools", SCRIPT, environment=environment) as container:
            held(wire, container, phase, 0.5)
            wire.cut()
            time.sleep(5)
            wire.mend()
            job = ended(container)
    assert job.exit_code == job.record["exit_code"] == 0, job.log
    assert job.log.count("made 1") == 1
    assert work.check()


@pytest.mark.parametrize("phase", ["in", "out"])
def test_a_bit_that_flips_in_transit_is_detected_and_the_transfer_is_repeated(
    images: Images, folder: Folder, phase: str
) -> None:
    work = Work(images, folder, seed=1)
    with line(images.gateway, images.endpoint) as wire:
        wire.hold_at = bytes_until(phase, 0.5)
        environment = {**work.environment, "AWS_ENDPOINT_URL": wire.endpoint}
        with images.started("samtools", SCRIPT, environment=environment) as container:
            held(wire, container, phase, 0.5)
            wire.flip = True
            wire.release()
            job = ended(container)
    assert not wire.flip
    assert job.exit_code == job.record["exit_code"] == 0, job.log
    # The SDK sends again without a word.
    assert ("arrived damaged" in job.log) == (phase == "in"), job.log
    assert work.check()


def test_a_signal_aborts_an_upload_in_parts(images: Images, folder: Folder) -> None:
    def uploads() -> list[Any]:
        found: list[Any] = folder.client.list_multipart_uploads(Bucket=folder.bucket).get("Uploads", [])
        return found

    environment = {"JOB_OUTPUTS": "big", "JOB_OUTPUT_PREFIX": folder.uri()}
    with line(images.gateway, images.endpoint) as wire:
        wire.hold_at = 2 << 20
        environment["AWS_ENDPOINT_URL"] = wire.endpoint
        with images.started("samtools", "head -c 130M /dev/zero > big", environment=environment) as container:
            held(wire, container, "out", 0)
            assert uploads()
            container.kill("SIGTERM")
            wire.release()
            job = ended(container)
    assert job.exit_code == 143
    assert not uploads()
    assert folder.names() == set()


def kill(container: Container, wire: Line) -> None:
    container.kill("SIGKILL")


def terminate(container: Container, wire: Line) -> None:
    container.kill("SIGTERM")


def lose_the_store(container: Container, wire: Line) -> None:
    wire.cut()
    time.sleep(2)
    container.kill("SIGKILL")


def restart_the_store(container: Container, wire: Line) -> None:
    wire.cut()
    time.sleep(0.3)
    wire.mend()


def flip_a_bit(container: Container, wire: Line) -> None:
    wire.flip = True


def truncate(container: Container, wire: Line) -> None:
    wire.truncate = True


DISASTERS: Mapping[str, Callable[[Container, Line], None]] = {
    disaster.__name__: disaster
    for disaster in (kill, terminate, lose_the_store, restart_the_store, flip_a_bit, truncate)
}

#: Bytes within which a job's last requests lie: the end of its outputs, and the manifest.
END = 64 << 10


def test_no_fault_leaves_a_manifest_of_wrong_outputs(images: Images, folder: Folder, random_run: int) -> None:
    chance = random.Random(random_run)
    # Every disaster in every phase, as evenly as the number of runs allows; the moment in it is left to chance.
    name = sorted(DISASTERS)[random_run % len(DISASTERS)]
    phase = ("in", "out", "end", "work")[random_run // len(DISASTERS) % 4]
    step = chance.choice(["made 1", "made 3"]) if phase == "work" else None
    moment = {"in": chance.uniform(0, IN), "out": IN + chance.uniform(0, OUT)}.get(
        phase, IN + OUT + chance.uniform(-END, END)
    )
    work = Work(images, folder, random_run)
    if again := chance.random() < 0.5:  # over the outputs and the manifest of an earlier run, of other inputs
        work.put_right()
        work = Work(images, folder, -random_run - 1)
    with line(images.gateway, images.endpoint) as wire:
        wire.hold_at = math.inf if step else moment
        environment = {**work.environment, "AWS_ENDPOINT_URL": wire.endpoint}
        with images.started("samtools", SCRIPT, environment=environment) as container:

            def come() -> bool:
                container.reload()
                at_work = step is not None and step in container.logs().decode()
                return at_work or wire.carried >= wire.hold_at or container.status != "running"

            wait_until(come, container)
            with contextlib.suppress(docker.errors.APIError):  # it has ended
                DISASTERS[name](container, wire)
            wire.release()
            job = ended(container)
    said = f"{name} at {step or f'{moment:.0f} bytes'}, {'again' if again else 'first'}: {job.log}"
    if job.exit_code == 0:
        assert work.check(), said
    elif not again:
        # Whatever there is, is whole: only its answer was lost, or the container was killed behind it.
        assert not work.check() or job.exit_code in (69, 137), said
    else:
        # What there is belongs to the earlier run, whole, or to this one, whole.
        assert_whole(work, said)
    work.put_right()


def assert_whole(work: Work, said: str) -> None:
    text = work.folder.get("to/manifest.json")
    for output in json.loads(text)["outputs"] if text else []:
        stored = work.folder.get("to/" + output["key"].rpartition("/")[2])
        assert output["sha256"] == hashlib.sha256(stored).hexdigest(), said


def wait_until(condition: Callable[[], bool], container: Container) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, container.logs().decode()
        time.sleep(0.01)
