"""`lictor events`, `verdicts` and `outcomes`: follow a topic, for people or for programs."""

import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Annotated, TypeVar

import typer

from lictor.cli.context import Form, Output, given, json_line, out, warn
from lictor.cli.following import Readers, following
from lictor.cli.outcome_join import Joined, OutcomeJoin
from lictor.cli.record_lines import event_line, outcome_line, verdict_line
from lictor.settings import Settings
from wire.codec import Reader, read_batch, read_outcome, read_verdict
from wire.kubearmor import DEFAULT_CLUSTER, as_kubearmor
from wire.records import Outcome, VerdictRecord

Record = TypeVar("Record")


class AlertForm(StrEnum):
    """How verdicts are printed."""

    TEXT = "text"
    JSON = "json"
    KUBEARMOR = "kubearmor"


FromBeginning = Annotated[bool, typer.Option("--from-beginning", help="Begin with the oldest kept.")]
NoFollow = Annotated[bool, typer.Option("--no-follow", help="Stop at the end of what is there now.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Stop after so many records.")]
AlertOutput = Annotated[
    AlertForm,
    typer.Option("-o", "--output", help="Print text for people, JSON a line, or KubeArmor's alerts a line."),
]


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
    records = _records(settings, topic, read_batch, from_beginning=from_beginning, no_follow=no_follow)
    for batch in _first(records, limit):
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
    output: AlertOutput = AlertForm.TEXT,
    *,
    cluster: Annotated[
        str, typer.Option(help="What KubeArmor's alerts are to call the cluster.")
    ] = DEFAULT_CLUSTER,
) -> None:
    """Follow denials and alerts. KubeArmor's form says what became of each, too."""
    settings = given(context).settings()
    if output is AlertForm.KUBEARMOR:
        joined = _joined(settings, from_beginning=from_beginning, no_follow=no_follow)
        for line in _first(_alerts(joined, cluster), limit):
            out.print(line)
        return
    topic = settings.topics().verdicts.name
    records = _records(settings, topic, read_verdict, from_beginning=from_beginning, no_follow=no_follow)
    _print(_first(records, limit), verdict_line, as_json=output is AlertForm.JSON)


def outcomes(
    context: typer.Context,
    from_beginning: FromBeginning = False,
    no_follow: NoFollow = False,
    limit: Limit = None,
    output: Output = Form.TEXT,
) -> None:
    """Follow what became of denials."""
    settings = given(context).settings()
    topic = settings.topics().outcomes.name
    records = _records(settings, topic, read_outcome, from_beginning=from_beginning, no_follow=no_follow)
    _print(_first(records, limit), outcome_line, as_json=output is Form.JSON)


def _print(records: Iterator[Record], line: Callable[[Record], str], *, as_json: bool) -> None:
    for record in records:
        out.print(json_line(record) if as_json else line(record))


def _first(records: Iterator[Record], limit: int | None) -> Iterator[Record]:
    """Records until Ctrl-C or the limit."""
    try:
        for count, record in enumerate(records, start=1):
            yield record
            if count == limit:
                return
    except KeyboardInterrupt:
        return


def _records(
    settings: Settings, topic: str, read: Reader[Record], *, from_beginning: bool, no_follow: bool
) -> Iterator[Record]:
    """Records of a topic, without end or to the end of what is there."""
    with following(settings, {topic: read}, from_beginning=from_beginning) as topics:
        while not (no_follow and topics.at_end()):
            yield from topics.take()


def _joined(settings: Settings, *, from_beginning: bool, no_follow: bool) -> Iterator[Joined]:
    """Verdicts, each with its outcome where one came in time."""
    named = settings.topics()
    readers: Readers[VerdictRecord | Outcome] = {
        named.verdicts.name: read_verdict,
        named.outcomes.name: read_outcome,
    }
    join = OutcomeJoin()
    with following(settings, readers, from_beginning=from_beginning) as topics:
        try:
            while not (no_follow and topics.at_end()):
                for record in topics.take():
                    yield from join.take(record, time.monotonic())
                outcomes_read = topics.at_end(named.outcomes.name)
                if no_follow and outcomes_read:
                    yield from join.rest()
                yield from join.due(time.monotonic(), outcomes_read=outcomes_read)
                topics.hold(named.verdicts.name, held=join.is_full)
        except KeyboardInterrupt:
            yield from join.rest()
            raise
        yield from join.rest()


def _alerts(joined: Iterator[Joined], cluster: str) -> Iterator[str]:
    for record, outcome in joined:
        try:
            alert = as_kubearmor(record, outcome, cluster=cluster)
        except ValueError as error:
            warn(f"{record.id}: {error}")
        else:
            yield json_line(alert)
