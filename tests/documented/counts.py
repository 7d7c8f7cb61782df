"""What each count of a service's health record means."""

from __future__ import annotations

from typing import get_args

from dashboards import reporting as of_the_sink
from enforcer import reporting as of_the_enforcer
from policy.policy_set import PolicySet
from streams.health import Tally
from wire.records import Result

MEANINGS = {
    "received": "records that were read",
    "judged": "events that were judged",
    "denied": "verdicts with the decision `block`",
    "alerted": "other verdicts that were told",
    "suppressed": "alerts that throttling kept back",
    "orders": "orders that were made",
    "untold": "judged events of which `namespaces` does not tell: too many workloads, or not known whose",
    "dead_letters": "records that were put among the dead letters",
    "stored": "documents that Elasticsearch took",
    "present": "documents that it had already",
    "rejected": "documents that it refused",
}
_RESULTS = "orders by what became of them, each under its own name"


def counts() -> list[list[str]]:
    """Service, name, meaning; in the order in which services tell them."""
    told: dict[str, list[str]] = {
        "streams": list(Tally().report(PolicySet.empty())[0]),
        "enforcer": list(of_the_enforcer.COUNTED),
        "sink": list(of_the_sink.COUNTED),
    }
    results = get_args(Result)
    rows = []
    for service, names in told.items():
        rows += [[service, f"`{name}`", MEANINGS[name]] for name in names if name not in results]
        if found := [f"`{name}`" for name in names if name in results]:
            rows.append([service, ", ".join(found), _RESULTS])
    return rows
