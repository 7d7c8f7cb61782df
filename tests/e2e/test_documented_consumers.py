"""The documented consumers and KubeArmor's alerts on a pipeline that runs: from a real exec to their line."""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec
import pytest

from lictor.exit_codes import OK
from lictor.runtime import kafka_credentials
from policy.changes import PolicyApplied
from tests.fixtures.documented_consumers import GROUPS, consuming
from tests.fixtures.ledgers import Ledger
from tests.fixtures.stacks import LiveStack
from wire.kafka import Kafka

DENIALS = 5


@pytest.fixture(scope="module")
def told(live: LiveStack) -> Iterator[Ledger]:
    """Denied execs of a real workload, with their verdicts and outcomes."""
    tenant = live.tenant()
    program = tenant.program("denied")
    document = {
        "apiVersion": "security.kubearmor.com/v1",
        "kind": "KubeArmorPolicy",
        "metadata": {"name": "denied", "namespace": tenant.namespace},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "process": {"matchPaths": [{"path": program}]},
            "action": "Block",
        },
    }
    live.put_in_force(PolicyApplied(document=msgspec.Raw(msgspec.json.encode(document))))
    with live.ledger(tenant) as ledger:
        tenant.spawn(program, DENIALS, "60")
        ledger.until("their outcomes", lambda seen: len(seen.answered) == DENIALS)
        yield ledger
    tenant.remove()


@pytest.mark.parametrize("language", list(GROUPS))
def test_a_consumer_prints_every_verdict_of_a_real_run(language: str, live: LiveStack, told: Ledger) -> None:
    as_consumer = Kafka(
        bootstrap=live.kafka.bootstrap, security=kafka_credentials.read(live.state, "consumer")
    )
    wanted = {record.id: record.verdict.sentence for record in told.verdicts}
    assert len(wanted) == DENIALS
    with consuming(language, as_consumer, live.topics.prefix) as consumer:
        consumer.until(lambda ids: set(ids) >= wanted.keys())
        for identity, sentence in wanted.items():
            assert consumer.ids.count(identity) == 1
            assert f"{identity} block {sentence}" in consumer.lines


def test_kubearmors_alerts_say_what_was_ended(live: LiveStack, told: Ledger) -> None:
    printed = live.cli("verdicts", "-o", "kubearmor", "--from-beginning", "--no-follow", "--cluster", "here")
    assert printed.returncode == OK, printed.stderr
    alerts = [json.loads(line) for line in printed.stdout.splitlines()]
    namespace = told.verdicts[0].workload.namespace
    ours = [alert for alert in alerts if alert.get("NamespaceName") == namespace]
    assert {alert["ClusterName"] for alert in ours} == {"here"}
    assert {alert["PolicyName"] for alert in ours} == {"denied"}
    results = {one.record.event.pid: one.result for one in told.outcomes}
    assert {alert["HostPID"]: alert["Result"] for alert in ours} == {
        pid: "Terminated" if result == "terminated" else "Passed" for pid, result in results.items()
    }
