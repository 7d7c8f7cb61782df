"""The sink's member of the consumer group, by itself: partitions that come and go while it is paused."""

from __future__ import annotations

import asyncio

import pytest

from dashboards.source import Source
from tests.fixtures.sinks import WITHIN_S, Desk


@pytest.fixture
def desk(kafka_broker: str) -> Desk:
    return Desk(kafka_broker, "http://127.0.0.1:9")


async def read_all(source: Source, number: int) -> int:
    """Reads until `number` records came."""
    found = 0
    async with asyncio.timeout(WITHIN_S):
        while found < number:
            received = await source.read(100, 1 << 20, 0.1)
            source.finished(received)
            found += len(received)
    return found


def test_partition_that_left_while_reading_was_paused_is_read_when_it_is_back(desk: Desk) -> None:
    """librdkafka keeps a partition paused while it belongs to somebody else."""
    topic = desk.topics.verdicts

    async def run() -> int:
        mine = Source(desk.kafka, "pausing", drain_s=1.0)
        other = Source(desk.kafka, "pausing", drain_s=1.0)
        try:
            await mine.subscribe([topic.name])
            while not mine.assigned.is_set():
                await mine.read(1, 1, 0.1)
            await mine.pause()
            await other.subscribe([topic.name])
            async with asyncio.timeout(WITHIN_S):
                while not other.assigned.is_set():
                    await asyncio.gather(mine.read(1, 1, 0.1), other.read(1, 1, 0.1))
            await mine.resume()
            await other.close()
            desk.publish(*(desk.record(sequence) for sequence in range(100)))
            return await read_all(mine, 100)
        finally:
            await mine.close()

    assert asyncio.run(run()) == 100
