"""Faust's Kafka transport with a shorter wait in the broker.

aiokafka has one fetch in flight for each broker. When a partition's fetched records have not been taken
for a tenth of a second it asks for the other partitions alone, and if those are quiet, the broker holds
the answer back for `fetch_max_wait_ms`; nothing more of the busy partition is asked for before that.
Faust fixes the wait at 1,500 ms and has no setting for it: one busy workload beside quiet ones was judged
in bursts with pauses of more than a second between them.
"""

from typing import Any

from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.drivers.aiokafka import Consumer as FaustConsumer
from faust.transport.drivers.aiokafka import Transport as FaustTransport

FETCH_WAIT_MS = 20
"""Bounds such a pause. A quiet worker asks fifty times a second, which costs it about nothing."""


class ConsumerThread(AIOKafkaConsumerThread):
    """The thread that owns the aiokafka consumer."""

    def _create_worker_consumer(self, *args: Any, **kwargs: Any) -> Any:
        consumer = super()._create_worker_consumer(*args, **kwargs)
        # There is no other way in. `start` reads it when it makes the consumer's fetcher; the read here
        # fails where a release of aiokafka has it under another name.
        consumer._fetch_max_wait_ms = min(FETCH_WAIT_MS, consumer._fetch_max_wait_ms)  # noqa: SLF001  # as above
        return consumer


class Consumer(FaustConsumer):
    """Faust's consumer with that thread."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)


class Transport(FaustTransport):
    """Faust's transport with that consumer."""

    Consumer = Consumer
