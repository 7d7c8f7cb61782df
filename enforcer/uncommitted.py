"""Which order offset may be committed: never past one whose outcome is not stored."""


class Uncommitted:
    """Offsets of one partition in the order they were read; each is settled when its outcome is stored."""

    def __init__(self) -> None:
        """Nothing read yet."""
        self._settled: dict[int, bool] = {}
        self._next: int | None = None

    def __len__(self) -> int:
        """How many were read and cannot be committed yet, or have not been asked about since."""
        return len(self._settled)

    def read(self, offset: int) -> None:
        """An order was read. Offsets only grow."""
        self._settled[offset] = False

    def settle(self, offset: int) -> None:
        """All that came of it is stored."""
        self._settled[offset] = True

    def take_committable(self) -> int | None:
        """The offset to continue from after a restart, if it moved since the last call."""
        before = self._next
        for offset in list(self._settled):
            if not self._settled[offset]:
                break
            del self._settled[offset]
            self._next = offset + 1
        return self._next if self._next != before else None
