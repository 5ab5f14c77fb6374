"""A client is killed at random moments. Its run goes on or is completed, and nothing is submitted twice."""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from biobatch.__main__ import main
from biobatch.run import record
from biobatch.run.record import Run
from tests.local.biobatch import genome
from tests.local.biobatch.conftest import GENOME, MUTANT, Platform

#: Clients that are killed, the first after the first of these seconds, and each other after a time between them. A client needs about two to
#: submit.
KILLED = 20
FIRST, LAST = 0.1, 4.0

SAMPLES = ("a", "b")


@dataclass
class Killed:
    """What a client left behind."""

    prefix: str
    run: Run | None
    """None if it was killed before it wrote the record."""


@pytest.fixture(scope="module")
def killed(platform: Platform, outputs_file: Path) -> list[Killed]:
    reference = platform.put("killed/reference.fa", genome.fasta(GENOME).encode())
    reads = [
        platform.put(f"killed/{name}.fq", genome.fastq(genome.pairs(MUTANT, 3, seed=number)[0]))
        for number, name in enumerate(SAMPLES)
    ]
    samples = [word for name, uri in zip(SAMPLES, reads, strict=True) for word in ("--sample", f"{name}={uri}")]
    moments = random.Random(24)
    left = []
    for number in range(KILLED):
        before = set(record.names(platform.clients.s3, platform.stack.bucket))
        prefix = f"killed {number}"
        given = ["--outputs", str(outputs_file), "--reference", str(reference), *samples, "--ploidy", "1"]
        client = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "biobatch",
                "call-variants",
                *given,
                "--output-prefix",
                str(platform.folder / prefix),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(moments.uniform(FIRST, LAST) if number else FIRST)
        client.kill()
        client.wait()
        made = set(record.names(platform.clients.s3, platform.stack.bucket)) - before
        recorded = [name for name in made if _is_recorded(platform, name)]
        left.append(
            Killed(prefix, record.read(platform.clients.s3, platform.stack.bucket, recorded[0]) if recorded else None)
        )
    return left


def _is_recorded(platform: Platform, run: str) -> bool:
    place = record.place(platform.stack.bucket, run, "run.json")
    return "run.json" in platform.keys(place.parent)


def state(outputs_file: Path, run: str, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    capsys.readouterr()
    main(["watch", "--outputs", str(outputs_file), "--once", "--json", run])
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_the_clients_were_killed_before_during_and_after_their_submissions(killed: list[Killed]) -> None:
    assert any(each.run is None for each in killed)
    assert sum(each.run is not None for each in killed) >= KILLED // 4


def test_every_recorded_run_is_completed_and_nothing_is_submitted_twice(
    platform: Platform, killed: list[Killed], outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for each in killed:
        if each.run is None:
            assert platform.keys(platform.folder / f"{each.prefix}/") == set()
            continue
        name = each.run.run
        deadline = time.monotonic() + 300
        while (found := state(outputs_file, name, capsys))["parts_not_submitted"] and time.monotonic() < deadline:
            # It is refused for a minute, as the client could still be at work.
            if main(["resume", "--outputs", str(outputs_file), name]) == 2:
                time.sleep(5)
        assert not found["parts_not_submitted"]
        assert main(["watch", "--outputs", str(outputs_file), name]) == 0
        pages = platform.clients.batch.get_paginator("list_jobs").paginate(
            jobQueue=each.run.queue, filters=[{"name": "JOB_NAME", "values": [f"{name}-*"]}]
        )
        submitted = Counter(job["jobName"] for page in pages for job in page["jobSummaryList"])
        assert submitted == {part.name: 1 for part in each.run.parts}
        keys = platform.keys(platform.folder / f"{each.prefix}/")
        assert {f"{sample}/{sample}.vcf.gz" for sample in SAMPLES} <= keys
        assert "report/index.html" in keys
