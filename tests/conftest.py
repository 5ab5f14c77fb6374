"""What the tests that need the local stack share. `make test` runs them; plain `pytest` runs none of them."""

from collections.abc import Iterator

import pytest

from local import environment, stack
from local.record import Record


@pytest.fixture(scope="session")
def local_stack() -> Iterator[Record]:
    """The local stack with the program deployed on it; its environment is this process's until the end."""
    try:
        with environment.entered(stack.up()):
            yield stack.current()
    finally:
        stack.down()
