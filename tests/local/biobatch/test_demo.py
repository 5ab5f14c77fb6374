"""The demo, with an arbitrary seed."""

import pytest

from local import demo
from local.record import Record


def test_the_demo_finds_the_simulated_variants(local_stack: Record, capfd: pytest.CaptureFixture[str]) -> None:
    assert demo.run(7) == 0
    said = capfd.readouterr().out
    assert "substitutions: precision" in said
    assert "s3://" in said
