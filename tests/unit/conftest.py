"""What every unit test stands on."""

import gc
from collections.abc import Iterator
from functools import cache

import pytest
from botocore import loaders, session


def pytest_collection_finish() -> None:
    """Keeps what the imports made, the SDKs and moto's data, out of every later search for garbage."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def light_clients_and_clouds() -> Iterator[None]:
    """Reads botocore's description of a service once, not for each session, and spares each empty AWS of moto's its 1,300 machine images."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "create_loader", cache(loaders.create_loader))
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        yield
