"""The committed genome is NC_001416.1."""

import gzip
import hashlib

from tests.unit.recording import ROOT


def test_the_lambda_genome_is_complete() -> None:
    header, *lines = gzip.decompress((ROOT / "examples/lambda/NC_001416.1.fa.gz").read_bytes()).decode().splitlines()
    sequence = "".join(lines).upper()
    assert header == ">NC_001416.1"
    assert len(sequence) == 48_502
    assert hashlib.md5(sequence.encode()).hexdigest() == "509bdb356475a21077713babc47a4a35"
