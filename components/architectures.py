"""The processor architectures that Biobatch supports, with the name that each tool and AWS service uses for them.

This module imports no SDK.
"""

import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """One processor architecture."""

    name: str
    """The name in EC2, Batch and the config key `architecture`, such as `arm64`."""
    machine: str
    """The name in the kernel and in QEMU, such as `aarch64`."""
    image: str
    """The name in Docker, Debian and Go, such as `arm64`."""
    batch_families: Sequence[str]
    """The instance families of Batch's default set for the architecture."""

    @property
    def platform(self) -> str:
        """The container platform, such as `linux/arm64`."""
        return f"linux/{self.image}"

    @property
    def batch_set(self) -> str:
        """The name of Batch's default set of instance families, such as `default_arm64`."""
        return f"default_{self.name}"

    @property
    def emulator(self) -> str:
        """The name under which the kernel registers the emulator of the architecture, such as `qemu-aarch64`."""
        return f"qemu-{self.machine}"


#: The architectures by their names in the configuration. The families of Batch's default sets are those of the AWS Batch User Guide, "Compute
#: resource parameters".
ARCHITECTURES: Mapping[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        Architecture(name="x86_64", machine="x86_64", image="amd64", batch_families=("m6i", "c6i", "r6i", "c7i")),
        Architecture(name="arm64", machine="aarch64", image="arm64", batch_families=("m6g", "c6g", "r6g", "c7g")),
    )
}

X86_64, ARM64 = ARCHITECTURES.values()

#: The architectures by their container platforms.
PLATFORMS: Mapping[str, Architecture] = {architecture.platform: architecture for architecture in ARCHITECTURES.values()}

#: The sets of instance families that Batch defines and keeps current, with the families that each contains today. `optimal` equals
#: `default_x86_64` since November 2025 (AWS Batch User Guide, "Compute resource parameters").
BATCH_SETS: Mapping[str, Sequence[str]] = {
    "optimal": X86_64.batch_families,
    **{architecture.batch_set: architecture.batch_families for architecture in ARCHITECTURES.values()},
}


def of_this_machine() -> str:
    """The name of this machine's architecture as Docker uses it, such as `amd64`. An unsupported architecture keeps its kernel's name."""
    name = platform.machine().lower()
    return next((a.image for a in ARCHITECTURES.values() if name in (a.machine, a.image)), name)


def instance_architecture(instance_type: str) -> str:
    """The architecture of an instance type, an instance family or one of Batch's sets.

    EC2's names consist of letters, a generation, attributes and a suffix, as in `c7gn.large` and `p6e-gb200`. The attribute `g` stands for
    Graviton, and the suffix `-gb…` for NVIDIA Grace. The first Graviton family is `a1` (EC2 User Guide, "instance type naming conventions").
    """
    if instance_type in ("optimal", X86_64.batch_set):
        return X86_64.name
    family = instance_type.split(".")[0]
    if family in ("a1", ARM64.batch_set):
        return ARM64.name
    name, _, suffix = family.partition("-")
    attributes = re.sub(r"^[a-z]+\d+", "", name)
    return ARM64.name if "g" in attributes or suffix.startswith("gb") else X86_64.name
