"""Whatever ends a job and whenever: there never is a manifest over a wrong or partial output, and the next run puts all right.

`python -m pytest tests/images --random-runs 200` goes through more than the few runs that every `make test` does.
"""

import hashlib
import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from docker.models.containers import Container

from tests.images.containers import Images, ended
from tests.images.line import Line, line
from tests.images.storage import Folder

#: Bytes of each input; with the line's slowness a run takes somewhat over a second.
SIZE = 1 << 20
SECONDS_A_BLOCK = 0.01
RUN_SECONDS = 2.5

SCRIPT = "for i in 1 2 3; do rev in-$i > out-$i; sleep 0.1; done; cat in-* > out-4"


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


@pytest.mark.parametrize("tenth", range(1, 11))
def test_a_signal_at_any_moment_leaves_no_manifest_and_the_next_run_puts_all_right(
    images: Images, folder: Folder, tenth: int
) -> None:
    work = Work(images, folder, tenth)
    total = 2 * 3 * SIZE + 3 * SIZE
    with line(images.gateway, images.endpoint) as slow:
        slow.seconds_a_block = SECONDS_A_BLOCK
        environment = {**work.environment, "AWS_ENDPOINT_URL": slow.endpoint}
        with images.started("samtools", SCRIPT, environment=environment) as container:
            # Moments by what has passed over the line, so that they fall into staging in, work and staging out on any machine.
            wait_until(lambda: slow.carried >= total * (tenth - 1) // 10, container)
            container.kill("SIGTERM")
            job = ended(container)
    assert job.exit_code == job.record["exit_code"] == 143, job.log
    assert not work.check()
    assert not folder.client.list_multipart_uploads(Bucket=folder.bucket).get("Uploads")
    work.put_right()


def test_a_signal_aborts_an_upload_in_parts(images: Images, folder: Folder) -> None:
    def uploads() -> list[Any]:
        found: list[Any] = folder.client.list_multipart_uploads(Bucket=folder.bucket).get("Uploads", [])
        return found

    environment = {"JOB_OUTPUTS": "big", "JOB_OUTPUT_PREFIX": folder.uri()}
    with line(images.gateway, images.endpoint) as slow:
        slow.seconds_a_block = SECONDS_A_BLOCK
        environment["AWS_ENDPOINT_URL"] = slow.endpoint
        with images.started("samtools", "head -c 130M /dev/zero > big", environment=environment) as container:
            wait_until(lambda: bool(uploads()) and slow.carried > 1 << 20, container)
            slow.seconds_a_block = 0
            container.kill("SIGTERM")
            job = ended(container)
    assert job.exit_code == 143
    assert not uploads()
    assert folder.names() == set()


def kill(container: Container, slow: Line) -> None:
    container.kill("SIGKILL")


def terminate(container: Container, slow: Line) -> None:
    container.kill("SIGTERM")


def lose_the_store(container: Container, slow: Line) -> None:
    slow.cut()
    threading.Timer(2, container.kill, ["SIGKILL"]).start()


def restart_the_store(container: Container, slow: Line) -> None:
    slow.cut()
    time.sleep(0.3)
    slow.mend()


def flip_a_bit(container: Container, slow: Line) -> None:
    slow.flip_after = 0


DISASTERS: Mapping[str, Callable[[Container, Line], None]] = {
    disaster.__name__: disaster for disaster in (kill, terminate, lose_the_store, restart_the_store, flip_a_bit)
}


def test_no_disaster_leaves_a_manifest_over_wrong_outputs(images: Images, folder: Folder, random_run: int) -> None:
    chance = random.Random(random_run)
    name = chance.choice(sorted(DISASTERS))
    moment = chance.uniform(0, RUN_SECONDS)
    work = Work(images, folder, random_run)
    if again := chance.random() < 0.5:  # over the outputs and the manifest of an earlier run, of other inputs
        work.put_right()
        work = Work(images, folder, -random_run - 1)
    with line(images.gateway, images.endpoint) as slow:
        slow.seconds_a_block = SECONDS_A_BLOCK
        environment = {**work.environment, "AWS_ENDPOINT_URL": slow.endpoint}
        with images.started("samtools", SCRIPT, environment=environment) as container:
            time.sleep(moment)
            container.reload()
            if container.status == "running":
                DISASTERS[name](container, slow)
            job = ended(container)
    said = f"{name} after {moment:.2f} s, {'again' if again else 'first'}: {job.log}"
    if job.exit_code == 0:
        assert work.check(), said
    elif not again:
        assert not work.check() or job.exit_code == 137, said
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
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, container.logs().decode()
        time.sleep(0.01)
