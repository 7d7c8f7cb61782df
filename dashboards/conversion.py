"""Records of the topics to the documents of the data streams: which becomes what. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from dashboards import documents
from dashboards.bulk import Entry, Origin, Rejection
from dashboards.documents import VERDICTS_STREAM, DocumentError
from dashboards.event_documents import EVENTS_STREAM, event_document, event_document_id
from dashboards.health_documents import health_documents
from dashboards.health_fields import HEALTH_STREAM
from dashboards.source import Received
from wire.codec import RecordError, read_batch, read_health, read_outcome, read_verdict
from wire.topics import Topics

NO_DOCUMENT = "no-document"
"""Dead letter code: the record is readable, and says what no document can hold."""

Made = tuple[str, bytes] | DocumentError
"""A document with its `_id`, or why there is none."""


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """Where the documents of a topic's records go, and how they are made.

    `convert` raises RecordError for a record that cannot be read, DocumentError for one that no document
    can say. `parts`: each document stands for one event of the record, in the record's order, and one
    that fails leaves the others.
    """

    stream: str
    convert: Callable[[bytes | None], list[Made]]
    parts: bool = False


@dataclass(kw_only=True)
class Converted:
    """What came of some records: documents by data stream, and what goes to the dead letters."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)


def conversions(topics: Topics, *, store_events: bool) -> dict[str, Conversion]:
    """By topic, for all topics that the sink reads."""
    found = {
        topics.verdicts.name: Conversion(stream=VERDICTS_STREAM, convert=_verdict),
        topics.outcomes.name: Conversion(stream=VERDICTS_STREAM, convert=_outcome),
        topics.health.name: Conversion(stream=HEALTH_STREAM, convert=_health),
    }
    if store_events:
        found[topics.events.name] = Conversion(stream=EVENTS_STREAM, convert=_events, parts=True)
    return found


def convert(received: Iterable[Received], by_topic: dict[str, Conversion]) -> Converted:
    """All documents of these records, in their order."""
    converted = Converted()
    for record in received:
        progress = record.progress
        conversion = by_topic[progress.topic]
        origin = Origin(progress=progress, offset=record.offset, key=record.key, value=record.value or b"")
        try:
            made = conversion.convert(record.value)
        except RecordError as error:
            rejection = Rejection(origin=origin, code=error.code, sentence=error.sentence)
            converted.rejections.append(rejection)
            continue
        except DocumentError as error:
            made = [error]
        suspect = record.offset < progress.suspect_until
        entries = converted.entries.setdefault(conversion.stream, [])
        for number, one in enumerate(made):
            part = number if conversion.parts else None
            if isinstance(one, DocumentError):
                rejection = Rejection(origin=origin, code=NO_DOCUMENT, sentence=str(one), part=part)
                converted.rejections.append(rejection)
            else:
                identifier, document = one
                entry = Entry(id=identifier, document=document, origin=origin, suspect=suspect, part=part)
                entries.append(entry)
    return converted


def _verdict(value: bytes | None) -> list[Made]:
    record = read_verdict(value)
    return [(documents.verdict_document_id(record), documents.encode(documents.verdict_document(record)))]


def _outcome(value: bytes | None) -> list[Made]:
    outcome = read_outcome(value)
    return [(documents.outcome_document_id(outcome), documents.encode(documents.outcome_document(outcome)))]


def _health(value: bytes | None) -> list[Made]:
    return list(health_documents(read_health(value)))


def _events(value: bytes | None) -> list[Made]:
    batch = read_batch(value)
    source, workload = batch.source, batch.workload
    made: list[Made] = []
    for event in batch.events:
        try:
            document = documents.encode(event_document(source, workload, event))
        except DocumentError as error:
            made.append(error)
        else:
            made.append((event_document_id(source, event), document))
    return made
