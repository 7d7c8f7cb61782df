"""The producer in an event loop, against a port where nobody answers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from streams.delivery import Delivery, DeliveryError
from streams.outgoing import Outgoing
from wire.kafka import Kafka

RECORD = Outgoing(kind="verdict", topic="verdicts", key=b"k", value=b"x" * 600)
SILENT = {"log_level": 0}


@pytest.fixture
def nowhere() -> Iterator[Kafka]:
    # Bound and never listening: connections are refused, and nobody else gets the port meanwhile.
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield Kafka(bootstrap=f"127.0.0.1:{held.getsockname()[1]}", client_id="test")


def test_a_record_that_never_arrives_is_reported_and_its_batch_never_done(nowhere: Kafka) -> None:
    async def scenario() -> None:
        failures: list[DeliveryError] = []
        failed = asyncio.Event()

        def on_failure(error: DeliveryError) -> None:
            failures.append(error)
            failed.set()

        done: list[bool] = []
        delivery = Delivery(nowhere.producer(**SILENT, **{"message.timeout.ms": 200}), on_failure)
        delivery.start(asyncio.get_running_loop())
        await delivery.send([RECORD], lambda: done.append(True))
        await asyncio.wait_for(failed.wait(), 30)
        await delivery.stop()
        assert "verdicts was not delivered" in str(failures[0])
        assert done == []

    asyncio.run(scenario())


def test_a_full_queue_makes_the_sender_wait_and_not_fail(nowhere: Kafka) -> None:
    async def scenario() -> None:
        producer = nowhere.producer(**SILENT, **{"queue.buffering.max.kbytes": 1})
        delivery = Delivery(producer, lambda _: None)
        delivery.start(asyncio.get_running_loop())
        sending = asyncio.create_task(delivery.send([RECORD] * 3, lambda: None))
        finished, _ = await asyncio.wait({sending}, timeout=0.3)
        assert not finished
        async with asyncio.timeout(30):
            while not sending.done():
                producer.purge()  # as if brokers had taken what was queued
                await asyncio.sleep(0.01)
        await sending
        await delivery.stop()

    asyncio.run(scenario())
