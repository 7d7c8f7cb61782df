"""One batch of events and one policy set in, verdicts and orders out. No I/O, no clock."""

from collections import Counter

import msgspec

from policy.changes import Enforcement
from policy.events import ExitEvent, JudgedEvent, ProcessEvent
from policy.judge import judge
from policy.policy_set import PolicySet
from policy.verdict import Verdict
from streams.reading import whole
from wire.records import LIVE, EventBatch, Order, PolicyPosition, VerdictRecord, event_id, verdict_id

ORDER_LIFETIME_NS = 30 * 10**9
"""How long after its judging an order may be carried out."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a batch, in the order of its events."""

    events: int
    """Events that were put to the judge. Exits are telemetry and are not among them."""
    verdicts: tuple[VerdictRecord, ...] = ()
    """Denials, alerts and unknowns, one each."""
    orders: tuple[Order, ...] = ()
    suppressed: tuple[VerdictRecord, ...] = ()
    """Alerts that are counted and not told (`streams.throttles`). The judge itself suppresses none."""
    passed: tuple[tuple[Verdict, int], ...] = ()
    """What passed in silence: each distinct verdict and how many events had it."""


def judge_batch(batch: EventBatch, policy_set: PolicySet, now_ns: int) -> Judged:
    """Judge a whole batch by one policy set.

    `now_ns` is the wall clock, read once: all verdicts and orders of the batch carry it.

    Raises:
        RecordError: an event that must be told is not whole (`streams.reading`).
    """
    rules = policy_set.for_workload(batch.workload)
    events = [event for event in batch.events if not isinstance(event, ExitEvent)]
    verdicts = [judge(event, rules) for event in events]

    # The judge answers equal questions with the same object. Grouping by identity costs next to
    # nothing, and the many events that pass are never looked at one by one.
    counts = Counter(map(id, verdicts))
    distinct = dict(zip(map(id, verdicts), verdicts, strict=True))
    told = {key for key, verdict in distinct.items() if _is_told(verdict)}
    passed = tuple((verdict, counts[key]) for key, verdict in distinct.items() if key not in told)
    if not told:
        return Judged(events=len(events), passed=passed)

    about = _About(
        enforcement=rules.enforcement,
        policies=PolicyPosition(offset=policy_set.offset, hash=policy_set.hash),
        judged_ns=now_ns,
    )
    records = tuple(
        _record(batch, event, verdict, about)
        for event, verdict in zip(events, verdicts, strict=True)
        if id(verdict) in told
    )
    orders = tuple(_order(record, now_ns) for record in records if is_ordered(record))
    return Judged(events=len(events), verdicts=records, orders=orders, passed=passed)


def _is_told(verdict: Verdict) -> bool:
    return verdict.alert or verdict.decision in {"block", "unknown"}


def is_ordered(record: VerdictRecord) -> bool:
    """Whether the node's enforcer is asked to carry the verdict out, so that an outcome is to come."""
    # Only starting a program can be answered by ending the process. What else was denied happened before
    # the order could arrive, and whether its process must end for it is for nobody to guess: such orders
    # come with the sensors and enforcers that can refuse the act itself.
    return (
        isinstance(record.event, ProcessEvent)
        and record.verdict.decision == "block"
        and record.enforcement == "terminate"
        and record.workload.complete
        and not record.source.recorded
    )


class _About(msgspec.Struct, frozen=True, kw_only=True):
    """What all verdict records of one batch have in common."""

    enforcement: Enforcement
    policies: PolicyPosition
    judged_ns: int


def _record(batch: EventBatch, event: JudgedEvent, verdict: Verdict, about: _About) -> VerdictRecord:
    event_name = event_id(batch.source, event)
    return VerdictRecord(
        id=verdict_id(event_name, LIVE),
        event_id=event_name,
        source=batch.source,
        workload=batch.workload,
        event=whole(event),
        verdict=verdict,
        enforcement=about.enforcement,
        policies=about.policies,
        judged_ns=about.judged_ns,
    )


def _order(record: VerdictRecord, now_ns: int) -> Order:
    return Order(
        id=record.id,
        node=record.source.node,
        issued_ns=now_ns,
        expires_ns=now_ns + ORDER_LIFETIME_NS,
        record=record,
    )
