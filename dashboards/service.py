"""The sink as a service: everything put together, from its configuration to its end."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from platform import node
from typing import Protocol

import structlog
from elastic_transport import TransportError
from elasticsearch import ApiError, AsyncElasticsearch, AuthorizationException

from dashboards import metrics
from dashboards.backoff import Backoff
from dashboards.conversion import conversions
from dashboards.dead_letters import DeadLetters
from dashboards.elastic import Elastic, explained
from dashboards.install import install_all
from dashboards.reporting import Reporter
from dashboards.sink import Limits, Sink, Switch
from dashboards.source import Source
from dashboards.writer import Writer
from wire.access import grant_of
from wire.access_check import see_rights
from wire.health import INTERVAL_S
from wire.health_reports import HealthReports
from wire.kafka import Kafka
from wire.topic_admin import TopicError, partition_counts
from wire.topics import Topics

log = structlog.get_logger(__name__)

GROUP = "lictor-sink"

_STOP_POLL_S = 0.1
_GC_THRESHOLD = 50_000
"""Allocations between collections: a batch makes thousands of objects and no cycles."""
_LAST_REPORT_S = 2.0


class Flag(Protocol):
    """What is told that the sink is ready: an event of threading or asyncio."""

    def set(self) -> None:
        """Ready."""
        ...


@dataclass(frozen=True, kw_only=True)
class SinkConfig:
    """All that a sink needs to know."""

    kafka: Kafka
    elastic: Elastic
    topics: Topics = field(default_factory=Topics)
    group: str = GROUP
    limits: Limits = field(default_factory=Limits)
    backoff: Backoff = field(default_factory=Backoff)
    store_events: bool = False
    """Whether events are stored too, in a data stream of their own."""
    install_template: bool = True
    """False where the sink's API key may only write: `lictor dashboards install` has run then."""
    node: str = field(default_factory=node)
    """Where it runs, as its health records have it."""
    instance: str = "sink"
    """Its static name within the node."""
    health_interval_s: float = INTERVAL_S


def run_sink(config: SinkConfig, stop: Switch, ready: Flag) -> None:
    """Run the sink in this thread until `stop`; `ready` is set once it has partitions to read.

    Raises:
        TopicError, InstallError, SourceError, WriterError, DeadLetterError: what it cannot go on from.
    """
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    try:
        asyncio.run(serve(config, stop, ready.set))
    except ExceptionGroup as group:
        raise group.exceptions[0] from group


async def serve(config: SinkConfig, stop: Switch, on_ready: Callable[[], None]) -> None:
    """Run the sink on this loop until `stop`. Elasticsearch may be away at any time, the start included."""
    await _check_topics(config)
    client = config.elastic.client()
    try:
        if config.install_template and not await _install(client, config.backoff, stop):
            return
        source = Source(config.kafka, config.group, drain_s=config.limits.drain_s)
        try:
            by_topic = conversions(config.topics, store_events=config.store_events)
            writers = {one.stream: Writer(client, one.stream, config.backoff) for one in by_topic.values()}
            dead_letters = DeadLetters(config.kafka, config.topics)
            sink = Sink(source, writers, dead_letters, by_topic, config.limits)
            async with _reporting(config, dead_letters, source):
                await sink.run(stop, on_ready)
        finally:
            await source.close()
    finally:
        await client.close()


@contextlib.asynccontextmanager
async def _reporting(config: SinkConfig, dead_letters: DeadLetters, source: Source) -> AsyncIterator[None]:
    """While inside, health records are published; the last one at the end."""
    producer = dead_letters.producer
    reports = HealthReports(
        producer, config.topics, service="sink", node=config.node, instance=config.instance
    )
    reporter = Reporter(reports, producer, source, config.health_interval_s)
    telling = asyncio.create_task(reporter.run())
    try:
        yield
    finally:
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling
        await reporter.finish(_LAST_REPORT_S)


async def _check_topics(config: SinkConfig) -> None:
    grant = grant_of("sink", config.topics, store_events=config.store_events)
    await asyncio.to_thread(see_rights, config.kafka, grant)
    present = await asyncio.to_thread(partition_counts, config.kafka)
    needed = (*conversions(config.topics, store_events=config.store_events), config.topics.dead_letters.name)
    missing = [name for name in needed if name not in present]
    if missing:
        raise TopicError(
            f"no topic {', '.join(missing)} at {config.kafka.bootstrap}: run `lictor topics create`"
        )


async def _install(client: AsyncElasticsearch, backoff: Backoff, stop: Switch) -> bool:
    """Install the templates, however long Elasticsearch is away; False if told to stop before."""
    failures = 0
    while not stop.is_set():
        try:
            for done in await install_all(client):
                log.info("template", done=str(done))
        except AuthorizationException as error:
            # A key of the least rights: somebody with more of them has installed the templates.
            log.info("templates are left as they are", because=explained(error))
            return True
        except TransportError as error:
            reason = explained(error)
        except ApiError as error:
            if error.status_code not in (401, 408, 429) and error.status_code < 500:
                raise
            reason = explained(error)
        else:
            metrics.elasticsearch_up.set(1)
            return True
        failures += 1
        metrics.elasticsearch_up.set(0)
        delay = backoff.delay(failures)
        log.warning(
            "elasticsearch cannot be used yet", error=reason, failures=failures, delay_s=round(delay, 3)
        )
        await _sleep(delay, stop)
    return False


async def _sleep(seconds: float, stop: Switch) -> None:
    """Sleep, at most a moment longer than until `stop`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not stop.is_set():  # a threading event cannot be awaited
                await asyncio.sleep(_STOP_POLL_S)
