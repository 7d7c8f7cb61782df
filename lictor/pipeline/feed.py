"""What comes out of the pipeline, handed to an asyncio program as it happens."""

import asyncio
import threading
from types import TracebackType
from typing import Self

import structlog
from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from wire.codec import RecordError, read_outcome, read_verdict
from wire.kafka import ClientConfig, Kafka, is_transient, take
from wire.records import Outcome, VerdictRecord
from wire.topic_admin import partition_counts
from wire.topics import Topics

log = structlog.get_logger(__name__)

_BOUND = 10_000
_ASSIGN_S = 15.0


class Feed:
    """Verdicts and outcomes from now on. A reader that falls behind loses the oldest, counted in `lost`.

    It is a view for people: what counts is kept by the topics and Elasticsearch.
    """

    def __init__(self, kafka: Kafka, topics: Topics) -> None:
        """Nothing is read before the context is entered."""
        self._kafka = kafka
        self._topics = topics
        self._queue: asyncio.Queue[VerdictRecord | Outcome | Exception] = asyncio.Queue(_BOUND)
        self._stop = threading.Event()
        self._positioned = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: BaseException | None = None
        self.lost = 0

    async def __aenter__(self) -> Self:
        """Return once everything that is written from now on will be seen."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        if not await asyncio.to_thread(self._positioned.wait, _ASSIGN_S):
            raise TimeoutError(f"the topics at {self._kafka.bootstrap} gave no position in {_ASSIGN_S:g} s")
        if self._failure is not None:
            raise self._failure
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the reader."""
        self._stop.set()
        await asyncio.to_thread(self._thread.join, 10.0)

    async def next(self) -> VerdictRecord | Outcome:
        """Wait for the next one. Raises what the reader ended by, when it did."""
        record = await self._queue.get()
        if isinstance(record, Exception):
            raise record
        return record

    def _run(self) -> None:
        try:
            overrides: ClientConfig = {"fetch.wait.max.ms": 50, "enable.partition.eof": True}
            consumer = self._kafka.consumer("lictor-feed", **overrides)
            try:
                self._follow(consumer)
            finally:
                consumer.close()
        except Exception as error:
            log.exception("the feed ended")
            self._failure = error
            assert self._loop is not None  # noqa: S101  # set before the thread starts
            self._loop.call_soon_threadsafe(self._put, error)
        finally:
            self._positioned.set()

    def _follow(self, consumer: Consumer) -> None:
        names = (self._topics.verdicts.name, self._topics.outcomes.name)
        counts = partition_counts(self._kafka, consumer)
        wanted = {(name, number) for name in names for number in range(counts[name])}
        consumer.assign([TopicPartition(name, number, OFFSET_END) for name, number in wanted])
        while not self._stop.is_set():
            for message in take(consumer, 0.05):
                error = message.error()
                if error is None:
                    self._take(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    wanted.discard((message.topic() or "", message.partition() or 0))
                    if not wanted:
                        self._positioned.set()
                elif not is_transient(error):
                    raise KafkaException(error)

    def _take(self, message: Message) -> None:
        read = read_verdict if message.topic() == self._topics.verdicts.name else read_outcome
        try:
            record = read(message.value())
        except RecordError as error:
            log.warning("record not shown", topic=message.topic(), reason=error.code)
            return
        assert self._loop is not None  # noqa: S101  # set before the thread starts
        self._loop.call_soon_threadsafe(self._put, record)

    def _put(self, record: VerdictRecord | Outcome | Exception) -> None:
        if self._queue.full():
            self._queue.get_nowait()
            self.lost += 1
        self._queue.put_nowait(record)
