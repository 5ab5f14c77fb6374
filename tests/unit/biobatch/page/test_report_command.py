"""The command `biobatch report`."""

import dataclasses
import json
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from biobatch.__main__ import main
from biobatch.aws import Aws
from biobatch.page import gather, prices
from tests.unit.biobatch.page import stored


def text(clients: Aws, key: str) -> str:
    return clients.s3.get_object(Bucket="data", Key=key)["Body"].read().decode()


def test_report_writes_the_page_and_prints_a_link_that_a_kms_key_allows(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored.store(clients)
    assert main(["report", "--outputs", str(outputs_file), stored.NAME]) == 0
    said = capsys.readouterr().out
    assert "The page of the run: s3://data/out/report/index.html" in said
    assert "aws s3 cp --recursive 's3://data/out/report/' report" in said
    assert "/out/report/index.html?X-Amz-Algorithm=AWS4-HMAC-SHA256&" in said
    assert f"<h1>Run {stored.NAME}</h1>" in text(clients, "out/report/index.html")


def test_report_prints_json_for_programs_and_takes_other_prices(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    stored.store(clients)
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(json.loads(prices.FILE.read_text()) | {"region": "eu-central-1", "date": "2026-12-24"}))
    assert main(["report", "--outputs", str(outputs_file), stored.NAME, "--json", "--prices", str(file)]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["cost"]["prices"]["region"] == "eu-central-1"
    assert "The page of the run" in said.err
    assert "prices of 2026-12-24 in eu-central-1" in " ".join(text(clients, "out/report/index.html").split())


def test_report_of_an_unknown_run_says_how_to_list_the_runs(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--outputs", str(outputs_file), "20260101-000000-0000"]) == 2
    assert "there is no such run in s3://data/runs/. List the runs: biobatch list" in capsys.readouterr().err


def test_the_log_of_a_refused_input_is_one_line(clients: Aws) -> None:
    class Batch:
        def describe_jobs(self, jobs: list[str]) -> Any:
            container = {"logStreamName": "stream", "exitCode": 1}
            return {"jobs": [{"jobId": "id-align:1", "jobName": "n", "status": "FAILED", "container": container}]}

    class Logs:
        class exceptions:  # noqa: N801
            ResourceNotFoundException = ClientError

        def get_log_events(self, **_: Any) -> Any:
            lines = [
                "[M::mem] 10 reads",
                "reads of a_R1 refused (x.fq): it is not whole",
                "job: failed",
                'job: {"exit_code":1}',
            ]
            return {"events": [{"message": line} for line in lines]}

    asked = dataclasses.replace(clients, batch=cast(Any, Batch()), logs=cast(Any, Logs()))
    found = gather.gather(asked, stored.store(clients), "jobs")
    (failed,) = (job for job in found.jobs if job.state == "failed")
    assert failed.log == ("reads of a_R1 refused (x.fq): it is not whole",)
