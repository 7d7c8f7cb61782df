"""The broker's class archive (AppCDS).

Recorded once per JDK from a broker at work, it shortens every later start.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from lictor.runtime import java
from lictor.runtime.errors import CannotRecordError
from lictor.runtime.kafka import Broker
from lictor.runtime.state import LocalState
from lictor.runtime.supervisor import Supervisor
from wire.kafka import ClientConfig
from wire.security import Security

if TYPE_CHECKING:
    from collections.abc import Callable

    from lictor.runtime.artifacts import Artifacts

REQUEST_TIMEOUT_S = 30.0
RECORDS = 100


def exercise(bootstrap: str, security: Security) -> None:
    """Make a topic, produce compressed, consume in a group: what loads the classes that a session needs."""
    topic = "class-archive"
    client: ClientConfig = {"bootstrap.servers": bootstrap}
    client |= security.client()
    admin = AdminClient(client)
    admin.create_topics([NewTopic(topic, 2, 1)])[topic].result(REQUEST_TIMEOUT_S)
    producer = Producer(client | {"compression.type": "lz4", "acks": "all"})
    for number in range(RECORDS):
        producer.produce(topic, str(number).encode(), key=str(number).encode())
    producer.flush(REQUEST_TIMEOUT_S)
    consumer = Consumer(client | {"group.id": topic, "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([topic])
        records = consumer.consume(RECORDS, REQUEST_TIMEOUT_S)
    finally:
        consumer.close()
    failures = [error for record in records if (error := record.error()) is not None]
    if len(records) != RECORDS or any(error.code() != KafkaError._PARTITION_EOF for error in failures):
        msg = f"the broker gave back {len(records)} of {RECORDS} records, with errors {failures}"
        raise CannotRecordError(msg)


async def record_to(broker: Broker, archive: Path) -> None:
    """Run the broker once, at work, and let its JVM write the archive when it ends."""
    await broker.prepare()
    async with Supervisor(hold=broker.state.guardians) as supervisor:
        await supervisor.start(broker.child(archive_to=archive))
        await asyncio.to_thread(exercise, broker.bootstrap, broker.security)


def record(found: Artifacts, say: Callable[[str], None]) -> Path:
    """Make the archive for the JDK that runs Kafka here, unless it is there already."""
    with tempfile.TemporaryDirectory(prefix="lictor-archive-") as scratch:
        root = Path(scratch)
        root.chmod(0o711)
        with LocalState.at(root / "state") as state:
            broker = Broker(state, found.kafka, java.find(java.KAFKA))
            target = broker.class_archive
            if target.is_file():
                say(f"the broker's class archive is {target}")
                return target
            say(f"recording the broker's class archive with {broker.jdk.home}")
            written = state.folder("kafka", "archive") / "classes.jsa"
            asyncio.run(record_to(broker, written))
            if not written.is_file():
                msg = f"Kafka left no class archive; see {state.logs}"
                raise CannotRecordError(msg)
            fresh = target.with_suffix(".fresh")
            shutil.copyfile(written, fresh, follow_symlinks=False)
            fresh.chmod(0o644)
            fresh.replace(target)
    return target
