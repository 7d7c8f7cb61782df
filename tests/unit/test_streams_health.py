"""What a stream worker tells of an interval: counts, and how namespaces stand."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from aiokafka.errors import KafkaError
from confluent_kafka import KafkaException
from faust.exceptions import NotReady
from faust.types.tuples import TP
from prometheus_client import REGISTRY

from policy.changes import NamespaceChanged, SettingsChanged
from policy.policy_set import PolicySet
from policy.workload import Workload
from streams.health import Tally
from streams.judging import Judged
from streams.reporting import Reporter
from streams.worker import StreamWorker
from tests.fixtures.policies import applied, policy_set
from tests.fixtures.records import ACT_VERDICTS, ORDER, VERDICT
from wire.codec import read_health
from wire.health_reports import HealthReports
from wire.records import ServiceHealth
from wire.topics import Topics

ALERT = ACT_VERDICTS["file"]
EVENTS = "lictor.events.v1"


def pod(name: str, namespace: str = "ns", **labels: str) -> Workload:
    return Workload(
        id=f"node-1/{namespace}/{name}",
        node="node-1",
        kind="container",
        complete=True,
        namespace=namespace,
        labels=labels,
    )


HOST = Workload(id="node-1/host", node="node-1", kind="host", complete=True)


def counts(tally: Tally, rules: PolicySet | None = None) -> dict[str, int]:
    return tally.report(rules or PolicySet.empty())[0]


def test_everything_is_counted() -> None:
    tally = Tally()
    for _ in range(3):
        tally.receive()
    tally.put_aside()
    tally.judge(pod("a"), Judged(events=7, verdicts=(VERDICT, ALERT, ALERT), orders=(ORDER,)))
    tally.judge(pod("b"), Judged(events=2, suppressed=(ALERT,)))
    assert counts(tally) == {
        "received": 3,
        "judged": 9,
        "denied": 1,
        "alerted": 2,
        "suppressed": 1,
        "orders": 1,
        "dead_letters": 1,
        "untold": 0,
    }


def test_a_namespace_stands_as_its_policies_say_at_the_end() -> None:
    rules = policy_set(
        SettingsChanged(network_posture="block"),
        NamespaceChanged(
            namespace="ns", annotations={"kubearmor-file-posture": "block"}, enforcement="terminate"
        ),
        applied(
            {
                "selector": {"matchLabels": {"app": "web"}},
                "action": "Allow",
                "process": {"matchPaths": [{"path": "/bin/a"}]},
            }
        ),
    )
    tally = Tally()
    allow_listed = pod("web", app="web")
    tally.judge(allow_listed, Judged(events=3, verdicts=(VERDICT,)))
    tally.judge(allow_listed, Judged(events=1, verdicts=(ALERT,)))
    tally.judge(pod("job", app="other"), Judged(events=5))
    tally.judge(pod("x", "elsewhere"), Judged(events=1))
    _, (elsewhere, ns) = tally.report(rules)
    assert (ns.namespace, ns.file, ns.network, ns.capabilities) == ("ns", "block", "block", "audit")
    assert (ns.enforcement, ns.workloads, ns.judged, ns.denied, ns.alerted) == ("terminate", 2, 9, 1, 1)
    assert ns.allow_listed == 1
    assert (elsewhere.namespace, elsewhere.file, elsewhere.allow_listed) == ("elsewhere", "audit", 0)


def test_hosts_stand_by_the_hosts_posture_under_no_name() -> None:
    rules = policy_set(SettingsChanged(host_file_posture="block", host_enforcement="terminate"))
    tally = Tally()
    tally.judge(pod("a", namespace=""), Judged(events=2))
    tally.judge(HOST, Judged(events=1))
    _, (hosts,) = tally.report(rules)
    assert (hosts.namespace, hosts.file, hosts.enforcement) == ("", "block", "terminate")
    assert (hosts.workloads, hosts.judged) == (2, 3)


def test_whose_identity_is_not_known_has_no_namespace() -> None:
    tally = Tally()
    unknown = Workload(id="node-1/x", node="node-1", kind="container", complete=False)
    tally.judge(unknown, Judged(events=4, verdicts=(ALERT,)))
    told, namespaces = tally.report(PolicySet.empty())
    assert (told["judged"], told["alerted"], told["untold"]) == (4, 1, 4)
    assert namespaces == ()


def test_workloads_beyond_the_limit_are_counted_and_not_told() -> None:
    tally = Tally(workloads=2)
    for name in ("a", "b", "c", "a"):
        tally.judge(pod(name), Judged(events=10))
    told, (namespace,) = tally.report(PolicySet.empty())
    assert (told["judged"], told["untold"]) == (40, 10)
    assert (namespace.workloads, namespace.judged) == (2, 30)


def test_namespaces_beyond_the_limit_are_those_with_the_fewest_events() -> None:
    tally = Tally(namespaces=2)
    for number, name in enumerate(("quiet", "busy", "busier"), start=1):
        tally.judge(pod("a", name), Judged(events=number))
    told, namespaces = tally.report(PolicySet.empty())
    assert [one.namespace for one in namespaces] == ["busier", "busy"]
    assert (told["judged"], told["untold"]) == (6, 1)


class Outbox:
    """Nothing is sent."""

    async def send(self, *_: Any) -> None:
        raise AssertionError


class Policies:
    current = policy_set(SettingsChanged(file_posture="block"))


class Producer:
    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.raising: Exception | None = None

    def produce(self, topic: str, value: bytes, key: bytes, *, on_delivery: object) -> None:
        del topic, key, on_delivery
        if self.raising is not None:
            raise self.raising
        self.values.append(value)

    def flush(self, timeout: float) -> int:
        assert timeout == 2.0
        return 0

    @property
    def last(self) -> ServiceHealth:
        record = read_health(self.values[-1])
        assert isinstance(record, ServiceHealth)
        return record


class Consumer:
    """Faust's, as far as the reporter asks it."""

    def __init__(self, ends: Mapping[int, int | None], committed: Mapping[int, int | None]) -> None:
        self.ends = ends
        self._committed_offset = {TP(EVENTS, number): offset for number, offset in committed.items()}

    def assignment(self) -> set[TP]:
        return {TP(EVENTS, number) for number in self.ends} | {TP("another", 0)}

    def highwater(self, tp: TP) -> int | None:
        assert tp.topic == EVENTS
        return self.ends[tp.partition]


class Desk:
    """A reporter with all that it needs."""

    def __init__(self) -> None:
        self.producer = Producer()
        self.worker = StreamWorker(topics=Topics(), policies=Policies(), outbox=Outbox(), name="w")
        self.consumer: Any = Consumer({0: 10, 1: 20, 2: None, 3: 5}, {0: 4, 1: None, 3: 5})
        reports = HealthReports(self.producer, Topics(), service="streams", node="n", instance="judge-0")
        self.reporter = Reporter(
            self.worker, reports, topics=Topics(), policies=Policies(), consumer=self._get
        )

    def _get(self) -> Any:
        if isinstance(self.consumer, Exception):
            raise self.consumer
        return self.consumer


def test_lag_is_what_was_written_and_not_taken() -> None:
    desk = Desk()
    asyncio.run(desk.reporter.report())
    # Committed, never committed, never fetched, and done.
    assert desk.producer.last.lag == {EVENTS: 6 + 20 + 0}
    assert REGISTRY.get_sample_value("lictor_streams_lag_records", {"partition": "1"}) == 20
    desk.consumer = Consumer({0: 12}, {0: 12})
    asyncio.run(desk.reporter.report())
    assert desk.producer.last.lag == {EVENTS: 0}
    assert REGISTRY.get_sample_value("lictor_streams_lag_records", {"partition": "1"}) is None


@pytest.mark.parametrize(
    "error", [NotReady("no consumer"), KafkaError("gone"), AssertionError("Partition is not assigned")]
)
def test_lag_that_nobody_knows_is_left_out(error: Exception) -> None:
    desk = Desk()
    desk.consumer = error
    asyncio.run(desk.reporter.report())
    assert desk.producer.last.lag == {}


def test_an_interval_begins_when_the_last_was_told() -> None:
    desk = Desk()
    desk.worker.tally.judge(HOST, Judged(events=3))
    desk.producer.raising = KafkaException("no")
    asyncio.run(desk.reporter.report())
    desk.producer.raising = None
    desk.worker.tally.judge(HOST, Judged(events=4))
    asyncio.run(desk.reporter.report())
    assert desk.producer.last.counts["judged"] == 7
    assert desk.producer.last.policies is not None
    assert desk.producer.last.policies.hash == Policies.current.hash
    asyncio.run(desk.reporter.finish(2.0))
    assert desk.producer.last.counts["judged"] == 0
    assert desk.producer.last.namespaces == ()
