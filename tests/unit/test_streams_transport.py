"""The one setting of aiokafka that Faust has no setting for arrives there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("faust")

from streams.app import create_app
from streams.config import StreamsConfig
from streams.transport import FETCH_WAIT_MS, ConsumerThread
from wire.kafka import Kafka
from wire.topics import Topics


async def fetch_wait_of(folder: Path) -> Any:
    app = create_app(
        StreamsConfig(
            kafka=Kafka(bootstrap="127.0.0.1:1"), topics=Topics(prefix="t"), worker="w", data_dir=folder
        )
    )
    thread = app.consumer._new_consumer_thread()
    assert isinstance(thread, ConsumerThread)
    consumer = thread._create_worker_consumer(app.transport)
    try:
        return consumer._fetch_max_wait_ms
    finally:
        await consumer.stop()


def test_a_quiet_partition_holds_a_busy_one_up_for_no_longer_than_this(tmp_path: Path) -> None:
    assert asyncio.run(fetch_wait_of(tmp_path)) == FETCH_WAIT_MS
