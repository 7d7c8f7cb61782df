"""What the command prints about records: for people, safe to show, and for machines, the same record."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from lictor.cli.context import json_line
from lictor.cli.record_lines import command, event_line, outcome_line, verdict_line
from policy.events import Executable
from policy.verdict import Verdict
from tests.fixtures.records import BATCH, DEAD_LETTER, EVENT, EXIT, HEALTH, ORDER, OUTCOME, VERDICT
from wire import codec

HOSTILE = "\x00\x07\x1b[2J\x7f\x9b31m\u202e\u2066\u200b\u2028\ufeff\U000e0041\nline two"
TIME = r"\d\d:\d\d:\d\d\.\d{3}"


def is_harmless(text: str) -> bool:
    return text.isprintable() and "\n" not in text


def test_an_exec_is_one_line() -> None:
    line = event_line(BATCH, EVENT)
    assert re.fullmatch(
        TIME + r"  dvwa/dvwa-web-0  4242 runs /usr/bin/bash -c id; \\xff --password \[redacted\]", line
    )


def test_an_end_says_how() -> None:
    assert event_line(BATCH, EXIT).endswith("  dvwa/dvwa-web-0  4242 ended with signal 9")
    left = msgspec.structs.replace(EXIT, signal=0, exit_code=3)
    assert event_line(BATCH, left).endswith("4242 ended with code 3")


def test_a_verdict_and_an_outcome_are_one_line_each() -> None:
    assert re.fullmatch(
        TIME + rf"  block    dvwa/dvwa-web-0  {re.escape(VERDICT.verdict.sentence)}", verdict_line(VERDICT)
    )
    assert re.fullmatch(
        TIME + r"  terminated      dvwa/dvwa-web-0  /usr/bin/bash  /usr/bin/bash was terminated",
        outcome_line(OUTCOME),
    )


def test_a_command_says_script_and_cut() -> None:
    scripted = msgspec.structs.replace(EVENT, script="/usr/lib/cgi-bin/ping", args=("sh", "x"))
    assert command(scripted) == "/usr/bin/bash for /usr/lib/cgi-bin/ping x"
    cut = msgspec.structs.replace(EVENT, args=("bash", "a"), args_truncated=True)
    assert command(cut) == "/usr/bin/bash a ..."
    assert command(msgspec.structs.replace(EVENT, args=())) == "/usr/bin/bash"


def test_lines_show_what_an_attacker_chose_without_harm() -> None:
    event = msgspec.structs.replace(
        EVENT, executable=Executable(path=f"/x/{HOSTILE}"), args=("x", HOSTILE), script=HOSTILE
    )
    workload = msgspec.structs.replace(VERDICT.workload, namespace=HOSTILE)
    said = Verdict(decision="block", reason=VERDICT.verdict.reason, sentence=HOSTILE)
    record = msgspec.structs.replace(VERDICT, event=event, workload=workload, verdict=said)
    batch = msgspec.structs.replace(BATCH, workload=workload)
    for line in (
        event_line(batch, event),
        verdict_line(record),
        outcome_line(msgspec.structs.replace(OUTCOME, record=record, sentence=HOSTILE)),
    ):
        assert is_harmless(line), line
        assert r"\x1b[2J" in line


@pytest.mark.parametrize(
    ("record", "read"),
    [
        (BATCH, codec.read_batch),
        (VERDICT, codec.read_verdict),
        (ORDER, codec.read_order),
        (OUTCOME, codec.read_outcome),
        (HEALTH, codec.read_health),
        (DEAD_LETTER, codec.read_dead_letter),
    ],
    ids=lambda value: type(value).__name__,
)
def test_json_is_one_line_that_reads_as_the_same_record(record: object, read: codec.Reader[object]) -> None:
    line = json_line(record)
    assert "\n" not in line
    assert read(line.encode()) == record


def test_json_shows_without_harm_and_reads_as_the_same_text() -> None:
    line = json_line({"path": HOSTILE, "name": "café ☃ 🐍"})
    assert is_harmless(line)
    assert json.loads(line) == {"path": HOSTILE, "name": "café ☃ 🐍"}
    assert "café ☃ 🐍" in line
