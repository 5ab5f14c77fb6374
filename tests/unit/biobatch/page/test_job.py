"""The job that makes the page: its archive, and its command as the image's Python runs it."""

import dataclasses
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from moto.server import ThreadedMotoServer

from biobatch.aws import Aws
from biobatch.job import Job, faults
from biobatch.page import archive, job
from biobatch.uris import parse_folder
from tests.unit.biobatch.page import stored

FOLDER = parse_folder("s3://b/out")


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def test_the_archive_is_small_the_same_each_time_and_pure_python() -> None:
    made = archive.build()
    assert made == archive.build()
    assert len(made) < 2_000_000
    with zipfile.ZipFile(io.BytesIO(made)) as opened:
        names = opened.namelist()
    assert {"biobatch/page/page.html.jinja", "biobatch/page/prices.json", "botocore/cacert.pem", "six.py"} <= set(names)
    assert [name for name in names if name.endswith((".so", ".pyd", ".pyc"))] == []


def test_the_job_can_be_submitted() -> None:
    made = job.make(
        run="r",
        bucket="b",
        region="eu-central-1",
        output_prefix=FOLDER,
        after=(),
    )
    assert faults(made) == []
    assert (made.tool, made.required) == ("bcftools", False)
    assert str(made.manifest) == "s3://b/out/report/manifest.json"


def test_it_waits_for_the_jobs_that_no_other_waits_for() -> None:
    def one(*after: Job) -> Job:
        return dataclasses.replace(job.make(run="r", bucket="b", region="r", output_prefix=FOLDER, after=after))

    index = one()
    fastqc, align = one(), one(index)
    call = one(align)
    assert job.ends([index, fastqc, align, call]) == (fastqc, call)


def test_its_command_makes_the_page_with_nothing_installed(
    clients: Aws, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session: Any = botocore.session.Session()
    s3 = session.create_client(
        "s3", region_name="us-east-1", endpoint_url=address, aws_access_key_id="a", aws_secret_access_key="b"
    )
    s3.create_bucket(Bucket="data")
    run = stored.store(dataclasses.replace(clients, s3=s3))
    uri = job.stage(s3, "data", run.run)
    made = job.make(run=run.run, bucket="data", region="us-east-1", output_prefix=parse_folder(stored.PREFIX), after=())
    assert made.inputs == (uri,)
    work, tmp, programs = tmp_path / "work", tmp_path / "tmp", tmp_path / "bin"
    for folder in (work, tmp, programs):
        folder.mkdir()
    (work / "page.zip").write_bytes(s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read())
    # An interpreter that does not see the packages of the virtual environment.
    (programs / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    (programs / "python3").chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", made.command[0]],
        cwd=work,
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            "TMPDIR": str(tmp),
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            **made.environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "10 jobs, 3 samples\n"
    for output in made.outputs:
        assert (work / output).stat().st_size > 0
    values = json.loads((work / "report/report.json").read_text())
    assert values["samples"][0]["snps"] == 474


def test_an_image_without_python_is_named_with_the_command_that_updates_it(tmp_path: Path) -> None:
    made = job.make(run="r", bucket="b", region="r", output_prefix=FOLDER, after=())
    done = subprocess.run(
        ["/bin/bash", "-c", made.command[0]],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        1,
        "the images are older than this client. Update the stack: pulumi up\n",
    )
