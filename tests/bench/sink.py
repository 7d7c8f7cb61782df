"""Verdicts a second from topic to Elasticsearch, beside bare `async_bulk` of the same documents."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from dashboards import search
from dashboards.documents import VERDICTS_STREAM
from dashboards.elastic import Elastic
from dashboards.install import install_all
from lictor import settings as settings_module
from lictor.health import HOST
from lictor.pipeline import services
from lictor.pipeline.services import Place
from lictor.runtime.child import Child
from lictor.runtime.elasticsearch import server_pid
from lictor.runtime.servers import Servers, find_servers
from lictor.runtime.state import LocalState
from lictor.runtime.supervisor import Supervisor
from lictor.settings import Settings
from tests.bench import chart, verdict_load
from tests.bench.baselines import ROOT
from tests.bench.one_core import cpu_seconds
from tests.bench.rig import private_state
from tests.bench.verdict_load import VerdictLoad
from wire import topic_admin
from wire.kafka import Kafka

AIM_RATIO = 0.8
AIM_RATE = 20_000
JVM = "-Xms1g -Xmx1g -XX:-UsePerfData"
"""Both compilers, as in production: `lictor up` saves memory with the first one only, and half the heap."""

_TASKS = 3
_POLL_S = 0.1
_PATIENCE_S = 300.0


class SinkRate(msgspec.Struct, frozen=True, kw_only=True):
    """One run over all documents."""

    per_s: float
    client_us: float
    """CPU time a verdict, microseconds, of the sink or the bare client: other work on the machine does not
    lengthen it much. Likewise Elasticsearch's:"""
    server_us: float


class SinkThroughput(msgspec.Struct, frozen=True, kw_only=True):
    """By round, and the medians' ratio."""

    verdicts: int
    record_bytes: int
    document_bytes: int
    bare: tuple[SinkRate, ...]
    sink: tuple[SinkRate, ...]
    rate: float
    ratio: float

    def text(self) -> str:
        rows = [
            (f"round {n + 1}", *(f"{rate:,.0f}" for rate in rates))
            for n, rates in enumerate(
                zip(
                    (one.per_s for one in self.bare),
                    (one.per_s for one in self.sink),
                    strict=True,
                )
            )
        ]
        costs = [
            (
                name,
                *(
                    f"{statistics.median(getattr(one, what) for one in runs):.0f}"
                    for runs in (self.bare, self.sink)
                ),
            )
            for name, what in (("client", "client_us"), ("Elasticsearch", "server_us"))
        ]
        what = (
            f"{self.verdicts:,} verdicts ({self.record_bytes:,} bytes a record, {self.document_bytes:,} a "
            "document);\nof each run a twentieth was looked up afterwards: each stored exactly once\n"
        )
        ends = (
            f"\nsink {self.rate:,.0f}/s (aim: {AIM_RATE:,}); sink / bare, medians: {self.ratio:.2f} "
            f"(aim: at least {AIM_RATIO:g})"
        )
        tables = (
            chart.table(("verdicts/s", "bare", "sink"), rows),
            "",
            chart.table(("CPU us a verdict", "bare", "sink"), costs),
        )
        return "\n".join((chart.title("Verdicts a second into Elasticsearch"), what, *tables, ends))


async def measure(*, quick: bool, say: Callable[[str], None]) -> SinkThroughput:
    """Rounds of one bare and one sink run, each with ids of its own, on the same servers."""
    rounds, number = (1, 30_000) if quick else (3, 100_000)
    core = min(os.sched_getaffinity(0))
    say(f"sink, encoding {number:,} verdicts")
    with private_state() as folder:
        load = await asyncio.to_thread(VerdictLoad, number)
        settings = settings_module.load(None, {})
        with LocalState.at() as state:
            async with Supervisor(hold=state.guardians) as supervisor:
                servers = find_servers(state, secured=False)
                await supervisor.start_all(_with_both_compilers(await servers.prepare()))
                bench = _Bench(
                    core,
                    folder=folder,
                    state=state,
                    supervisor=supervisor,
                    servers=servers,
                    settings=settings,
                )
                await bench.install()
                say("sink, warming up the servers")
                await bench.bare(load)
                done = []
                for turn in range(rounds):
                    say(f"sink, round {turn + 1} of {rounds}")
                    done.append((await bench.bare(load), await bench.sink(load, turn)))
    sample = load.records()[:1000]
    bare, sink = tuple(one[0] for one in done), tuple(one[1] for one in done)
    rate = _median(sink)
    return SinkThroughput(
        verdicts=number,
        record_bytes=round(statistics.mean(len(value) for _, value in sample)),
        document_bytes=round(statistics.mean(len(one) for _, one in verdict_load.stored(sample))),
        bare=bare,
        sink=sink,
        rate=round(rate, 1),
        ratio=round(rate / _median(bare), 3),
    )


class _Bench:
    """One broker and one Elasticsearch, and a topic prefix for each round."""

    def __init__(
        self,
        core: int,
        *,
        folder: Path,
        state: LocalState,
        supervisor: Supervisor,
        servers: Servers,
        settings: Settings,
    ) -> None:
        self._core = core
        self._folder = folder
        self._state = state
        self._supervisor = supervisor
        self._settings = settings
        self._url = servers.url or ""
        self._kafka = Kafka(bootstrap=servers.bootstrap or "", client_id="bench")

    async def install(self) -> None:
        """So that the bare client meets the same mapping."""
        client = Elastic(url=self._url).client()
        try:
            await install_all(client)
        finally:
            await client.close()

    async def bare(self, load: VerdictLoad) -> SinkRate:
        """The documents alone, by the client's own helper."""
        path = self._folder / "documents.jsonl"
        records = load.records()
        with path.open("wb") as file:
            for identifier, document in verdict_load.stored(records):
                file.write(b"[%b,%b]\n" % (msgspec.json.encode(identifier), document))
        module = [sys.executable, "-m", "tests.bench.bare_bulk"]
        command = self._pinned([*module, self._url, VERDICTS_STREAM, str(path), str(_TASKS)])
        server = self._server_cpu()
        answer = await asyncio.to_thread(
            subprocess.run,
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=_PATIENCE_S,
        )
        told = json.loads(answer.stdout)
        rate = SinkRate(
            per_s=told["documents"] / told["seconds"],
            client_us=told["cpu_seconds"] / told["documents"] * 1e6,
            server_us=(self._server_cpu() - server) / told["documents"] * 1e6,
        )
        path.unlink()
        await self._check(records)
        return rate

    async def sink(self, load: VerdictLoad, turn: int) -> SinkRate:
        """The real sink, on topics that are full before it starts."""
        settings = self._settings.model_copy(update={"topic_prefix": f"bench{turn}"})
        topics = settings.topics()
        await asyncio.to_thread(topic_admin.create, self._kafka, topics)
        records = load.records()
        await asyncio.to_thread(self._fill, topics.verdicts.name, records)
        service = services.sink(
            Place(
                state=self._state,
                settings=settings,
                bootstrap=self._kafka.bootstrap,
                elasticsearch=self._url,
                identity_map=None,
                node_key=None,
            )
        )
        child = service.child
        name = f"{child.name}-{settings.topic_prefix}"
        command = replace(child.command, argv=tuple(self._pinned(list(child.command.argv))))
        await self._supervisor.start(replace(child, name=name, command=command))
        try:
            rate = await asyncio.to_thread(
                self._watch, self._supervisor.pid(name), service.port or 0, len(records)
            )
        finally:
            await self._supervisor.stop(name)
        await self._check(records)
        return rate

    def _watch(self, pid: int, port: int, number: int) -> SinkRate:
        """From its first sign of a stored document to the last one's, as its own counter tells."""
        deadline = time.monotonic() + _PATIENCE_S
        first: tuple[float, float, float, float] | None = None
        while time.monotonic() < deadline:
            now, stored = time.monotonic(), _stored(port)
            if first is None and stored:
                first = now, stored, cpu_seconds(pid), self._server_cpu()
            if stored >= number:
                if first is None or first[1] >= number:
                    raise RuntimeError("it was done before anything could be measured")
                began, before, cpu, server = first
                done = stored - before
                return SinkRate(
                    per_s=done / (now - began),
                    client_us=(cpu_seconds(pid) - cpu) / done * 1e6,
                    server_us=(self._server_cpu() - server) / done * 1e6,
                )
            time.sleep(_POLL_S)
        raise RuntimeError(f"not all was stored within {_PATIENCE_S:g} s")

    def _fill(self, topic: str, records: list[tuple[str, bytes]]) -> None:
        producer = self._kafka.producer()
        for key, value in records:
            while True:
                try:
                    producer.produce(topic, value, key)
                except BufferError:
                    producer.poll(0.05)
                else:
                    break
        if producer.flush(_PATIENCE_S):
            raise RuntimeError("the broker did not take the records in time")

    async def _check(self, records: list[tuple[str, bytes]]) -> None:
        """Every one of a sample is stored once."""
        ids = [identifier for identifier, _ in verdict_load.stored(records[::20])]
        client = Elastic(url=self._url, request_timeout_s=_PATIENCE_S).client()
        try:
            await search.refresh(client)
            counts = await search.count(client, ids)
        finally:
            await client.close()
        wrong = [identifier for identifier, count in counts.items() if count != 1]
        if wrong:
            raise RuntimeError(f"{len(wrong)} of {len(ids)} documents are not stored exactly once")

    def _server_cpu(self) -> float:
        server = server_pid(self._supervisor.pid("elasticsearch"))
        if server is None:
            raise RuntimeError("Elasticsearch is gone")
        return cpu_seconds(server)

    def _pinned(self, command: list[str]) -> list[str]:
        return ["taskset", "--cpu-list", str(self._core), *command]


def _with_both_compilers(children: Iterable[Child]) -> list[Child]:
    return [
        replace(child, command=replace(child.command, env={**child.command.env, "ES_JAVA_OPTS": JVM}))
        if child.name == "elasticsearch"
        else child
        for child in children
    ]


def _stored(port: int) -> float:
    metrics = services.read(f"http://{HOST}:{port}/metrics").decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == "lictor_sink_documents_total" and sample.labels["result"] == "stored"
    )


def _median(rates: Iterable[SinkRate]) -> float:
    return float(statistics.median(one.per_s for one in rates))
