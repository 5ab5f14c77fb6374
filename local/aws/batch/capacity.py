"""The vCPUs and memory of the machine, and which jobs use them."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Size:
    """vCPUs and memory, of a job or a machine."""

    vcpus: float
    memory_mib: int

    def fits(self, room: "Size") -> bool:
        """Whether it fits into this room."""
        return self.vcpus <= room.vcpus and self.memory_mib <= room.memory_mib

    def limited(self, most: "Size") -> "Size":
        """The same size, but at most `most`."""
        return Size(vcpus=min(self.vcpus, most.vcpus), memory_mib=min(self.memory_mib, most.memory_mib))


class Capacity:
    """A machine shared by jobs. A job that asks for more than the machine has gets all of it and runs alone."""

    def __init__(self, machine: Size) -> None:
        self.machine = machine
        self._held: dict[str, Size] = {}

    @property
    def free(self) -> Size:
        """What no job uses."""
        return Size(
            vcpus=self.machine.vcpus - sum(held.vcpus for held in self._held.values()),
            memory_mib=self.machine.memory_mib - sum(held.memory_mib for held in self._held.values()),
        )

    def take(self, holder: str, wanted: Size) -> Size | None:
        """Reserves vCPUs and memory.

        Args:
            holder: the id of the job.
            wanted: what the job asks for.

        Returns:
            What the job gets: what it asks for, at most all of the machine, or None if there is no room now.
        """
        limited = wanted.limited(self.machine)
        if not limited.fits(self.free):
            return None
        self._held[holder] = limited
        return limited

    def give_back(self, holder: str) -> None:
        """Releases what a job used."""
        self._held.pop(holder, None)
