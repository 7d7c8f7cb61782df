"""How far a partition is done, when its records are finished out of order. Pure.

Requests are in flight side by side, so record 7 may be acknowledged before record 5. What may be
committed is the offset before which everything is done.
"""

from collections import deque


class PartitionProgress:
    """Records of one partition from their receipt to their end; one object an assignment.

    An acknowledgement that arrives after the partition went to another consumer lands in the old
    object, and so does no harm.
    """

    def __init__(self, topic: str, partition: int, suspect_until: int = 0) -> None:
        """`suspect_until`: records before this offset may have been stored by an earlier owner."""
        self.topic = topic
        self.partition = partition
        self.suspect_until = suspect_until
        self._outstanding: deque[int] = deque()
        self._done: set[int] = set()
        self._next: int | None = None
        self._committed: int | None = None

    def received(self, offset: int) -> None:
        """A record arrived. Offsets grow; gaps (transaction markers, say) are no records."""
        if self._next is None:
            self._committed = offset  # what the group's position is already
        self._outstanding.append(offset)
        self._next = offset + 1

    def finished(self, offset: int) -> None:
        """A record is where it belongs: stored, found stored, or among the dead letters."""
        self._done.add(offset)
        while self._outstanding and self._outstanding[0] in self._done:
            self._done.remove(self._outstanding.popleft())

    @property
    def outstanding(self) -> int:
        """Records received and not finished."""
        return len(self._outstanding) - len(self._done)

    @property
    def position(self) -> int | None:
        """The offset before which everything is done; None before the first record."""
        return self._outstanding[0] if self._outstanding else self._next

    def to_commit(self) -> int | None:
        """`position` if it moved since `committed`, else None."""
        position = self.position
        return None if position == self._committed else position

    def committed(self, position: int | None) -> None:
        """The broker was told this position; None if it turned out that it does not have it."""
        self._committed = position
