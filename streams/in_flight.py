"""Batches that are judged and not yet acknowledged, in the order of their offsets.

Faust commits wrongly when acknowledgements come out of order: its `Consumer._new_offset` (0.15.3)
takes the first acknowledged offset as the beginning even where the one before it is still open. So a
batch is acknowledged only after all batches before it on its partition, and never after its partition
was taken away.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable


class Ticket:
    """One batch on its way. Opaque: `InFlight` gives it out and takes it back."""

    __slots__ = ("acknowledge", "confirmed", "partition")

    def __init__(self, partition: int, acknowledge: Callable[[], object]) -> None:
        self.partition = partition
        self.acknowledge = acknowledge
        self.confirmed = False


class InFlight:
    """The batches in flight of one worker. Not thread-safe: belongs to the event loop."""

    def __init__(self, limit: int) -> None:
        """`limit`: how many batches may be unacknowledged before `room` waits."""
        self._limit = limit
        self._queues: dict[int, deque[Ticket]] = {}
        self._count = 0
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return self._count

    async def room(self) -> None:
        """Wait until another batch may begin: bounded by deliveries, which stop the worker if they fail."""
        while self._count >= self._limit:
            await self._change()

    def begin(self, partition: int, acknowledge: Callable[[], object]) -> Ticket:
        """Take a batch in, in the order of offsets. `acknowledge` is called when its turn comes."""
        ticket = Ticket(partition, acknowledge)
        self._queues.setdefault(partition, deque()).append(ticket)
        self._count += 1
        return ticket

    def confirm(self, ticket: Ticket) -> None:
        """All that came of this batch is stored: acknowledge it as soon as its turn comes."""
        ticket.confirmed = True
        queue = self._queues.get(ticket.partition)
        while queue and queue[0].confirmed:
            queue.popleft().acknowledge()
            self._count -= 1
        self._changed.set()

    def forget(self, partitions: Iterable[int]) -> int:
        """Partitions were taken away: their batches will be read again, by whoever has them now.

        Returns how many batches that were.
        """
        forgotten = 0
        for partition in partitions:
            forgotten += len(self._queues.pop(partition, ()))
        self._count -= forgotten
        self._changed.set()
        return forgotten

    async def drained(self, timeout_s: float) -> bool:
        """Wait until nothing is in flight; False if that took longer than `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                while self._count:
                    await self._change()
        except TimeoutError:
            return False
        return True

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
