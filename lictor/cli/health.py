"""`lictor health`: how every service said it was, last."""

import time
from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec
import typer
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from lictor.cli.context import Form, Output, given, json_line, out, warn
from lictor.cli.paragraphs import paragraph
from lictor.exit_codes import FINDINGS
from lictor.settings import Settings
from wire.codec import RecordError, read_health
from wire.health import (
    INTERVAL_S,
    HealthRecord,
    incarnation_of,
    instance_of,
    is_complete,
    node_of,
    service_of,
    summed,
)
from wire.kafka import ClientConfig, is_transient, take
from wire.records import SensorHealth
from wire.text import printable
from wire.topic_admin import TopicError, absent, partition_counts

SILENT_S = 3 * INTERVAL_S
"""Whoever has said nothing for longer is not well, or not there."""

_AWAY_S = 30.0
_ASK_S = 15.0
_STEP_S = 0.1
_NAME = 30
"""Columns of a service's name; a longer one is shown whole, on a line of its own."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How one instance of a service said it was, last."""

    node: str
    service: str
    instance: str
    incarnation: str
    complete: bool
    """Of its last interval nothing is missing."""
    silent: bool
    age_s: float
    """Since the end of that interval, by this machine's clock."""
    lag: int | None
    """Records that were waiting, where that is known."""
    lags: dict[str, int]
    """The same by topic."""
    lost: int
    """Events that a sensor lost or could not publish in the interval; records that others put aside."""
    coverage: tuple[str, ...]
    """What a sensor collects."""

    @property
    def well(self) -> bool:
        """Whether there is nothing to look at."""
        return self.complete and not self.silent


def health(
    context: typer.Context,
    hours: Annotated[float, typer.Option(min=0.01, help="How far back to look for services.")] = 24.0,
    output: Output = Form.TEXT,
) -> None:
    """Show how every service said it was, last. Ends with 1 where one is incomplete or silent."""
    settings = given(context).settings()
    found = latest(read(settings, hours), time.time_ns())
    for line in map(json_line, found) if output is Form.JSON else table(found, hours):
        out.print(line)
    if not found or not all(one.well for one in found):
        raise typer.Exit(FINDINGS)


def latest(records: Iterable[HealthRecord], now_ns: int) -> list[Health]:
    """The last record of each instance on each node, by node and service. `now_ns` is the wall clock."""
    by_instance: dict[tuple[str, str, str], HealthRecord] = {}
    for record in records:
        by_instance[node_of(record), service_of(record), instance_of(record)] = record
    return [_health(record, now_ns) for _, record in sorted(by_instance.items(), key=lambda item: item[0])]


def _health(record: HealthRecord, now_ns: int) -> Health:
    age_s = (now_ns - record.until_ns) / 1e9
    if isinstance(record, SensorHealth):
        balance = summed((record.interval or record.rings).values())
        lags, lost, coverage = {}, balance.lost + balance.unpublished, record.coverage
    else:
        lags, lost, coverage = record.lag, record.counts.get("dead_letters", 0), ()
    return Health(
        node=node_of(record),
        service=service_of(record),
        instance=instance_of(record),
        incarnation=incarnation_of(record),
        complete=is_complete(record),
        silent=age_s > SILENT_S,
        age_s=round(age_s, 1),
        lag=sum(lags.values()) if lags else None,
        lags=lags,
        lost=lost,
        coverage=coverage,
    )


def table(found: list[Health], hours: float) -> Iterator[str]:
    """Lines for people, of at most 80 columns where names are not longer than usual."""
    if not found:
        yield f"no service has said anything in the last {hours:g} h"
        return
    yield f"{'NODE':<{_NAME}}  {'SERVICE':<10}{'COMPLETE':<10}{'LAG':>8}{'LOST':>8}{'AGE':>10}"
    for one in found:
        yield from _rows(one)


def _rows(one: Health) -> Iterator[str]:
    name = printable(one.node)
    if len(name) > _NAME:
        yield name
        name = ""
    service = one.service
    lag = "-" if one.lag is None else str(one.lag)
    complete = "yes" if one.complete else "NO"
    yield f"{name:<{_NAME}}  {service:<10}{complete:<10}{lag:>8}{one.lost:>8}{_span(one.age_s):>10}"
    if one.instance != one.service:
        yield paragraph(f"instance {one.instance}", indent=2)
    if one.coverage:
        yield paragraph(f"collects {', '.join(one.coverage)}", indent=2)
    if one.silent:
        yield paragraph(f"silent for more than {SILENT_S:g} s", indent=2)


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def read(settings: Settings, hours: float) -> list[HealthRecord]:
    """All health records of the last hours, in the order of the topic.

    Raises:
        TopicError: the brokers do not answer, or there is no such topic.
    """
    kafka, topic = settings.kafka("lictor-cli"), settings.topics().health
    overrides: ClientConfig = {"fetch.wait.max.ms": 100, "enable.partition.eof": True}
    consumer = kafka.consumer("lictor-cli-health", **overrides)
    try:
        if topic.name not in partition_counts(kafka, consumer):
            raise absent(kafka, topic.name)
        since_ms = int((time.time() - hours * 3600) * 1000)
        try:
            (start,) = consumer.offsets_for_times([TopicPartition(topic.name, 0, since_ms)], timeout=_ASK_S)
        except KafkaException as error:
            raise TopicError(f"no broker told what {topic.name} holds: {error.args[0].str()}") from error
        consumer.assign([start])
        return list(_to_the_end(consumer))
    finally:
        consumer.close()


def _to_the_end(consumer: Consumer) -> Iterator[HealthRecord]:
    heard = time.monotonic()
    while time.monotonic() - heard < _AWAY_S:
        for message in take(consumer, _STEP_S):
            error = message.error()
            if error is None:
                heard = time.monotonic()
                try:
                    yield read_health(message.value())
                except RecordError as unreadable:
                    warn(f"{message.topic()} {message.offset()}: {unreadable.sentence}")
            elif error.code() == KafkaError._PARTITION_EOF:
                return
            elif not is_transient(error):
                raise KafkaException(error)
    raise TopicError(f"no broker has answered for {_AWAY_S:g} s")
