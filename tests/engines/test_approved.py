"""Containers that an administrator approved run for users who register nothing."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.machine import docker_engine
from local.stack.base_image import BASE_IMAGE
from tests.engines.conftest import EngineStack, Environment, biobatch, clients_of
from tests.engines.nextflow_tasks import RELEASES, Head, Task


@pytest.fixture(scope="module")
def image(stack: EngineStack) -> Iterator[str]:
    """An image of another registry: plain Debian, root by default, without certificates, in the folder /."""
    name = f"127.0.0.1:{stack.record.registry_port}/lab/plain"
    with docker_engine.client(stack.record.docker_host) as engine:
        engine.images.get(BASE_IMAGE).tag(name, "1.0")
        engine.images.push(name, "1.0")
        engine.images.remove(f"{name}:1.0")
        yield f"{name}:1.0"
        for each in engine.images.list(name):
            for reference in (*each.attrs["RepoTags"], *each.attrs["RepoDigests"]):
                if reference.startswith(name):
                    engine.images.remove(reference, force=True)


def test_a_user_with_the_submit_policy_runs_an_approved_container(
    stack: EngineStack, user: Callable[..., Environment], image: str, work: str, tmp_path: Path
) -> None:
    keys = user(stack.outputs["submit_policy_arn"])
    inspect = tmp_path / "inspect.json"
    inspect.write_text(json.dumps({"processes": [{"name": "LAB:COUNT", "container": image}]}))
    with pytest.raises(AssertionError, match=r"AccessDenied.*RegisterJobDefinition"):
        biobatch(stack, keys, "engines approve", str(inspect))
    # The keys of the local shell are an administrator's.
    config = biobatch(stack, dict(os.environ), "engines approve", str(inspect))
    assert biobatch(stack, dict(os.environ), "engines approve", str(inspect)) == config
    (definition,) = re.findall(r"withName: 'LAB:COUNT' \{ container = 'job-definition://(\S+)' \}", config)
    assert re.search(rf"/{stack.bucket}-approved-[0-9a-f]{{12}}:1$", definition)
    head = Head(clients_of(keys), stack.outputs["queue_arn"], {"LAB:COUNT": definition}, work, release=RELEASES[1])
    head.s3.put_object(Bucket=stack.bucket, Key="work/approved/in.txt", Body=b"one\ntwo\n")
    task = Task(
        "LAB:COUNT (1)",
        "wc -l < in.txt > lines.txt; id -u > user.txt; ! touch /usr/written",
        {"in.txt": f"s3://{stack.bucket}/work/approved/in.txt"},
        ("*.txt",),
    )
    (done,) = head.run(task)
    assert head.read(f"{done.folder}/lines.txt") == b"2\n"
    assert head.read(f"{done.folder}/user.txt") == b"10001\n"
