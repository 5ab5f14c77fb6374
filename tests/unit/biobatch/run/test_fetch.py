"""`fetch` downloads the results that the manifests name, verified, and continues where it was interrupted."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from biobatch.refusal import Refused
from biobatch.run import fetch
from biobatch.run.record import Run
from tests.unit.biobatch.run.conftest import Stack


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def publish(stacked: Stack, sample: str, step: str, **files: bytes) -> None:
    """Publishes the files of a job, with dots as `_dot_` in their names, and its manifest."""
    outputs = []
    for name, content in files.items():
        key = f"out/{sample}/{name.replace('_dot_', '.')}"
        etag = stacked.aws.s3.put_object(Bucket="data", Key=key, Body=content)["ETag"].strip('"')
        checksum = hashlib.sha256(content).hexdigest()
        outputs.append({"uri": f"s3://data/{key}", "key": key, "size": len(content), "etag": etag, "sha256": checksum})
    body = json.dumps({"outputs": outputs}).encode()
    stacked.aws.s3.put_object(Bucket="data", Key=f"out/{sample}/{step}.manifest.json", Body=body)


class Count:
    """The bytes that the progress was told of."""

    def __init__(self) -> None:
        self.bytes = 0

    def __call__(self, size: int) -> None:
        self.bytes += size


def fetched(stacked: Stack, run: Run, folder: Path, *only: str) -> dict[str, str]:
    """Fetches, checks the progress, and returns the state of each file by its path."""
    files = fetch.results(stacked.aws, run, only).files
    count = Count()
    done = list(fetch.fetch(stacked.aws, files, folder, count))
    if not any(each.fault for each in done):
        assert count.bytes == sum(file.size for file in files)
    return {each.file.path: each.state if not each.fault else each.fault for each in done}


@pytest.fixture
def run(stacked: Stack) -> Run:
    publish(stacked, "ada", "align", ada_dot_bam=b"a" * 3_000_000)
    publish(stacked, "ada", "call", ada_dot_vcf_dot_gz=b"v" * 100, empty_dot_txt=b"")
    return stacked.run(["ada"])


def test_results_lie_under_their_paths_and_are_not_fetched_again(stacked: Stack, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "results"
    assert fetched(stacked, run, folder) == {
        "ada/ada.bam": "fetched",
        "ada/ada.vcf.gz": "fetched",
        "ada/empty.txt": "fetched",
    }
    assert (folder / "ada/ada.bam").read_bytes() == b"a" * 3_000_000
    assert (folder / "ada/empty.txt").read_bytes() == b""
    assert not list(folder.rglob(f"*{fetch.PARTIAL}"))
    assert set(fetched(stacked, run, folder).values()) == {"present"}


@pytest.mark.parametrize("only", ["*.vcf.gz", "ada/*.vcf.*"])
def test_patterns_match_paths_and_names(stacked: Stack, run: Run, tmp_path: Path, only: str) -> None:
    assert list(fetched(stacked, run, tmp_path, only)) == ["ada/ada.vcf.gz"]


def test_an_interrupted_download_is_continued(
    stacked: Stack, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ada").mkdir()
    (tmp_path / f"ada/ada.bam{fetch.PARTIAL}").write_bytes(b"a" * 2_000_000)
    asked = []
    get_object = stacked.aws.s3.get_object

    def recorded(**request: Any) -> Any:
        asked.append(request.get("Range"))
        return get_object(**request)

    monkeypatch.setattr(stacked.aws.s3, "get_object", recorded)
    assert fetched(stacked, run, tmp_path, "*.bam") == {"ada/ada.bam": "fetched"}
    assert "bytes=2000000-" in asked
    assert (tmp_path / "ada/ada.bam").read_bytes() == b"a" * 3_000_000


def test_a_connection_that_breaks_is_continued_in_the_same_command(
    stacked: Stack, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_object = stacked.aws.s3.get_object
    broken = [1_000_000, 500_000]

    def breaking(**request: Any) -> Any:
        if not request["Key"].endswith(".bam") or not broken:
            return get_object(**request)
        keep = broken.pop(0)

        def chunks(_: int) -> Any:
            yield get_object(**request)["Body"].read()[:keep]
            raise ReadTimeoutError(endpoint_url="https://s3")

        return {"Body": SimpleNamespace(iter_chunks=chunks)}

    monkeypatch.setattr(stacked.aws.s3, "get_object", breaking)
    assert fetched(stacked, run, tmp_path, "*.bam") == {"ada/ada.bam": "fetched"}
    assert (tmp_path / "ada/ada.bam").read_bytes() == b"a" * 3_000_000


@pytest.mark.parametrize("left", [b"b" * 1000, b"b" * 3_000_000, b"b" * 3_000_001])
def test_a_part_of_another_content_is_dropped(stacked: Stack, run: Run, tmp_path: Path, left: bytes) -> None:
    (tmp_path / "ada").mkdir()
    (tmp_path / f"ada/ada.bam{fetch.PARTIAL}").write_bytes(left)
    assert fetched(stacked, run, tmp_path, "*.bam") == {"ada/ada.bam": "fetched"}
    assert (tmp_path / "ada/ada.bam").read_bytes() == b"a" * 3_000_000


def test_a_file_that_differs_from_its_manifest_is_replaced(stacked: Stack, run: Run, tmp_path: Path) -> None:
    fetched(stacked, run, tmp_path)
    (tmp_path / "ada/ada.vcf.gz").write_bytes(b"x" * 100)
    assert fetched(stacked, run, tmp_path)["ada/ada.vcf.gz"] == "fetched"
    assert (tmp_path / "ada/ada.vcf.gz").read_bytes() == b"v" * 100


@pytest.mark.parametrize("deleted", [True, False])
def test_an_object_that_changed_after_its_job_is_not_a_result(
    stacked: Stack, run: Run, tmp_path: Path, deleted: bool
) -> None:
    if deleted:
        stacked.aws.s3.delete_object(Bucket="data", Key="out/ada/ada.vcf.gz")
    else:
        stacked.aws.s3.put_object(Bucket="data", Key="out/ada/ada.vcf.gz", Body=b"w" * 100)
    fault = fetched(stacked, run, tmp_path, "*.vcf.gz")["ada/ada.vcf.gz"]
    assert f"the object was {'deleted' if deleted else 'overwritten'} after its job" in fault
    assert not (tmp_path / "ada/ada.vcf.gz").exists()


def test_content_that_does_not_have_its_checksum_is_not_kept(stacked: Stack, tmp_path: Path) -> None:
    run = stacked.run(["ada"], ("align",))
    publish(stacked, "ada", "align", a=b"abc")
    key = "out/ada/align.manifest.json"
    manifest = json.loads(stacked.aws.s3.get_object(Bucket="data", Key=key)["Body"].read())
    manifest["outputs"][0]["sha256"] = "0" * 64
    stacked.aws.s3.put_object(Bucket="data", Key=key, Body=json.dumps(manifest).encode())
    assert "does not have the SHA-256 of its manifest" in fetched(stacked, run, tmp_path)["ada/a"]
    assert not list((tmp_path / "ada").iterdir())


def test_what_is_missing_is_named_with_the_reason(stacked: Stack) -> None:
    publish(stacked, "ada", "align", a=b"a")
    run = stacked.run(["ada", "bob", "cy"])
    stacked.batch.set(stacked.id("align"), "FAILED", index=1, container={"exitCode": 65})
    stacked.batch.jobs[stacked.id("call")][1] = {"status": "FAILED", "statusReason": "Dependent Job failed"}
    stacked.batch.set(stacked.id("align"), "RUNNING", index=2)
    stacked.batch.set(stacked.id("call"), "SUCCEEDED", index=0)
    results = fetch.results(stacked.aws, run, [])
    assert {each.job: each.why for each in results.missing} == {
        "bob align": "its job failed with exit code 65",
        "cy align": "its job is running",
        "ada call": "its job succeeded, and its manifest was deleted since or is being replaced",
        "bob call": "its job was not run, because a job before it failed",
        "cy call": "its job is queued",
    }


def test_files_that_the_disk_has_no_room_for_are_refused(
    stacked: Stack, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = fetch.results(stacked.aws, run, []).files
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=3_000_099))
    with pytest.raises(Refused, match=r"the files need 2\.9 MiB, and the disk has 2\.9 MiB free.*--only GLOB"):
        fetch.check_space(files, tmp_path / "new")
    (tmp_path / "ada").mkdir()
    (tmp_path / f"ada/ada.bam{fetch.PARTIAL}").write_bytes(b"a")
    fetch.check_space(files, tmp_path)


@pytest.mark.parametrize("key", ["other/a", "out/../../a", "out//etc/passwd"])
def test_a_manifest_cannot_write_outside_of_the_folder(stacked: Stack, key: str) -> None:
    run = stacked.run(["ada"], ("align",))
    body = json.dumps({"outputs": [{"key": key, "size": 1, "sha256": "0"}]}).encode()
    stacked.aws.s3.put_object(Bucket="data", Key="out/ada/align.manifest.json", Body=body)
    with pytest.raises(Refused, match="names a file outside of s3://data/out/"):
        fetch.results(stacked.aws, run, [])


def test_ctrl_c_ends_the_downloads_and_the_next_command_continues_them(
    stacked: Stack, run: Run, tmp_path: Path
) -> None:
    files = fetch.results(stacked.aws, run, ["*.bam"]).files

    def pressed(size: int) -> None:
        if size:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(fetch.fetch(stacked.aws, files, tmp_path, pressed))
    assert 0 < (tmp_path / f"ada/ada.bam{fetch.PARTIAL}").stat().st_size < 3_000_000
    assert fetched(stacked, run, tmp_path, "*.bam") == {"ada/ada.bam": "fetched"}


def test_a_command_that_ends_does_not_wait_for_the_rest_of_a_large_file(
    stacked: Stack, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ends = threading.Event(), threading.Event()
    shutdown = ThreadPoolExecutor.shutdown

    def shut_down(pool: ThreadPoolExecutor, **options: Any) -> None:
        ends.set()
        shutdown(pool, **options)

    def progress(size: int) -> None:
        if size > 1000:
            # A chunk of the large file arrives, and the next one only when the command ends.
            begun.set()
            ends.wait(30)

    files = sorted(fetch.results(stacked.aws, run, []).files, key=lambda file: file.size)
    downloads = fetch.fetch(stacked.aws, files, tmp_path, progress)
    next(downloads)
    assert begun.wait(30)
    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", shut_down)
    downloads.close()  # type: ignore[attr-defined]
    assert not (tmp_path / "ada/ada.bam").exists()
    assert (tmp_path / f"ada/ada.bam{fetch.PARTIAL}").exists()
