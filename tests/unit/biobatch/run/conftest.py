"""The simulated account of the client's tests."""

from tests.unit.biobatch.conftest import clients, outputs_file, stack

__all__ = ["clients", "outputs_file", "stack"]
