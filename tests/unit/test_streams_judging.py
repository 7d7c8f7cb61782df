"""A batch and a policy set in, verdicts and orders out."""

from __future__ import annotations

import msgspec
import pytest

from policy.changes import NamespaceChanged, PolicyApplied
from policy.events import ExitEvent
from policy.policy_set import PolicySet
from policy.verdict import RuleReference
from streams.judging import ORDER_LIFETIME_NS, judge_batch
from tests.fixtures.records import ACT_BATCH
from tests.fixtures.stream_workers import DENIED, NAMESPACE, batch, blocking, process_event, workload
from wire.records import PolicyPosition, event_id, kind_of

NOW_NS = 1_800_000_000_000_000_000
OTHER = "/usr/bin/other"


@pytest.fixture
def denying() -> PolicySet:
    return PolicySet.empty().apply(blocking("no-denied", DENIED), 7)


def test_a_verdict_for_each_denial_in_the_order_of_events_and_nothing_for_what_passes(
    denying: PolicySet,
) -> None:
    made = batch([process_event(n, DENIED if n in {3, 4, 9} else OTHER) for n in range(12)])
    judged = judge_batch(made, denying, NOW_NS)
    assert judged.events == 12
    assert [record.event for record in judged.verdicts] == [made.events[n] for n in (3, 4, 9)]
    assert [number for _, number in judged.passed] == [9]


def test_a_verdict_record_says_all_that_explains_it(denying: PolicySet) -> None:
    made = batch([process_event(5, DENIED)])
    (record,) = judge_batch(made, denying, NOW_NS).verdicts
    assert record.event_id == event_id(made.source, made.events[0])
    assert record.id == f"{record.event_id}/live"
    assert record.workload == made.workload
    assert record.policies == PolicyPosition(offset=7, hash=denying.hash)
    assert record.judged_ns == NOW_NS
    assert record.enforcement == "terminate"
    assert isinstance(record.verdict.decided_by, RuleReference)
    assert record.verdict.decided_by.policy == "no-denied"


def test_a_denial_under_terminate_makes_an_order_that_expires(denying: PolicySet) -> None:
    judged = judge_batch(batch([process_event(5, DENIED)]), denying, NOW_NS)
    (order,) = judged.orders
    assert order.record == judged.verdicts[0]
    assert order.id == judged.verdicts[0].id
    assert order.node == "node-1"
    assert (order.issued_ns, order.expires_ns) == (NOW_NS, NOW_NS + ORDER_LIFETIME_NS)
    assert ORDER_LIFETIME_NS == 30 * 10**9


def test_no_order_where_enforcement_is_off_and_the_verdict_says_so(denying: PolicySet) -> None:
    off = denying.apply(NamespaceChanged(namespace=NAMESPACE, enforcement="off"), 8)
    judged = judge_batch(batch([process_event(5, DENIED)]), off, NOW_NS)
    assert judged.orders == ()
    assert [record.enforcement for record in judged.verdicts] == ["off"]


def test_no_order_for_a_workload_that_is_not_known_and_every_event_is_told(denying: PolicySet) -> None:
    made = batch([process_event(1, DENIED), process_event(2, OTHER)], of=workload(complete=False))
    judged = judge_batch(made, denying, NOW_NS)
    assert [record.verdict.decision for record in judged.verdicts] == ["unknown", "unknown"]
    assert judged.orders == ()


def test_no_order_for_what_is_played_back(denying: PolicySet) -> None:
    made = batch([process_event(5, DENIED)])
    made = msgspec.structs.replace(made, source=msgspec.structs.replace(made.source, recorded=True))
    judged = judge_batch(made, denying, NOW_NS)
    assert len(judged.verdicts) == 1
    assert judged.orders == ()


def test_ends_of_processes_are_not_judged(denying: PolicySet) -> None:
    ended = ExitEvent(cpu=0, sequence=2, time_ns=2, boot_ns=2, pid=2, start_ns=1)
    made = msgspec.structs.replace(
        batch([process_event(1, DENIED)]), events=(ended, process_event(3, DENIED))
    )
    judged = judge_batch(made, denying, NOW_NS)
    assert judged.events == 1
    assert [record.event.sequence for record in judged.verdicts] == [3]


EVERY_KIND: dict[str, dict[str, object]] = {
    "process": {"process": {"matchPaths": [{"path": "/usr/bin/bash"}]}},
    "file": {"file": {"matchPaths": [{"path": "/var/www/html/shell.php"}]}},
    "network": {"network": {"matchProtocols": [{"protocol": "tcp"}]}},
    "dns": {"network": {"matchDNSQueries": [{"domain": "evil.example"}]}},
    "capability": {"capabilities": {"matchCapabilities": [{"capability": "net_raw"}]}},
    "syscall": {"syscalls": {"matchSyscalls": [{"syscall": ["unlink"]}]}},
    "memory": {"presets": [{"name": "anonymousMapExec", "action": "Block"}]},
}


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_kind_of_event_is_judged_and_only_starts_of_programs_make_orders(kind: str) -> None:
    document = {
        "apiVersion": "security.kubearmor.com/v1",
        "kind": "KubeArmorPolicy",
        "metadata": {"name": "deny-one-kind", "namespace": ACT_BATCH.workload.namespace},
        "spec": {"selector": {"matchLabels": {"app": "dvwa-web"}}, "action": "Block", **EVERY_KIND[kind]},
    }
    applied = PolicyApplied(document=msgspec.Raw(msgspec.json.encode(document)))
    judged = judge_batch(ACT_BATCH, PolicySet.empty().apply(applied, 0), NOW_NS)
    assert judged.events == len(ACT_BATCH.events) - 1
    (record,) = judged.verdicts
    assert kind_of(record.event) == kind
    assert record.event in ACT_BATCH.events
    assert record.verdict.decision == ("audit" if kind == "syscall" else "block")
    assert len(judged.orders) == (kind == "process")


def test_an_empty_batch_comes_to_nothing(denying: PolicySet) -> None:
    judged = judge_batch(batch([]), denying, NOW_NS)
    assert (judged.events, judged.verdicts, judged.orders, judged.passed) == (0, (), (), ())
