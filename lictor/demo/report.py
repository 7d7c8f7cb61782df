"""The table at the end: each event, the decision and why, what became of it, how fast."""

from rich.table import Table
from rich.text import Text

from lictor.demo.scenario import Seen
from policy.events import ProcessEvent
from wire.records import Outcome, VerdictRecord
from wire.text import printable


def table(seen: Seen) -> Table:
    """One row a verdict, in the order of the events; made for 80 columns."""
    outcomes = {one.record.id: one for one in seen.outcomes.values()}
    rows = sorted(seen.verdicts.values(), key=lambda one: one.event.boot_ns)
    made = Table(expand=False, pad_edge=False, show_edge=False)
    made.add_column("event", overflow="fold", max_width=24)
    made.add_column("decision", no_wrap=True)
    made.add_column("reason", overflow="fold", max_width=15)
    made.add_column("outcome", overflow="fold")
    made.add_column("exec to kill", justify="right", no_wrap=True)
    for record in rows:
        outcome = outcomes.get(record.id)
        made.add_row(
            _event(record),
            Text(record.verdict.decision),
            Text(str(record.verdict.reason.value)),
            Text(_what_became(record, outcome)),
            _time(outcome),
        )
    return made


def _event(record: VerdictRecord) -> Text:
    event = record.event
    if not isinstance(event, ProcessEvent):
        return Text(printable(record.verdict.sentence))
    text = Text(printable(event.executable.path))
    if event.source is not None:
        text.append(f"\n from {printable(event.source.path)}", style="dim")
    return text


def _what_became(record: VerdictRecord, outcome: Outcome | None) -> str:
    if outcome is not None:
        return outcome.result
    return "unanswered" if record.verdict.decision == "block" else "passed"


def _time(outcome: Outcome | None) -> Text:
    if outcome is None or outcome.exec_to_kill_ns is None:
        return Text("")
    return Text(f"{outcome.exec_to_kill_ns / 1e6:.1f} ms")
