"""One line for people of every kind of event."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from lictor.cli.record_lines import event_line, outcome_line
from policy.events import JudgedEvent
from tests.fixtures.records import ACT_BATCH, ACT_VERDICTS, ACTS, EVENT, EXIT
from tests.fixtures.verdict_records import outcome
from wire.records import kind_of


def said(event: Any) -> str:
    """The line without its time."""
    return event_line(ACT_BATCH, event).split("  ", 1)[1]


def act(kind: str, **changes: Any) -> JudgedEvent:
    (event,) = (one for one in ACTS if kind_of(one) == kind)
    return replace(event, **changes)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (EVENT, "4242 runs /usr/bin/bash -c id; \\xff --password [redacted]"),
        (EXIT, "4242 ended with signal 9"),
        (replace(EXIT, signal=0, exit_code=3), "4242 ended with code 3"),
        (act("file"), "4242 /usr/bin/bash: rename /var/www/html/shell.php /tmp/\\xff"),
        (
            act("file", access="write", new_path="", result=-13),
            "4242 /usr/bin/bash: write /var/www/html/shell.php (Permission denied)",
        ),
        (act("network"), "4242 /usr/bin/bash: connect tcp 203.0.113.7:4444"),
        (
            act("network", address="2001:db8::1", family=10, type=2),
            "4242 /usr/bin/bash: connect udp [2001:db8::1]:4444",
        ),
        (
            act("network", operation="socket", family=16, type=3, address="", port=0),
            "4242 /usr/bin/bash: socket AF_NETLINK SOCK_RAW",
        ),
        (
            act("network", operation="bind", family=1, address="/run/a.sock", port=0),
            "4242 /usr/bin/bash: bind AF_UNIX SOCK_STREAM /run/a.sock",
        ),
        (act("dns"), "4242 /usr/bin/bash: asks for evil.example (AAAA)"),
        (act("capability"), "4242 /usr/bin/bash: uses capability net_raw (Operation not permitted)"),
        (act("syscall"), "4242 /usr/bin/bash: calls unlink /etc/passwd"),
        (act("memory"), "4242 /usr/bin/bash: makes anonymous memory executable"),
        (act("memory", actor=None), "4242 (program not known): makes anonymous memory executable"),
    ],
)
def test_a_line_says_who_did_what_and_whether_the_kernel_refused(event: Any, line: str) -> None:
    assert said(event) == f"dvwa/dvwa-web-0  {line}"


def test_what_a_process_chose_cannot_move_the_cursor() -> None:
    line = said(act("dns", name="a\x1b[2J\nb"))
    assert line.isprintable()


def test_an_outcome_names_the_program_that_acted() -> None:
    line = outcome_line(outcome(ACT_VERDICTS["dns"], "unsupported"))
    assert "  unsupported     dvwa/dvwa-web-0  /usr/bin/bash  " in line
