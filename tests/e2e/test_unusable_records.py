"""Records that nobody of ours wrote: put aside or refused with a reason, never obeyed; the rest goes on."""

from __future__ import annotations

import secrets
import time
from collections import Counter

import msgspec

from policy.changes import NamespaceChanged, PolicyApplied
from tests.fixtures.ledgers import WITHIN_S
from tests.fixtures.stacks import LiveStack
from tests.fixtures.tenants import Tenant
from wire import codec
from wire.records import Order, VerdictRecord
from wire.seal import KEY_BYTES, seal

NOT_JSON = b"\xff\x00 not JSON"
OF_THE_FUTURE = b'{"schema": 99, "novelty": []}'
SECOND_NS = 10**9


def test_what_cannot_be_read_is_put_aside_and_the_rest_goes_on(live: LiveStack, tenant: Tenant) -> None:
    program = tenant.program("denied")
    live.put_in_force(
        tenant.deny(program), NamespaceChanged(namespace=tenant.namespace, enforcement="terminate")
    )
    topics = (live.topics.events.name, live.topics.orders.name, live.topics.verdicts.name)
    with live.ledger(tenant) as ledger:
        for topic in topics:
            for value in (NOT_JSON, OF_THE_FUTURE):
                # Orders are read from the partition of the node's name.
                live.produce(topic, value, key=live.node)
        tenant.spawn(program, 3, "60")
        ledger.until("all put aside", lambda seen: len(seen.dead_letters) >= 2 * len(topics))
        assert Counter(
            (letter.topic, letter.reason, letter.value) for letter in ledger.dead_letters
        ) == Counter(
            [(topic, "not-json", NOT_JSON) for topic in topics]
            + [(topic, "unknown-schema", OF_THE_FUTURE) for topic in topics]
        )
        assert all(letter.sentence for letter in ledger.dead_letters)

        ledger.until("what is denied", lambda seen: len(seen.answered) == 3)
        assert {outcome.result for outcome in ledger.outcomes} == {"terminated"}
        ledger.await_stored(ledger.verdict_ids, ledger.outcomes)


def test_forged_and_expired_orders_never_kill(live: LiveStack, tenant: Tenant) -> None:
    """The process is real, denied and named rightly; only its namespace's enforcement is off."""
    program = tenant.program("denied")
    live.put_in_force(tenant.deny(program), NamespaceChanged(namespace=tenant.namespace, enforcement="off"))
    with live.ledger(tenant) as ledger, tenant.start([program, "600"]) as process:
        ledger.until("its verdict", lambda seen: len(seen.verdicts) == 1)
        record = ledger.verdicts[0]
        assert (record.verdict.decision, record.enforcement) == ("block", "off")
        assert record.event.pid == process.pid

        send(live, order(resealed(record, b"")))
        send(live, order(resealed(record, secrets.token_bytes(KEY_BYTES))))
        send(live, order(record, expires_in_ns=-SECOND_NS))
        send(live, order(record))
        ledger.until("four refusals", lambda seen: len(seen.outcomes) == 4)
        assert [outcome.result for outcome in ledger.outcomes] == [
            "unverified",
            "unverified",
            "expired",
            "no-longer-denied",
        ]
        assert process.poll() is None

        # And what was refused would have killed: with enforcement on, the last of them does.
        live.put_in_force(NamespaceChanged(namespace=tenant.namespace, enforcement="terminate"))
        send(live, order(record))
        ledger.until("its end", lambda seen: len(seen.outcomes) == 5)
        assert ledger.outcomes[-1].result == "terminated"
        assert process.wait(WITHIN_S) == -9


def test_a_bad_policy_is_refused_and_counted_and_the_others_stay(live: LiveStack, tenant: Tenant) -> None:
    program = tenant.program("denied")
    good = tenant.deny(program)
    live.put_in_force(good, NamespaceChanged(namespace=tenant.namespace, enforcement="terminate"))
    misspelt = bytes(good.document).replace(b'"matchPaths"', b'"matchPath"')
    of_no_kind = bytes(good.document).replace(b'"KubeArmorPolicy"', b'"NoPolicy"')
    bad = {
        "not-json": [NOT_JSON],
        "unknown-schema": [b'{"change": "policy-deleted", "schema": 99}'],
        "not-this-type": [b'{"change": "policy-deleted"}'],
        "invalid-policy": [
            codec.encode(PolicyApplied(document=msgspec.Raw(document))) for document in (misspelt, of_no_kind)
        ],
    }
    before = {reason: refused(live, reason) for reason in bad}
    offset = max(
        live.produce(live.topics.policies.name, value) for values in bad.values() for value in values
    )
    live.wait_until_known(offset)
    assert {reason: refused(live, reason) for reason in bad} == {
        reason: {name: count + len(bad[reason]) for name, count in counts.items()}
        for reason, counts in before.items()
    }
    with live.ledger(tenant) as ledger:
        tenant.spawn(program, 3, "60")
        ledger.until("what is denied still", lambda seen: len(seen.answered) == 3)
        assert {outcome.result for outcome in ledger.outcomes} == {"terminated"}
        assert {record.policies.offset for record in ledger.verdicts} == {offset}


def refused(live: LiveStack, reason: str) -> dict[str, float]:
    """How many changes each judge has refused so."""
    metric = "lictor_policy_changes_refused_total"
    return {name: live.metric(name, metric, reason=reason) for name in ("streams", "enforcer")}


def resealed(record: VerdictRecord, key: bytes) -> VerdictRecord:
    """The same with another seal; with none where `key` is empty."""
    event = msgspec.structs.replace(record.event, seal="")
    if key:
        event = seal(key, record.source, record.workload.id, event)
    return msgspec.structs.replace(record, event=event)


def order(record: VerdictRecord, expires_in_ns: int = 30 * SECOND_NS) -> Order:
    now = time.time_ns()
    return Order(
        id=record.id, node=record.source.node, issued_ns=now, expires_ns=now + expires_in_ns, record=record
    )


def send(live: LiveStack, one: Order) -> None:
    live.produce(live.topics.orders.name, codec.encode(one), key=one.node)
