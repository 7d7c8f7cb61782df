"""`lictor events`, `verdicts` and `outcomes`: follow a topic, in text or JSON."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer
from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from lictor.cli.context import Form, Output, given, json_line, out, warn
from policy.events import (
    AnyEvent,
    CapabilityEvent,
    DnsEvent,
    ExitEvent,
    FileEvent,
    JudgedEvent,
    MemoryEvent,
    NetworkEvent,
    ProcessEvent,
    SyscallEvent,
)
from wire.codec import Reader, RecordError, read_batch, read_outcome, read_verdict
from wire.kafka import ClientConfig, is_transient, partition_of, take
from wire.records import EventBatch, Outcome, VerdictRecord, program_of, refusal_of
from wire.sockets import family_name, ip_protocol, ip_protocol_name, type_name
from wire.text import printable
from wire.topic_admin import TopicError, partition_counts

Record = TypeVar("Record")

_AWAY_S = 30

FromBeginning = Annotated[bool, typer.Option("--from-beginning", help="Begin with the oldest kept.")]
NoFollow = Annotated[bool, typer.Option("--no-follow", help="Stop at the end of what is there now.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Stop after so many records.")]


def events(
    context: typer.Context,
    from_beginning: FromBeginning = False,
    no_follow: NoFollow = False,
    limit: Limit = None,
    output: Output = Form.TEXT,
) -> None:
    """Follow what processes do. JSON gives whole batches, which `up --from` can judge again."""
    settings = given(context).settings()
    topic = settings.topics().events.name
    for batch in _records(
        context, topic, read_batch, from_beginning=from_beginning, no_follow=no_follow, limit=limit
    ):
        if output is Form.JSON:
            out.print(json_line(batch))
        else:
            for event in batch.events:
                out.print(event_line(batch, event))


def verdicts(
    context: typer.Context,
    from_beginning: FromBeginning = False,
    no_follow: NoFollow = False,
    limit: Limit = None,
    output: Output = Form.TEXT,
) -> None:
    """Follow denials and alerts."""
    topic = given(context).settings().topics().verdicts.name
    records = _records(
        context, topic, read_verdict, from_beginning=from_beginning, no_follow=no_follow, limit=limit
    )
    _print(records, verdict_line, output)


def outcomes(
    context: typer.Context,
    from_beginning: FromBeginning = False,
    no_follow: NoFollow = False,
    limit: Limit = None,
    output: Output = Form.TEXT,
) -> None:
    """Follow what became of denials."""
    topic = given(context).settings().topics().outcomes.name
    records = _records(
        context, topic, read_outcome, from_beginning=from_beginning, no_follow=no_follow, limit=limit
    )
    _print(records, outcome_line, output)


def event_line(batch: EventBatch, event: AnyEvent) -> str:
    """One event for people."""
    return printable(f"{clock(event.time_ns)}  {batch.workload.title}  {event.pid} {deed(event)}")


def deed(event: AnyEvent) -> str:
    """What a process did, in words that follow its pid."""
    match event:
        case ExitEvent():
            return (
                f"ended with signal {event.signal}" if event.signal else f"ended with code {event.exit_code}"
            )
        case ProcessEvent():
            return f"runs {command(event)}"
        case FileEvent():
            done = f"{event.access} {event.path}" + (f" {event.new_path}" if event.new_path else "")
        case NetworkEvent():
            done = f"{event.operation} {_socket(event)}"
        case DnsEvent():
            done = f"asks for {event.name}" + (f" ({event.record})" if event.record else "")
        case CapabilityEvent():
            done = f"uses capability {event.capability}"
        case SyscallEvent():
            done = f"calls {event.syscall}" + (f" {event.path}" if event.path else "")
        case MemoryEvent():
            done = "makes anonymous memory executable"
    refusal = refusal_of(event)
    return f"{_actor(event)}: {done}" + (f" ({os.strerror(refusal)})" if refusal else "")


def _actor(event: JudgedEvent) -> str:
    program = program_of(event)
    return program.path if program else "(program not known)"


def _socket(event: NetworkEvent) -> str:
    number = ip_protocol(event.family, event.type, event.protocol)
    name = None if number is None else ip_protocol_name(number)
    what = name or f"{family_name(event.family)} {type_name(event.type)}"
    if not event.address:
        return what
    if not event.port:
        return f"{what} {event.address}"
    address = f"[{event.address}]" if ":" in event.address else event.address
    return f"{what} {address}:{event.port}"


def verdict_line(record: VerdictRecord) -> str:
    """One verdict for people."""
    verdict = record.verdict
    return printable(
        f"{clock(record.event.time_ns)}  {verdict.decision:<7}  {record.workload.title}  {verdict.sentence}"
    )


def outcome_line(outcome: Outcome) -> str:
    """One outcome for people."""
    return printable(
        f"{clock(outcome.carried_out_ns)}  {outcome.result:<14}  {outcome.record.workload.title}  "
        f"{_actor(outcome.record.event)}  {outcome.sentence}"
    )


def command(event: ProcessEvent) -> str:
    """The program and its arguments as one line."""
    arguments = " ".join(event.args[1:])
    script = f" for {event.script}" if event.script else ""
    cut = " ..." if event.args_truncated else ""
    return f"{event.executable.path}{script} {arguments}{cut}".rstrip()


def clock(at_ns: int) -> str:
    """Local time of day, to the millisecond."""
    return datetime.fromtimestamp(at_ns / 1e9, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]


def _print(records: Iterator[Record], line: Callable[[Record], str], output: Form) -> None:
    for record in records:
        out.print(json_line(record) if output is Form.JSON else line(record))


def _records(
    context: typer.Context,
    topic: str,
    read: Reader[Record],
    *,
    from_beginning: bool,
    no_follow: bool,
    limit: int | None,
) -> Iterator[Record]:
    """Records of a topic until Ctrl-C, the limit, or the end where it is not followed."""
    kafka = given(context).settings().kafka("lictor-cli")
    overrides: ClientConfig = {"fetch.wait.max.ms": 100, "enable.partition.eof": no_follow}
    consumer = kafka.consumer("lictor-cli-follow", **overrides)
    start = OFFSET_BEGINNING if from_beginning else OFFSET_END
    try:
        partitions = partition_counts(kafka, consumer).get(topic)
        if partitions is None:
            raise TopicError(f"there is no topic {topic}; run `lictor topics create` or `lictor up` first")
        consumer.assign([TopicPartition(topic, number, start) for number in range(partitions)])
        for count, record in enumerate(_consume(consumer, read, partitions), start=1):
            yield record
            if count == limit:
                return
    except KeyboardInterrupt:
        return
    finally:
        consumer.close()


def _consume(consumer: Consumer, read: Reader[Record], partitions: int) -> Iterator[Record]:
    """Records until every partition has told its end, which only a consumer asked for it is told."""
    ended: set[int] = set()
    heard = time.monotonic()
    while len(ended) < partitions:
        for message in take(consumer, 0.1):
            error = message.error()
            if error is None:
                heard = time.monotonic()
                record = _readable(message, read)
                if record is not None:
                    yield record
            elif error.code() == KafkaError._PARTITION_EOF:
                heard = time.monotonic()
                ended.add(partition_of(message))
            elif not is_transient(error):
                raise KafkaException(error)
            elif time.monotonic() - heard > _AWAY_S:
                raise TopicError(f"no broker has answered for {_AWAY_S} s: {error.str()}")


def _readable(message: Message, read: Reader[Record]) -> Record | None:
    try:
        return read(message.value())
    except RecordError as unreadable:
        warn(f"{message.topic()} {message.partition()}/{message.offset()}: {unreadable.sentence}")
        return None
