"""Two thousand programs at once, and every one of them accounted for."""

from __future__ import annotations

import signal
from collections import Counter

from sensors.health import is_balanced
from tests.fixtures.ledgers import Ledger
from tests.fixtures.stacks import LiveStack
from tests.fixtures.tenants import PYTHON, Tenant
from wire.records import RingBalance

BURST = 2000


def test_a_burst_is_judged_stored_and_accounted_for_to_the_last_exec(live: LiveStack, tenant: Tenant) -> None:
    program = tenant.program("burst", copy_of="true")
    live.put_in_force(tenant.allow_only(PYTHON))
    with live.ledger(tenant) as ledger:
        # Another sensor, of which the ledger has everything from its beginning.
        live.wait_ready("sensor", other_than=live.signal("sensor", signal.SIGTERM))
        tenant.spawn(program, BURST)
        ledger.until("a verdict for every exec", lambda seen: len(seen.verdict_ids) >= BURST)

        every_one_once = Counter(str(number) for number in range(BURST))
        assert Counter(record.event.args[0] for record in ledger.verdicts) == every_one_once
        assert {record.verdict.reason for record in ledger.verdicts} == {"posture-audit"}
        assert ledger.verdict_ids == set(ledger.of_program(program))
        ledger.await_stored(ledger.verdict_ids)
        assert len(ledger.documents()) == BURST

        # Told to stop, the sensor accounts for all that it saw, while the machine goes on starting programs.
        incarnation = next(iter(ledger.batches.values())).source.incarnation
        live.wait_ready("sensor", other_than=live.signal("sensor", signal.SIGTERM))
        balance = last_word(ledger, incarnation)
        assert is_balanced(balance)
        assert balance.lost == 0
        assert balance.unpublished == 0
        ledger.until("all published", lambda seen: published(seen, incarnation) >= balance.published)
        assert published(ledger, incarnation) == balance.published
        assert max(ledger.event_ids.values()) == 1


def published(ledger: Ledger, incarnation: str) -> int:
    return sum(times for name, times in ledger.event_ids.items() if f"/{incarnation}/" in name)


def last_word(ledger: Ledger, incarnation: str) -> RingBalance:
    """The last balance of a sensor whose successor has reported already."""
    ledger.until(
        "the next sensor's report",
        lambda seen: bool(seen.health) and seen.health[-1].source.incarnation != incarnation,
    )
    mine = [health for health in ledger.health if health.source.incarnation == incarnation]
    return mine[-1].rings["process"]
