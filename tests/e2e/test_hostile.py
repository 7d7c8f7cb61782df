"""What an attacker chooses goes the whole way: judged, stored, and shown without harm."""

from __future__ import annotations

import os
import re

from tests.fixtures.stacks import LiveStack
from tests.fixtures.tenants import PYTHON, Tenant
from wire.text import decode

ESCAPES = "\x1b[31mred\x1b]0;title\x07\x1b[2J"
BIDI = "\u202egnp.exe\u2066"
NAMES = {
    "escapes": b"esc\x1b[2J\x1b]0;owned\x07",
    "not-utf-8": b"caf\xe9-\xff\xfe",
    "control": b"line\nbreak\ttab\x7f\x08",
    "markup": b"[red]not[bold] :smile: [link=file:x]here",
    "bidirectional": "x\u202egnp.exe".encode(),
    "backslash": b"\\x41\\\\",
}
HUGE = 100_000

_HARMLESS = re.compile(r"[^\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*")


def test_names_and_arguments_are_judged_stored_and_shown_safely(live: LiveStack, tenant: Tenant) -> None:
    live.put_in_force(tenant.allow_only(PYTHON))
    programs = {kind: tenant.program(name, copy_of="true") for kind, name in NAMES.items()}
    arguments = [ESCAPES.encode(), BIDI.encode(), b"\xff\xfe\x80", b"[blink]", b"one\nforged line"]
    with live.ledger(tenant) as ledger:
        for path in programs.values():
            tenant.run([os.fsencode(path), *arguments])
        ledger.until("their verdicts", lambda seen: len(seen.verdict_ids) == len(NAMES))

        seen = {record.event.executable.path: record for record in ledger.verdicts}
        assert set(seen) == {decode(os.fsencode(path))[0] for path in programs.values()}
        for record in seen.values():
            assert record.verdict.decision == "audit"
            assert record.event.args[1:] == tuple(decode(argument)[0] for argument in arguments)
            assert _HARMLESS.fullmatch(record.verdict.sentence)
        assert seen[decode(os.fsencode(programs["not-utf-8"]))[0]].event.executable.escaped

        ledger.await_stored(ledger.verdict_ids)
        stored = {document["process"]["executable"]: document for document in ledger.documents()}
        assert set(stored) == set(seen)
        for path, document in stored.items():
            assert document["process"]["args"][1:] == list(seen[path].event.args[1:])

    for command in ("verdicts", "events"):
        shown = live.cli(command, "--from-beginning", "--no-follow")
        assert shown.returncode == 0, shown.stderr
        assert _HARMLESS.fullmatch(shown.stdout)
        ours = [
            line for line in shown.stdout.splitlines() if str(tenant.programs) in line and "/true" not in line
        ]
        assert any(r"esc\x1b[2J\x1b]0;owned\x07" in line for line in ours)
        assert any("[red]not[bold] :smile: [link=file:x]here" in line for line in ours)
        assert any(r"\u202egnp.exe" in line for line in ours)
        # No name and no argument makes a line of its own.
        assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3}  ", line) for line in shown.stdout.splitlines())


def test_arguments_of_100_kb_are_cut_marked_and_judged(live: LiveStack, tenant: Tenant) -> None:
    program = tenant.program("huge", copy_of="true")
    live.put_in_force(tenant.allow_only(PYTHON))
    with live.ledger(tenant) as ledger:
        tenant.run([program, b"A" * HUGE])
        tenant.run([program, *(b"\x1b" for _ in range(HUGE // 2))])
        ledger.until("their verdicts", lambda seen: len(seen.verdict_ids) == 2)
        for record in ledger.verdicts:
            assert record.verdict.decision == "audit"
            assert record.event.args[0] == program
            assert record.event.args_truncated
            assert sum(map(len, record.event.args)) < HUGE
        ledger.await_stored(ledger.verdict_ids)
        assert [document["process"]["executable"] for document in ledger.documents()] == [program] * 2
    for form in ("text", "json"):
        shown = live.cli("verdicts", "--from-beginning", "--no-follow", "-o", form)
        assert shown.returncode == 0
        assert program in shown.stdout
        assert _HARMLESS.fullmatch(shown.stdout)
