"""The container properties of a job: their checks, the overrides of a submission, and the size that they ask for."""

import json
from typing import Any

from local.aws.batch.capacity import Size
from local.aws.batch.forms import Document, refusal

#: Maximum length of the JSON of overrides (measured: AWS accepts a longer one, and the job fails).
LONGEST_OVERRIDES = 8192
LEAST_MEMORY_MIB = 4

#: Lists that AWS shows as empty if a definition leaves them out.
_LISTS = ("command", "environment", "mountPoints", "resourceRequirements", "secrets", "ulimits", "volumes")


def parse(properties: Document) -> Document:
    """The container properties of a definition, as AWS stores them.

    Raises:
        ClientException: if AWS would refuse them, or the local stack does not support them.
    """
    if not properties.get("image"):
        raise refusal("containerProperties must contain image")
    _check_requirements(properties.get("resourceRequirements", []))
    _check_variables(properties)
    size = size_of(properties)
    if size.vcpus <= 0:
        raise refusal("containerProperties must contain vcpus of at least 1 (resourceRequirements of type VCPU)")
    if size.memory_mib < LEAST_MEMORY_MIB:
        raise refusal(
            f"containerProperties must contain memory of at least {LEAST_MEMORY_MIB} MiB (resourceRequirements of type MEMORY)"
        )
    if properties.get("secrets"):
        raise refusal(
            "The local stack does not support secrets. Read them in the job with an SDK and the role of the job"
        )
    _check_volumes(properties)
    kept = [entry for entry in properties.get("environment", []) if entry.get("value")]
    return {**{name: [] for name in _LISTS}, **properties, "environment": kept}


def _check_requirements(requirements: list[Document]) -> None:
    kinds = [requirement["type"] for requirement in requirements]
    if len(set(kinds)) < len(kinds):
        raise refusal("resourceRequirements must not contain a type twice")
    for requirement in requirements:
        value = requirement["value"]
        if requirement["type"] == "VCPU":
            # Fractions are for Fargate, which the local stack does not support (API ResourceRequirement).
            if not (value.isdecimal() and int(value) > 0):
                raise refusal(f"VCPU must be a whole number of at least 1, not {value!r}")
        elif not value.isdecimal():
            raise refusal(f"{requirement['type']} must be a whole number, not {value!r}")


def _check_variables(properties: Document) -> None:
    for entry in properties.get("environment", []):
        if entry.get("name", "").startswith("AWS_BATCH"):
            raise refusal(f"Environment variables cannot start with AWS_BATCH: {entry['name']}")


def _check_volumes(properties: Document) -> None:
    if any("efsVolumeConfiguration" in volume for volume in properties.get("volumes", [])):
        raise refusal("The local stack does not support EFS")
    volumes = [volume.get("name") for volume in properties.get("volumes", [])]
    if len(set(volumes)) < len(volumes) or None in volumes:
        raise refusal("Every volume needs a unique name")
    paths = []
    for mount in properties.get("mountPoints", []):
        if mount.get("sourceVolume") not in volumes:
            raise refusal(f"Unknown volume '{mount.get('sourceVolume')}' in mountPoints")
        paths.append(mount.get("containerPath", ""))
        if not paths[-1].startswith("/"):
            raise refusal(f"containerPath must be absolute, not {paths[-1]!r}")
    if len(set(paths)) < len(paths):
        raise refusal("mountPoints must not name a containerPath twice")


def overridden(properties: Document, overrides: Document) -> Document:
    """Applies the overrides of a submission to the properties of a definition.

    The command is replaced as a whole, variables by name and requirements by type. The deprecated `vcpus` and `memory` change only a
    definition that uses them instead of `resourceRequirements` (Batch API, ContainerOverrides).

    Raises:
        ClientException: if AWS would refuse the overrides.
    """
    _check_requirements(overrides.get("resourceRequirements", []))
    _check_variables(overrides)
    merged = {**properties, **{key: overrides[key] for key in ("command", "instanceType") if overrides.get(key)}}
    merged["environment"] = _merged("name", properties["environment"], overrides.get("environment", []))
    merged["resourceRequirements"] = _merged(
        "type", properties["resourceRequirements"], overrides.get("resourceRequirements", [])
    )
    for key in ("vcpus", "memory"):
        if key in properties and key in overrides:
            merged[key] = overrides[key]
    if size_of(merged).memory_mib < LEAST_MEMORY_MIB:
        raise refusal(f"memory must be at least {LEAST_MEMORY_MIB} MiB")
    return merged


def _merged(key: str, entries: list[Document], changes: list[Document]) -> list[Document]:
    return list({entry.get(key): entry for entry in [*entries, *changes]}.values())


def are_too_long(overrides: Document) -> bool:
    """Whether the overrides are too long for a job."""
    return len(json.dumps(overrides, separators=(",", ":"), ensure_ascii=False)) > LONGEST_OVERRIDES


def requirement(properties: Document, kind: str) -> Any:
    """A value of `resourceRequirements`, or None."""
    found = (entry["value"] for entry in properties.get("resourceRequirements", []) if entry["type"] == kind)
    return next(found, None)


def size_of(properties: Document) -> Size:
    """The vCPUs and memory that the properties ask for. 0 if they do not say."""
    return Size(
        vcpus=float(requirement(properties, "VCPU") or properties.get("vcpus", 0)),
        memory_mib=int(requirement(properties, "MEMORY") or properties.get("memory", 0)),
    )
