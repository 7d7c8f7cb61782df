"""The table at the end of the demonstration: a row a verdict, 80 columns, no harm from what it shows."""

from __future__ import annotations

import io

import msgspec
from rich.console import Console

from lictor.demo.report import table
from lictor.demo.scenario import Seen
from policy.events import Executable
from tests.fixtures.records import BASH, DASH, EVENT, OUTCOME, VERDICT
from wire.records import Outcome, VerdictRecord

WIDTH = 80


def shown(verdicts: list[VerdictRecord], outcomes: list[Outcome]) -> list[str]:
    """The lines of the table, as a terminal of 80 columns gets them."""
    seen = Seen(
        verdicts={one.id: one for one in verdicts},
        outcomes={one.id: one for one in outcomes},
    )
    console = Console(file=io.StringIO(), width=WIDTH, force_terminal=True, color_system=None)
    console.print(table(seen))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def verdict(number: int, path: str = BASH.path, decision: str = "block") -> VerdictRecord:
    event = msgspec.structs.replace(
        EVENT, sequence=number, boot_ns=number, executable=Executable(path=path), source=DASH
    )
    judged = msgspec.structs.replace(VERDICT.verdict, decision=decision)
    return msgspec.structs.replace(VERDICT, id=f"verdict-{number}", event=event, verdict=judged)


def outcome(record: VerdictRecord, result: str, exec_to_kill_ns: int | None) -> Outcome:
    return msgspec.structs.replace(
        OUTCOME, id=f"{record.id}/outcome", record=record, result=result, exec_to_kill_ns=exec_to_kill_ns
    )


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("│")]


def test_a_row_says_event_decision_reason_outcome_and_time() -> None:
    killed, gone = verdict(1), verdict(2, "/usr/bin/id")
    lines = shown(
        [killed, gone], [outcome(killed, "terminated", 7_512_345), outcome(gone, "already-gone", None)]
    )
    assert cells(lines[2]) == ["/usr/bin/bash", "block", "posture-block", "terminated", "7.5 ms"]
    assert cells(lines[3])[0] == "from /usr/bin/dash"
    assert cells(lines[4]) == ["/usr/bin/id", "block", "posture-block", "already-gone", ""]


def test_rows_stand_in_the_order_of_the_events() -> None:
    lines = shown([verdict(3, "/c"), verdict(1, "/a"), verdict(2, "/b")], [])
    assert [cells(line)[0] for line in lines if line.startswith("/")] == ["/a", "/b", "/c"]


def test_what_was_denied_and_has_no_outcome_did_not_pass() -> None:
    lines = shown([verdict(1), verdict(2, decision="audit")], [])
    assert [cells(line)[3] for line in (lines[2], lines[4])] == ["unanswered", "passed"]


def test_it_fits_80_columns_whatever_the_paths_are() -> None:
    record = verdict(1, "/very/long" * 30)
    lines = shown([record], [outcome(record, "no-longer-denied", 1_234_567_890_123)])
    assert max(map(len, lines)) <= WIDTH
    # Folded, not cut: put together the whole path is there.
    assert "".join(cells(line)[0] for line in lines[2:]).startswith("/very/long" * 30)


def test_what_an_attacker_named_is_shown_as_it_is() -> None:
    lines = shown([verdict(1, "/x/\x1b[2J[red]\u202e")], [])
    text = "\n".join(lines)
    assert r"/x/\x1b[2J[red]\u202e" in text
    assert "\x1b" not in text
