"""The requirements of the demo: its accuracy, its negative control, its seed."""

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from biobatch import aws
from biobatch.aws import Aws
from biobatch.objects import Object
from biobatch.refusal import Faults
from biobatch.request import parse_request
from biobatch.sizes import Size
from biobatch.variants import Plan
from local import demo
from local.errors import LocalError
from tests.unit.biobatch.conftest import publish


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """Clients of moto, with a bucket."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        made = aws.connect("us-east-1")
        made.s3.create_bucket(Bucket="data")
        yield made


@pytest.mark.parametrize(
    ("precision", "recall", "faults"),
    [(0.99, 0.99, 0), (1.0, 0.9899, 1), (0.9899, 1.0, 1), (0.5, 0.5, 2), (None, 0.0, 2)],
)
def test_precision_and_recall_of_substitutions_must_reach_99_percent(
    precision: float, recall: float, faults: int
) -> None:
    measured: dict[str, Any] = {"substitutions": {"precision": precision, "recall": recall}, "indels": {}}
    assert len(demo._accuracy_faults(measured)) == faults


@pytest.mark.parametrize(
    ("total", "mapped", "called", "words"),
    [
        (4108, 4108, 0, []),
        (4108, 4000, 0, ["108 of 4108 reads do not map"]),
        (4108, 4108, 2, ["2 variants were called where there are none"]),
    ],
)
def test_the_negative_control_requires_all_reads_mapped_and_no_variant(
    total: int, mapped: int, called: int, words: list[str], clients: Aws
) -> None:
    request = parse_request(
        Faults(), reference="s3://data/r", samples=["ecoli=s3://data/x"], output_prefix="s3://data/out"
    )
    known = {uri: Object(uri, 1, "e") for uri in request.objects()}
    sizes = {tool: Size(1, 1900) for tool in ("fastqc", "bwa", "bcftools")}
    plan = Plan(request=request, known=known, definitions=sizes, gzipped=False, indexed=True)
    flagstat = (
        f"{total + 3} + 0 in total (QC-passed reads + QC-failed reads)\n{total} + 0 primary\n3 + 0 supplementary\n"
        f"2 + 0 primary duplicates\n{mapped + 3} + 0 mapped (99% : N/A)\n{mapped} + 0 primary mapped (99% : N/A)\n"
    )
    stats = f"# SN\t[2]id\nSN\t0\tnumber of samples:\t1\nSN\t0\tnumber of records:\t{called}\n"
    publish(clients, "out/ecoli/ecoli.bam.manifest.json", {"out/qc/ecoli.flagstat.txt": flagstat})
    publish(clients, "out/ecoli/ecoli.vcf.gz.manifest.json", {"out/qc/ecoli.bcftools_stats.txt": stats})
    found = demo._control_faults(clients, plan)
    assert [fault.removeprefix("ecoli: ") for fault in found] == words


@pytest.mark.parametrize("seed", [0, -1, 2**31])
def test_a_seed_that_wgsim_would_not_use_as_given_is_refused(seed: int) -> None:
    with pytest.raises(LocalError, match=f"SEED={seed}: 1 to 2147483647"):
        demo.check(seed)
