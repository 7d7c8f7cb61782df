"""What a stream worker says about itself (Prometheus, base units)."""

from collections import Counter as Counts
from functools import lru_cache

from prometheus_client import Counter, Gauge, Histogram

from policy.verdict import PostureReference, RuleReference, Verdict
from streams.judging import Judged
from streams.outgoing import Kind

HOP_BUCKETS = (0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1, 5, 30, 300)

received = Counter("lictor_streams_received_total", "Event batches taken from the events topic.")
batches = Counter("lictor_streams_batches_total", "Event batches judged.")
verdicts = Counter(
    "lictor_streams_verdicts_total",
    "Events judged, by decision and by what decided: rule, posture, or none.",
    ["decision", "by"],
)
events = Counter("lictor_streams_events_total", "Events judged, by decision.", ["decision"])
passes = Counter(
    "lictor_streams_passes_total",
    "Events that passed in silence, by reason and by the rule that let them pass, if one did.",
    ["reason", "policy_namespace", "policy", "place"],
)
suppressed = Counter(
    "lictor_streams_alerts_suppressed_total",
    "Alerts that throttling kept from being told, by the rule or posture whose they were.",
    ["policy_namespace", "policy", "place"],
)
delivered = Counter(
    "lictor_streams_records_total", "Records delivered: verdict, order, epoch or dead-letter.", ["record"]
)
dead_letters = Counter("lictor_streams_dead_letters_total", "Dead letters made, by reason.", ["reason"])
in_flight = Gauge("lictor_streams_batches_in_flight", "Batches judged and not yet acknowledged.")
lag = Gauge(
    "lictor_streams_lag_records",
    "Event batches of a partition that wait to be judged, as of the last health record.",
    ["partition"],
)
event_to_judge_seconds = Histogram(
    "lictor_streams_event_to_judge_seconds",
    "From the oldest event of a batch in the kernel until a worker takes the batch up.",
    buckets=HOP_BUCKETS,
)
event_to_delivery_seconds = Histogram(
    "lictor_streams_event_to_delivery_seconds",
    "From the oldest event of a batch with verdicts in the kernel until all replicas have those verdicts.",
    buckets=HOP_BUCKETS,
)
judge_seconds = Histogram(
    "lictor_streams_judge_seconds",
    "Time to decode and judge one batch.",
    buckets=(0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25),
)
delivery_seconds = Histogram(
    "lictor_streams_delivery_seconds",
    "From a batch's judging until all that came of it was acknowledged by all replicas.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10, 60),
)


def count_judged(judged: Judged) -> None:
    """Count a batch and its events."""
    batches.inc()
    # Many distinct verdicts, one for each path, come of few rules. A rule's reference is one object.
    by_rule: dict[tuple[str, str, int], tuple[Verdict, int]] = {}
    for verdict, number in judged.passed:
        rule = (verdict.decision, verdict.reason, id(verdict.decided_by))
        _, before = by_rule.get(rule, (verdict, 0))
        by_rule[rule] = (verdict, before + number)
    for verdict, number in by_rule.values():
        by = verdict.decided_by
        place = (by.namespace, by.policy, by.place) if isinstance(by, RuleReference) else ("", "", "")
        _passed(verdict.reason.value, *place).inc(number)
        _decided(verdict.decision).inc(number)
        _decided_by(verdict.decision, _KINDS[type(by)]).inc(number)
    if judged.verdicts:
        told = Counts((one.verdict.decision, _KINDS[type(one.verdict.decided_by)]) for one in judged.verdicts)
        for (decision, kind), number in told.items():
            _decided(decision).inc(number)
            _decided_by(decision, kind).inc(number)


def count_suppressed(judged: Judged) -> None:
    """Count what a batch's throttling kept back."""
    for record in judged.suppressed:
        match record.verdict.decided_by:
            case RuleReference() as by:
                _suppressed(by.namespace, by.policy, by.place).inc()
            case PostureReference() as by:
                _suppressed("", f"{by.posture} posture", "").inc()
            case None:
                _suppressed("", "", "").inc()


def count_delivered(kind: Kind) -> None:
    """Count a record that all replicas have."""
    _delivered(kind).inc()


_KINDS = {RuleReference: "rule", PostureReference: "posture", type(None): "none"}
"""What decided, as the label `by` has it."""

# Looking a label up costs several times what counting does.
_decided = lru_cache(maxsize=8)(events.labels)
_decided_by = lru_cache(maxsize=16)(verdicts.labels)
_delivered = lru_cache(maxsize=8)(delivered.labels)
_suppressed = lru_cache(maxsize=1024)(suppressed.labels)
_passed = lru_cache(maxsize=1024)(passes.labels)
