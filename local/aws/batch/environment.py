"""A compute environment, and what its instance types offer to jobs."""

from dataclasses import dataclass
from functools import cache

from moto.ec2.models.instance_types import INSTANCE_TYPES

from components.architectures import BATCH_SETS
from local.aws.batch.capacity import Size
from local.aws.batch.forms import Document

#: The role with which Batch manages an environment if the request names none.
SERVICE_ROLE = "AWSServiceRoleForBatch"

#: MiB of an instance that the ECS agent reserves (Batch User Guide, "Reserve system memory"). The memory of the kernel is left out, because
#: it differs between types. On AWS, a job that fits here by less than that waits.
_AGENT_MIB = 32


@dataclass(kw_only=True, eq=False)
class ComputeEnvironment:
    """A compute environment."""

    arn: str
    name: str
    uuid: str
    kind: str
    """MANAGED or UNMANAGED."""
    enabled: bool
    resources: Document
    """`computeResources`. Empty for an UNMANAGED environment."""
    service_role: str
    update_policy: Document
    cluster_arn: str
    status_reason: str = "ComputeEnvironment Healthy"
    is_valid: bool = True
    engine_image: str = ""
    """The image from which its machines have files for engines, as their user data says. Empty if they have none."""

    @property
    def takes_jobs(self) -> bool:
        """Whether Batch places jobs in it."""
        return self.enabled and self.is_valid

    @property
    def is_fargate(self) -> bool:
        """Whether it is a Fargate environment."""
        return "FARGATE" in self.resources.get("type", "")

    def may_grow_to(self, size: Size) -> bool:
        """Whether its maximum allows the vCPUs that a job asks for."""
        most = self.resources.get("maxvCpus")
        return most is None or size.vcpus <= most

    def has_machines_for(self, size: Size) -> bool:
        """Whether one of its instance types is large enough for a job. True if it has no instance types, as with Fargate."""
        entries = self.resources.get("instanceTypes", [])
        return not entries or any(size.fits(machine) for entry in entries for machine in _machines(entry))

    @property
    def architectures(self) -> set[str]:
        """The architectures of its instance types."""
        return {a for entry in self.resources.get("instanceTypes", []) for a in architectures_of(entry)}

    @property
    def cluster(self) -> str:
        """The name of its ECS cluster."""
        return self.cluster_arn.rpartition("/")[2]

    @property
    def is_updatable(self) -> bool:
        """Whether AWS can update its infrastructure in place (Batch User Guide, "Updating compute environments")."""
        strategy = self.resources.get("allocationStrategy", "BEST_FIT")
        return self.service_role.endswith(f"/{SERVICE_ROLE}") and strategy != "BEST_FIT"


def _types(entry: str) -> list[str]:
    """The instance types that an entry of `instanceTypes` stands for."""
    if entry in BATCH_SETS:
        return [name for family in BATCH_SETS[entry] for name in _types(family)]
    return [entry] if entry in INSTANCE_TYPES else [name for name in INSTANCE_TYPES if name.startswith(f"{entry}.")]


@cache
def architectures_of(entry: str) -> frozenset[str]:
    supported = (INSTANCE_TYPES[name]["ProcessorInfo"]["SupportedArchitectures"] for name in _types(entry))
    return frozenset(a for architectures in supported for a in architectures if a != "i386")


@cache
def _machines(entry: str) -> tuple[Size, ...]:
    """The largest job that fits on each instance type."""
    found = (INSTANCE_TYPES[name] for name in _types(entry))
    return tuple(
        Size(vcpus=t["VCpuInfo"]["DefaultVCpus"], memory_mib=t["MemoryInfo"]["SizeInMiB"] - _AGENT_MIB) for t in found
    )
