"""The machine's vCPUs and memory, and who holds them."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Size:
    """What a job asks for or a machine has."""

    vcpus: float
    memory_mib: int

    def fits(self, room: "Size") -> bool:
        """Whether there is room for it."""
        return self.vcpus <= room.vcpus and self.memory_mib <= room.memory_mib

    def limited(self, most: "Size") -> "Size":
        """The same, but no more than that."""
        return Size(vcpus=min(self.vcpus, most.vcpus), memory_mib=min(self.memory_mib, most.memory_mib))


class Capacity:
    """A machine shared by jobs. One that asks for more than the machine has gets all of it, so it runs alone."""

    def __init__(self, machine: Size) -> None:
        self.machine = machine
        self._held: dict[str, Size] = {}

    @property
    def free(self) -> Size:
        """What nobody holds."""
        return Size(
            vcpus=self.machine.vcpus - sum(held.vcpus for held in self._held.values()),
            memory_mib=self.machine.memory_mib - sum(held.memory_mib for held in self._held.values()),
        )

    def take(self, holder: str, wanted: Size) -> Size | None:
        """Reserves room.

        Args:
            holder: a job's id.
            wanted: what it asks for.

        Returns:
            What it got: what it asked for, the machine's limit where that is less, or None if there is no room now.
        """
        limited = wanted.limited(self.machine)
        if not limited.fits(self.free):
            return None
        self._held[holder] = limited
        return limited

    def give_back(self, holder: str) -> None:
        """Frees what a job held."""
        self._held.pop(holder, None)
