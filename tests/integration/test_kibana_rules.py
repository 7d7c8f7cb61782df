"""Alert rules' conditions tried on a real Elasticsearch, where they must fire and where they must not.

KQL conditions are asked as Kibana asks them, less the painless that compares the counts. What the rules
say in ES|QL is asked as the aggregation beside it: this Elasticsearch has no ES|QL.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from dashboards import documents, health_documents
from dashboards.kibana.rules import ALL, Rule
from dashboards.kibana.views import HEALTH, VERDICTS
from policy.verdict import RuleReference, Verdict
from tests.fixtures.stored import Stored
from tests.fixtures.verdict_records import (
    AUDITED_BY_RULE,
    BLOCKED_BY_POSTURE,
    outcome,
    source,
    verdict_record,
)
from wire.records import NamespaceStanding, RingBalance, SensorHealth, ServiceHealth

RULES = {rule.key: rule for rule in ALL}
MINUTE_NS = 60_000_000_000
NOW_NS = time.time_ns()
DENIED_BY_RULE = Verdict(
    decision="block",
    reason=AUDITED_BY_RULE.reason,
    sentence="/usr/bin/bash is blocked",
    alert=True,
    action="Block",
    decided_by=RuleReference(
        kind="KubeArmorPolicy",
        namespace="shop",
        policy="no-shells",
        hash="0123456789abcdef",
        place="spec.process.matchPaths[0]",
        action="Block",
    ),
)


@pytest.fixture
def stored(elasticsearch_url: str) -> Iterator[Stored]:
    held = Stored(elasticsearch_url)
    yield held
    held.close()


def ago(minutes: float) -> int:
    return NOW_NS - int(minutes * MINUTE_NS)


def verdict(at_ns: int, namespace: str = "shop", verdict: Verdict = BLOCKED_BY_POSTURE, **more: Any) -> Any:
    record = verdict_record(
        verdict=verdict,
        event_changes={"time_ns": at_ns},
        workload_changes={"namespace": namespace},
        **more,
    )
    return documents.verdict_document(record)


def sensor(at_ns: int, node: str = "node-1", **lost: int) -> Any:
    balance = RingBalance(seen=9, filtered=1, coalesced=0, received=8, published=8, **{"lost": 0, **lost})
    record = SensorHealth(
        source=source(node),
        from_ns=at_ns - 10_000_000_000,
        until_ns=at_ns,
        coverage=("process.exec",),
        rings={"exec": balance},
        interval={"exec": balance},
    )
    return health_documents.health_document(record)


def service(at_ns: int, name: Any, node: str = "node-1", **counts: int) -> ServiceHealth:
    standing = NamespaceStanding(
        namespace="shop",
        file="block",
        network="audit",
        capabilities="audit",
        enforcement="terminate",
        workloads=1,
        allow_listed=1,
        judged=1,
        denied=0,
        alerted=0,
    )
    return ServiceHealth(
        service=name,
        node=node,
        instance=f"{name}-0",
        incarnation="00c0ffee00c0ffee",
        from_ns=at_ns - 10_000_000_000,
        until_ns=at_ns,
        counts=counts,
        lag={},
        namespaces=(standing,) if name == "streams" else (),
    )


def fired(stored: Stored, key: str) -> set[tuple[str, ...]]:
    condition = RULES[key].condition
    now_ms = NOW_NS // 1_000_000
    answer = stored.search(condition.view, condition.search(now_ms))
    return condition.fires(answer, now_ms)


def put_verdicts(stored: Stored, *made: Any) -> None:
    stored.put(VERDICTS, [msgspec.json.decode(documents.encode(one)) for one in made])


def put_health(stored: Stored, *made: Any) -> None:
    found: list[Any] = []
    for one in made:
        if isinstance(one, ServiceHealth):
            found += [msgspec.json.decode(raw) for _, raw in health_documents.health_documents(one)]
        else:
            found.append(msgspec.json.decode(documents.encode(one)))
    stored.put(HEALTH, found)


def test_a_denial_by_block_posture_fires_for_its_namespace_alone(stored: Stored) -> None:
    denied = verdict_record(event_changes={"time_ns": ago(2)}, workload_changes={"namespace": "old"})
    put_verdicts(
        stored,
        verdict(ago(1), "shop"),
        verdict(ago(4.9), "bank"),
        verdict(ago(5.1), "too-long-ago"),
        verdict(ago(1), "audited", AUDITED_BY_RULE),
        verdict(ago(1), "by-a-rule", DENIED_BY_RULE),
        verdict(ago(1), "tried-only", candidate="stricter"),
        documents.outcome_document(outcome(denied, carried_out_ns=ago(1))),
    )
    assert fired(stored, "denial-in-block-posture") == {("shop",), ("bank",)}


def test_many_denials_fire_only_where_the_day_had_few(stored: Stored) -> None:
    """Usual is a 287th of the day before: 287 of then are one in five minutes, 575 more than two."""
    put_verdicts(
        stored,
        *(verdict(ago(1), "surge") for _ in range(5)),
        *(verdict(ago(60), "surge") for _ in range(200)),
        *(verdict(ago(1), "as-usual") for _ in range(5)),
        *(verdict(ago(60), "as-usual") for _ in range(575)),
        *(verdict(ago(1), "few") for _ in range(4)),
        *(verdict(ago(1), "") for _ in range(6)),
        *(verdict(ago(1), "alerts", AUDITED_BY_RULE) for _ in range(9)),
        *(verdict(ago(1), "tried-only", candidate="stricter") for _ in range(9)),
        *(verdict(ago(1), "by-a-rule", DENIED_BY_RULE) for _ in range(7)),
        *(verdict(ago(25 * 60), "by-a-rule", DENIED_BY_RULE) for _ in range(700)),
    )
    assert fired(stored, "denials-above-baseline") == {("surge",), ("(no namespace)",), ("by-a-rule",)}


def test_a_loss_fires_for_the_service_that_had_it(stored: Stored) -> None:
    put_health(
        stored,
        sensor(ago(1), "lossy", lost=1),
        sensor(ago(2), "late", unpublished=3),
        sensor(ago(1), "whole"),
        sensor(ago(6), "whole-again", lost=7),
        sensor(ago(1), "whole-again"),
        service(ago(1), "sink", "puts-aside", stored=5, dead_letters=2),
        service(ago(1), "streams", "judges", judged=5),
    )
    assert fired(stored, "evidence-incomplete") == {
        ("lossy", "lictor-sensor"),
        ("late", "lictor-sensor"),
        ("puts-aside", "lictor-sink"),
    }


def test_silence_fires_for_who_reported_today_and_not_of_late(stored: Stored) -> None:
    put_health(
        stored,
        *(sensor(ago(minutes), "alive") for minutes in (90, 5, 1)),
        *(sensor(ago(minutes), "silent") for minutes in (90, 4)),
        sensor(ago(2.9), "nearly"),
        sensor(ago(25 * 60), "gone-for-good"),
        sensor(ago(1), "half"),
        service(ago(10), "enforcer", "half"),
        service(ago(10), "streams", "moved-elsewhere"),
    )
    assert fired(stored, "node-silent") == {("silent", "lictor-sensor"), ("half", "lictor-enforcer")}


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.key)
def test_nothing_fires_where_nothing_is(stored: Stored, rule: Rule) -> None:
    put_verdicts(stored, verdict(ago(2 * 24 * 60)))
    put_health(stored, sensor(ago(2 * 24 * 60), lost=1))
    assert fired(stored, rule.key) == set()
