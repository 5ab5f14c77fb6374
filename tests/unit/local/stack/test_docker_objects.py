"""Images get a stable name when a stack is removed."""

import pytest

from local.stack import docker_objects


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("127.0.0.1:4601/biobatch-bwa-1a2b3c4:0123456789abcdef", "biobatch-bwa"),
        ("127.0.0.1:4601/lab/tool:latest", "lab/tool"),
    ],
)
def test_an_image_is_kept_under_a_name_without_registry_tag_and_random_ending(reference: str, name: str) -> None:
    assert docker_objects._stable_name(reference) == name
