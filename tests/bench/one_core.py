"""One round of the throughput bench: fresh topics, a bare reader on one core, then a real stream worker."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import msgspec
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from lictor.pipeline import services
from lictor.pipeline.services import Place
from lictor.runtime.state import LocalState
from lictor.runtime.supervisor import Supervisor
from lictor.settings import Settings
from sensors.batches import Batch
from tests.bench import event_load
from tests.bench.baselines import ROOT
from wire import topic_admin
from wire.codec import read_epoch
from wire.kafka import Kafka
from wire.policy_log import append_change
from wire.topics import Topics

_PATIENCE_S = 120.0
_POLL_S = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """One run over all records on one core."""

    events_per_s: float
    events_per_cpu_s: float


class OneCore:
    """One broker, and a topic prefix for each round."""

    def __init__(
        self,
        core: int,
        *,
        state: LocalState,
        settings: Settings,
        supervisor: Supervisor,
        bootstrap: str,
        records: list[Batch],
        copies: int,
    ) -> None:
        self._core = core
        self._state = state
        self._settings = settings
        self._supervisor = supervisor
        self._kafka = Kafka(bootstrap=bootstrap, client_id="bench")
        self._records = records
        self._copies = copies
        self._events = sum(one.events for one in records) * copies

    async def round(self, number: int) -> tuple[Rate, Rate, int, int]:
        """Bare, judged, and how many verdicts and orders came."""
        settings = self._settings.model_copy(update={"topic_prefix": f"bench{number}"})
        topics = settings.topics()
        await asyncio.to_thread(self._fill, topics)
        bare = await asyncio.to_thread(self._read_bare, topics)
        judged = await self._judge(settings, topics)
        verdicts, orders = (
            sum(self._ends(topic.name).values()) for topic in (topics.verdicts, topics.orders)
        )
        return bare, judged, verdicts, orders

    def _fill(self, topics: Topics) -> None:
        topic_admin.create(self._kafka, topics)
        for change in event_load.policies():
            append_change(self._kafka, topics, change)
        producer = self._kafka.producer()
        for _ in range(self._copies):
            for one in self._records:
                while True:
                    try:
                        producer.produce(topics.events.name, one.value, one.key)
                    except BufferError:
                        producer.poll(0.05)
                    else:
                        break
        if producer.flush(_PATIENCE_S):
            raise RuntimeError("the broker did not take the records in time")

    def _read_bare(self, topics: Topics) -> Rate:
        command = [sys.executable, "-m", "tests.bench.bare_reader", self._kafka.bootstrap, topics.events.name]
        answer = subprocess.run(
            self._pinned(command),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=_PATIENCE_S,
        )
        read = json.loads(answer.stdout)
        if read["events"] != self._events:
            raise RuntimeError(f"{read['events']} of {self._events} events were read")
        return Rate(
            events_per_s=read["events"] / read["seconds"],
            events_per_cpu_s=read["events"] / read["cpu_seconds"],
        )

    async def _judge(self, settings: Settings, topics: Topics) -> Rate:
        child = services.judge(self._place(settings)).child
        name = f"{child.name}-{settings.topic_prefix}"
        command = replace(child.command, argv=tuple(self._pinned(list(child.command.argv))))
        await self._supervisor.start(replace(child, name=name, command=command))
        try:
            pid = self._supervisor.pid(name)
            samples = await asyncio.to_thread(self._watch, topics, pid)
        finally:
            await self._supervisor.stop(name)
        began = await asyncio.to_thread(self._first_epoch, topics)
        ended, cpu_ended = samples[-1]
        cpu_began = max((cpu for at, cpu in samples if at <= began), default=samples[0][1])
        return Rate(
            events_per_s=self._events / (ended - began),
            events_per_cpu_s=self._events / (cpu_ended - cpu_began),
        )

    def _watch(self, topics: Topics, pid: int) -> list[tuple[float, float]]:
        """Wall time and the worker's CPU seconds, again and again until every offset is committed."""
        ends = self._ends(topics.events.name)
        places = [TopicPartition(topics.events.name, n) for n in ends]
        consumer = self._kafka.consumer(f"{topics.prefix}-streams")
        samples = [(time.time(), cpu_seconds(pid))]
        deadline = time.monotonic() + _PATIENCE_S
        try:
            while True:
                committed = consumer.committed(places, timeout=_PATIENCE_S)
                samples.append((time.time(), cpu_seconds(pid)))
                if all(one.offset >= ends[one.partition] for one in committed if ends[one.partition]):
                    return samples
                if time.monotonic() > deadline:
                    raise RuntimeError(f"not all was judged within {_PATIENCE_S:g} s")
                time.sleep(_POLL_S)
        finally:
            consumer.close()

    def _ends(self, topic: str) -> dict[int, int]:
        count = topic_admin.partition_counts(self._kafka)[topic]
        consumer = self._kafka.consumer("bench-ends")
        try:
            return {
                n: consumer.get_watermark_offsets(TopicPartition(topic, n), timeout=_PATIENCE_S)[1]
                for n in range(count)
            }
        finally:
            consumer.close()

    def _first_epoch(self, topics: Topics) -> float:
        """When the worker took up its first batch, by the epochs that it began."""
        consumer = self._kafka.consumer("bench-epochs")
        consumer.assign([TopicPartition(topics.epochs.name, 0, OFFSET_BEGINNING)])
        try:
            message = consumer.poll(_PATIENCE_S)
        finally:
            consumer.close()
        if message is None or message.error() is not None:
            raise RuntimeError("the worker began no epoch")
        return read_epoch(message.value()).since_ns / 1e9

    def _last_stored(self, topics: Topics) -> float:
        """When the broker stored the last verdict: nearly the end, and not rounded up to the next commit."""
        places = [
            TopicPartition(topics.verdicts.name, n, end - 1)
            for n, end in self._ends(topics.verdicts.name).items()
            if end
        ]
        consumer = self._kafka.consumer("bench-last")
        consumer.assign(places)
        try:
            last = [consumer.poll(_PATIENCE_S) for _ in places]
        finally:
            consumer.close()
        return max(message.timestamp()[1] for message in last if message is not None) / 1e3

    def _pinned(self, command: list[str]) -> list[str]:
        return ["taskset", "--cpu-list", str(self._core), *command]

    def _place(self, settings: Settings) -> Place:
        return Place(
            state=self._state,
            settings=settings,
            bootstrap=self._kafka.bootstrap,
            elasticsearch="",
            identity_map=None,
            node_key=None,
        )


def _cpu_at(moment: float, samples: list[tuple[float, float]]) -> float:
    """CPU seconds at a moment, between the samples around it."""
    after = next((n for n, (at, _) in enumerate(samples) if at >= moment), len(samples) - 1)
    (at_0, cpu_0), (at_1, cpu_1) = samples[max(0, after - 1)], samples[after]
    share = (moment - at_0) / (at_1 - at_0) if at_1 > at_0 else 0.0
    return cpu_0 + share * (cpu_1 - cpu_0)


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
