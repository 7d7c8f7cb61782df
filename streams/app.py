"""The Faust app: its settings, topics and agents, where one can see them all.

Faust does several things by itself that would lose events here, and they are switched off: it
acknowledges a record whose agent raised (so: `noack`, and any error ends the worker), it buffers
thousands of records per agent, and it creates topics. The app has no tables, no web server and no
leader, so it makes no topic of its own.
"""

import asyncio
import time
from collections.abc import Iterable
from functools import partial
from typing import Any, cast

import faust
import structlog
from faust.types import StreamT
from faust.types.tuples import TP, Message
from mode import Service

from streams.config import StreamsConfig
from streams.credentials import credentials
from streams.delivery import Delivery
from streams.reporting import Reporter
from streams.transport import Transport
from streams.worker import StreamWorker
from wire.health_reports import HealthReports
from wire.kafka import Kafka
from wire.policy_log import PolicyFollower

log = structlog.get_logger(__name__)

BUFFER_RECORDS = 32
"""Faust's default of 4,096 counts records, and one of ours is a whole batch."""

SESSION_TIMEOUT_S = 6.0
"""How long the group waits for a worker that is gone; one with its static id back is let in at once."""

SUPPRESSED_S = 5.0
"""How often it is looked whether a silence is over whose alerts nothing else would say."""

LAST_REPORT_S = 2.0
"""How long a stopping worker gives its last health record."""

LARGEST_RECORD_BYTES = 2 * 1_048_576
"""What the dead letters topic takes. The other topics' limits are kept by `streams.outgoing.fits`."""


class PolicyService(Service):
    """The policy follower as a part of the app: nothing is consumed before it has caught up."""

    def __init__(self, follower: PolicyFollower, timeout_s: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.follower = follower
        self._timeout_s = timeout_s

    async def on_start(self) -> None:
        """Read the policy log to its end.

        Raises:
            PolicyLogError: it cannot be read in time.
        """
        self.follower.start()
        await asyncio.to_thread(self.follower.wait_until_caught_up, self._timeout_s)

    @Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            if self.follower.failure is not None:
                raise self.follower.failure
            await self.sleep(0.5)

    async def on_shutdown(self) -> None:
        """Stop following."""
        await asyncio.to_thread(self.follower.stop)


class DeliveryService(Service):
    """The producer as a part of the app: it starts before the consumer and ends after it."""

    def __init__(self, kafka: Kafka, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.producer = kafka.producer(**{"message.max.bytes": LARGEST_RECORD_BYTES})
        self.delivery = Delivery(self.producer, self._fail)

    async def on_start(self) -> None:
        """Begin to report."""
        self.delivery.start(asyncio.get_running_loop())

    async def on_shutdown(self) -> None:
        """Stop reporting."""
        await self.delivery.stop()

    def _fail(self, error: Exception) -> None:
        self.add_future(self.crash(error))


class QuietMonitor(faust.Monitor):
    """Faust's monitor without its statistics of every record, which cost as much as judging ten events.

    What remains is what Faust's own check for streams that hang reads. Our figures are in `metrics`.
    """

    def on_message_in(self, *_: Any) -> None:
        """Not counted."""

    def on_message_out(self, *_: Any) -> None:
        """Not counted."""

    def on_stream_event_in(self, tp: TP, *_: Any) -> None:
        """Remember when the partition last moved."""
        self.stream_inbound_time[tp] = time.monotonic()

    def on_stream_event_out(self, *_: Any) -> None:
        """Not counted."""


class StreamsApp(faust.App):
    """A Faust app with the services that judging needs in front of Faust's own."""

    judging_services: tuple[Service, ...] = ()

    def on_init_dependencies(self) -> Iterable[Any]:
        """Policies and deliveries first: they start before the consumer and stop after it."""
        return [*self.judging_services, *super().on_init_dependencies()]


def create_app(config: StreamsConfig) -> StreamsApp:
    """The app of one worker. Source topics must exist before it starts (`wire.topic_admin`)."""
    app = StreamsApp(
        f"{config.topics.prefix}-streams",
        broker=f"kafka://{config.kafka.bootstrap.replace(',', ';')}",
        broker_client_id=config.kafka.client_id,
        broker_credentials=credentials(config.kafka.security),
        broker_commit_interval=config.commit_interval_s,
        broker_session_timeout=SESSION_TIMEOUT_S,
        broker_heartbeat_interval=SESSION_TIMEOUT_S / 3,
        consumer_group_instance_id=config.worker,
        consumer_auto_offset_reset="earliest",
        Monitor=QuietMonitor,
        datadir=config.data_dir,
        stream_buffer_maxsize=BUFFER_RECORDS,
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    app.transport = Transport(app.conf.broker_consumer, app)
    events = app.topic(
        config.topics.events.name,
        key_type=bytes,
        key_serializer="raw",
        value_type=bytes,
        value_serializer="raw",
    )
    policies = PolicyService(PolicyFollower(config.kafka, config.topics), config.catch_up_timeout_s)
    deliveries = DeliveryService(config.kafka)
    app.judging_services = (policies, deliveries)
    worker = StreamWorker(
        topics=config.topics, policies=policies.follower, outbox=deliveries.delivery, name=config.worker
    )

    reporter = Reporter(
        worker,
        HealthReports(
            deliveries.producer,
            config.topics,
            service="streams",
            node=config.node,
            instance=config.instance or config.worker,
        ),
        topics=config.topics,
        policies=policies.follower,
        consumer=lambda: cast(Any, app.consumer),
    )

    def is_stale(message: Message) -> bool:
        return message.generation_id != app.consumer_generation_id

    @app.agent(events, name="judge")
    async def judge(stream: StreamT[Any]) -> None:
        async for event in cast(faust.Stream[bytes], stream).noack().events():
            message = event.message
            try:
                await worker.take(message, event.ack, partial(is_stale, message))
            except Exception as error:
                log.exception(
                    "a batch could not be judged and is not acknowledged; the worker ends",
                    topic=message.topic,
                    partition=message.partition,
                    offset=message.offset,
                )
                await app.crash(error)
                return

    async def say_suppressed() -> None:
        worker.say_suppressed()

    app.timer(SUPPRESSED_S)(say_suppressed)
    app.timer(config.health_interval_s)(reporter.report)

    async def release(_: Any, *changed: set[TP], **__: Any) -> None:
        worker.release({tp.partition for partitions in changed for tp in partitions})

    app.on_partitions_revoked.connect(cast(Any, release))
    app.on_partitions_assigned.connect(cast(Any, release))

    async def drain(_: Any, *__: Any, **___: Any) -> None:
        # Faust has stopped fetching and has not yet committed for the last time.
        # After a failure there is nothing to wait for: the batch that failed is never acknowledged.
        if app.crash_reason is None and not await worker.in_flight.drained(config.drain_timeout_s):
            log.warning("stopping with deliveries outstanding; their batches will be judged again")
        worker.say_suppressed(finally_=True)
        await reporter.finish(LAST_REPORT_S)

    app.on_before_shutdown.connect(cast(Any, drain))

    return app
