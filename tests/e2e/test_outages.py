"""Each part dies in the middle of the work, and nothing that was seen is lost or counted twice."""

from __future__ import annotations

import signal

import pytest

from policy.changes import NamespaceChanged
from tests.fixtures.stacks import SERVICES, LiveStack
from tests.fixtures.tenants import Tenant

KILLED = [(name, signal.SIGKILL) for name in (*SERVICES, "kafka", "elasticsearch")]
ASKED_TO_STOP = [(name, signal.SIGTERM) for name in SERVICES]

AFTERWARDS = 20
ENOUGH = 25
"""Answered denials that make a load one that runs."""


@pytest.mark.parametrize(
    ("part", "number"), KILLED + ASKED_TO_STOP, ids=lambda value: getattr(value, "name", value)
)
def test_what_was_seen_is_judged_answered_and_stored_once(
    live: LiveStack, tenant: Tenant, part: str, number: signal.Signals
) -> None:
    meanwhile, afterwards = tenant.program("meanwhile"), tenant.program("afterwards")
    live.put_in_force(
        tenant.deny(meanwhile, afterwards),
        NamespaceChanged(namespace=tenant.namespace, enforcement="terminate"),
    )
    with live.ledger(tenant) as ledger:
        with tenant.load(meanwhile, "60") as load:
            ledger.until("a load that runs", lambda seen: len(seen.answered) >= ENOUGH)
            live.wait_ready(part, other_than=live.signal(part, number))
        # They sleep for a minute, unless somebody ends them.
        tenant.spawn(afterwards, AFTERWARDS, "60")

        ledger.until("all of them seen", lambda seen: len(seen.of_program(afterwards)) == AFTERWARDS)
        if part != "sensor":
            ledger.until("those before, too", lambda seen: len(seen.of_program(meanwhile)) == load.started)
        denied = set(ledger.of_program(meanwhile)) | set(ledger.of_program(afterwards))
        ledger.until("verdicts", lambda seen: denied <= seen.verdict_ids)
        ledger.until("outcomes", lambda seen: denied <= seen.answered)

        assert ledger.verdict_ids == denied
        assert ledger.answered == denied
        assert max(ledger.event_ids.values()) == 1, "an event id came twice"
        ledger.await_stored(denied, ledger.outcomes)
        assert len(ledger.documents()) == 2 * len(denied)
