"""A bare Faust relay as a process: `python -m tests.bench.relay BOOTSTRAP SOURCE TARGET`.

Bytes in, the same bytes out by a confluent-kafka producer as the project's, and the source acknowledged
once the target's record is stored. Faust's settings are those of `streams.app`; nothing of the project's
own way of a batch is in it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import threading
from typing import Any

import mode.loop

mode.loop.use("uvloop")

import faust  # noqa: E402
from confluent_kafka import KafkaError, Message  # noqa: E402

from streams.app import BUFFER_RECORDS, SESSION_TIMEOUT_S  # noqa: E402
from wire.kafka import Kafka  # noqa: E402


def create_relay(bootstrap: str, source: str, target: str, folder: str) -> faust.App:
    app = faust.App(
        f"{source}-relay",
        broker=f"kafka://{bootstrap}",
        broker_commit_interval=0.5,
        broker_session_timeout=SESSION_TIMEOUT_S,
        broker_heartbeat_interval=SESSION_TIMEOUT_S / 3,
        consumer_auto_offset_reset="earliest",
        datadir=folder,
        stream_buffer_maxsize=BUFFER_RECORDS,
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    topic = app.topic(source, key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw")
    producer = Kafka(bootstrap=bootstrap, client_id="bench-relay").producer()

    def poll() -> None:
        while True:
            producer.poll(0.1)

    threading.Thread(target=poll, daemon=True).start()

    @app.agent(topic)
    async def relay(stream: Any) -> None:
        loop = asyncio.get_running_loop()
        async for event in stream.noack().events():

            def stored(error: KafkaError | None, _: Message, event: Any = event) -> None:
                if error is None:
                    loop.call_soon_threadsafe(event.ack)

            producer.produce(target, event.value, event.message.key, on_delivery=stored)

    return app


async def run(bootstrap: str, source: str, target: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        app = create_relay(bootstrap, source, target, folder)
        app.in_worker = True
        await app.start()
        print("ready", flush=True)
        await app.wait_until_stopped()


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
