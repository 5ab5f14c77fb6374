"""Job definitions for the containers of a pipeline that an administrator has approved."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biobatch.engines import images
from biobatch.engines.nextflow import comment, quoted
from biobatch.refusal import Faults, Refused
from biobatch.stack_outputs import StackOutputs
from biobatch.words import few

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient

#: Where a container's files go. Batch gives a volume the owner and mode of the folder in the image, and every user may write to /tmp.
_SCRATCH = "/tmp"

#: The folder of a machine with `aws`, which the tasks of an engine need.
_AWS_FOLDER = "/opt/biobatch"

#: What a definition has in common with the stack's own definitions for engines.
_COPIED = (
    "jobRoleArn",
    "executionRoleArn",
    "user",
    "privileged",
    "readonlyRootFilesystem",
    "linuxParameters",
    "logConfiguration",
)

#: How a definition for an engine names an existing definition.
PREFIX = "job-definition://"

#: Registries that are asked at a time.
_AT_A_TIME = 8


@dataclass(frozen=True)
class Process:
    """A process of a pipeline, and the container that it runs in."""

    name: str
    container: str


@dataclass(frozen=True, kw_only=True)
class Approved:
    """A job definition of an approved image."""

    name: str
    image: str
    """Its name by digest."""
    request: Mapping[str, Any]
    """The request that registers it."""
    arn: str = ""
    """ARN of a revision that is equal. Empty if there is none yet."""


def read_processes(text: str, source: str) -> list[Process]:
    """Reads what `nextflow inspect` printed.

    Args:
        text: JSON.
        source: where it comes from, for messages.

    Raises:
        Refused: with everything that is wrong with it.
    """
    remedy = f"Write it: nextflow inspect PIPELINE -profile docker -format json > {source}"
    try:
        values = json.loads(text)
    except ValueError:
        raise Refused(f"{source} is not JSON. {remedy}") from None
    listed = values.get("processes") if isinstance(values, dict) else None
    if not isinstance(listed, list) or not all(isinstance(each, dict) and each.get("name") for each in listed):
        raise Refused(f"{source} has no list of processes. {remedy}")
    if not listed:
        raise Refused(f"{source} has an empty list of processes. {remedy}")
    faults = Faults()
    for each in listed:
        if not each.get("container"):
            faults.add(
                [
                    f"{each['name']}: the process has no container, and Batch runs nothing else. Add one: withName: "
                    f"{quoted(str(each['name']))} {{ container = 'IMAGE' }}"
                ]
            )
    faults.refuse()
    return [Process(str(each["name"]), str(each["container"])) for each in listed]


def read_file(file: str) -> str:
    """The text of a file.

    Raises:
        Refused: if it cannot be read.
    """
    try:
        return Path(file).read_text("utf-8")
    except OSError as error:
        raise Refused(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Refused(f"{file} is not text") from None


def prepare(
    processes: Sequence[Process],
    stack: StackOutputs,
    batch: BatchClient,
    registries: images.Registries,
    memory_mib: int,
) -> dict[str, Approved]:
    """The definitions of a pipeline's containers. It registers none.

    Args:
        processes: the pipeline's processes.
        stack: the stack's outputs.
        batch: the client.
        registries: the registries of the images.
        memory_mib: memory in MiB of a task whose process asks for none.

    Returns:
        The definitions by the name of the image in the pipeline. Processes with a job definition already have none.

    Raises:
        Refused: with the faults of all images.
    """
    wanted = sorted({each.container for each in processes if not each.container.startswith(PREFIX)})
    faults = Faults()

    def by_digest(container: str) -> tuple[str, str]:
        """The image's name by digest, or a fault."""
        try:
            image = images.parse(container)
            return image.at(registries.digest(image), stack.image_cache), ""
        except Refused as refused:
            return "", str(refused)

    found: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=_AT_A_TIME) as pool:
        for container, (image, fault) in zip(wanted, pool.map(by_digest, wanted), strict=True):
            found[container] = image
            if fault:
                users = few([each.name for each in processes if each.container == container])
                faults.add([f"{container} ({users}): {fault}"])
    faults.refuse()
    template = _template(stack, batch)
    # Two names of one image share a definition, whose name has the digest.
    digests = {container: image.rpartition("@")[2] for container, image in found.items()}
    images_by_digest = {digests[container]: image for container, image in found.items()}
    approved = {
        digest: _approved(stack, batch, template, image, memory_mib) for digest, image in images_by_digest.items()
    }
    return {container: approved[digest] for container, digest in digests.items()}


def register(batch: BatchClient, approved: Approved) -> str:
    """Registers a definition, and returns its ARN."""
    return batch.register_job_definition(**approved.request)["jobDefinitionArn"]


def config(processes: Sequence[Process], arns: Mapping[str, str], source: str) -> str:
    """The text of a nextflow.config that runs the processes with these definitions.

    Args:
        processes: the pipeline's processes.
        arns: ARNs of the definitions, by the name of the image in the pipeline.
        source: the file with the processes, for the comment.
    """
    lines = [
        f"// Approved containers. Written by: biobatch engines approve {comment(source)}",
        "// Use it with Nextflow 25.10 or newer. Older versions cannot run containers as a user without privileges.",
        "//   biobatch engines nextflow > biobatch.config",
        "//   nextflow run PIPELINE -c biobatch.config -c approved.config",
        "process {",
    ]
    for each in processes:
        if each.container in arns:
            lines += [
                f"    // {comment(each.container)}",
                f"    withName: {quoted(each.name)} {{ container = {quoted(PREFIX + arns[each.container])} }}",
            ]
    return "\n".join([*lines, "}", ""])


def _template(stack: StackOutputs, batch: BatchClient) -> Any:
    """The stack's own definition for engines with the longest time limit, which an approved process may need."""
    stack.require_engine_definitions()
    arns = list(stack.engine_job_definition_arns.values())
    found = batch.describe_job_definitions(jobDefinitions=arns)["jobDefinitions"]
    if not found:
        raise Refused(
            "the stack's job definitions for engines do not exist. Deploy the stack again (pulumi up), and write its outputs again if you use "
            "--outputs"
        )
    return max(
        found, key=lambda each: (each.get("timeout", {}).get("attemptDurationSeconds", 0), each["jobDefinitionArn"])
    )


def _approved(stack: StackOutputs, batch: BatchClient, template: Any, image: str, memory_mib: int) -> Approved:
    name = f"{stack.bucket}-approved-{image.rpartition(':')[2][:12]}"
    properties = template["containerProperties"]
    container = {
        **{key: properties[key] for key in _COPIED if key in properties},
        "image": image,
        "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": str(memory_mib)}],
        "volumes": [{"name": "scratch"}, {"name": "aws", "host": {"sourcePath": _AWS_FOLDER}}],
        "mountPoints": [
            {"sourceVolume": "scratch", "containerPath": _SCRATCH, "readOnly": False},
            {"sourceVolume": "aws", "containerPath": _AWS_FOLDER, "readOnly": True},
        ],
        # Nothing else is writable. The image's own PATH stays.
        "environment": [
            {"name": "AWS_DEFAULT_REGION", "value": stack.region},
            {"name": "AWS_REGION", "value": stack.region},
            {"name": "HOME", "value": _SCRATCH},
            {"name": "TMPDIR", "value": _SCRATCH},
        ],
    }
    shared = {
        key: template[key]
        for key in ("retryStrategy", "timeout", "propagateTags", "schedulingPriority")
        if key in template
    }
    request = {
        "jobDefinitionName": name,
        "type": "container",
        "platformCapabilities": ["EC2"],
        "containerProperties": container,
        **shared,
    }
    pages = batch.get_paginator("describe_job_definitions").paginate(jobDefinitionName=name, status="ACTIVE")
    revisions = [each for page in pages for each in page["jobDefinitions"]]
    latest: Any = max(revisions, key=lambda each: each["revision"], default=None)
    equal = latest is not None and all(_plain(latest.get(key)) == _plain(value) for key, value in request.items())
    # Tags by which the stack's costs are found. AWS adds tags of its own, which nobody else may set.
    tags = {key: value for key, value in template.get("tags", {}).items() if not key.startswith("aws:")}
    return Approved(
        name=name,
        image=image,
        request={**request, **({"tags": tags} if tags else {})},
        arn=latest["jobDefinitionArn"] if equal else "",
    )


def _plain(value: Any, name: str = "") -> Any:
    """A value of a definition without what Batch adds when it describes it: empty values, another order, and other cases of actions."""
    if isinstance(value, Mapping):
        plain = {key: _plain(each, key) for key, each in value.items()}
        return {key: each for key, each in plain.items() if each not in (None, "", False, [], {})}
    if isinstance(value, list):
        items = [_plain(each) for each in value]
        # The first rule that matches decides.
        return items if name == "evaluateOnExit" else sorted(items, key=lambda each: json.dumps(each, sort_keys=True))
    return value.lower() if name == "action" else value
