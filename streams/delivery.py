"""Records out, and word back when all replicas have them: a batch at a time, many batches at once."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, Message, Producer

from streams.outgoing import Outgoing

_POLL_S = 0.1
_FULL_WAIT_S = 0.01


class DeliveryError(Exception):
    """A record will never be delivered: whoever sent it must not acknowledge what it came from."""


class _Parcel:
    """Records that are confirmed together. Counted down by the polling thread alone."""

    __slots__ = ("_delivery", "_left", "done")

    def __init__(self, delivery: "Delivery", size: int, done: Callable[[], None]) -> None:
        self._delivery = delivery
        self._left = size
        self.done = done

    def on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._delivery.lose(error, message)
            return
        self._left -= 1
        if self._left == 0:
            self._delivery.arrive(self)


class Delivery:
    """A producer for an event loop.

    librdkafka's reports come in a thread of ours; they reach the loop once per poll, not once per
    record. Memory is bounded by the producer's own queue: when it is full, `send` waits.
    """

    def __init__(self, producer: Producer, on_failure: Callable[[DeliveryError], None]) -> None:
        """`on_failure` is called in the event loop, once for each record that will never arrive."""
        self._producer = producer
        self._on_failure = on_failure
        self._arrived: deque[_Parcel] = deque()
        self._lost: deque[DeliveryError] = deque()
        self._stop = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._poll, name="delivery", daemon=True)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to report deliveries into `loop`."""
        self._loop = loop
        self._thread.start()

    async def send(self, records: Sequence[Outgoing], done: Callable[[], None]) -> None:
        """Produce all of `records` in order; `done` is called in the loop when all are stored.

        Returns as soon as they are queued. While brokers are away that is until the queue is full,
        and then it waits for as long as they are.

        Raises:
            confluent_kafka.KafkaException: the producer itself has failed.
        """
        parcel = _Parcel(self, len(records), done)
        produce = self._producer.produce
        for record in records:
            while True:
                try:
                    produce(record.topic, record.value, record.key, on_delivery=parcel.on_delivery)
                except BufferError:
                    await asyncio.sleep(_FULL_WAIT_S)
                else:
                    break

    async def stop(self) -> None:
        """End the thread. What is still queued is dropped: nobody will be told that it arrived."""
        self._stop.set()
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join, 10)

    def arrive(self, parcel: _Parcel) -> None:
        """In the polling thread: all records of a parcel are stored."""
        self._arrived.append(parcel)

    def lose(self, error: KafkaError, message: Message) -> None:
        """In the polling thread: a record will never be stored."""
        self._lost.append(DeliveryError(f"a record for {message.topic()} was not delivered: {error.str()}"))

    def _poll(self) -> None:
        while not self._stop.is_set():
            self._producer.poll(_POLL_S)
            if (self._arrived or self._lost) and self._loop is not None:
                try:
                    self._loop.call_soon_threadsafe(self._report)
                except RuntimeError:
                    return  # the loop is closed: the process is ending, and nobody waits for reports

    def _report(self) -> None:
        while self._lost:
            self._on_failure(self._lost.popleft())
        while self._arrived:
            self._arrived.popleft().done()
