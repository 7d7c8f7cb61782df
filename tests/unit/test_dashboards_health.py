"""What people read of a service's health and of how namespaces stand, in ECS's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dashboards.documents import ID_LIMIT_BYTES, DocumentError
from dashboards.health_documents import health_documents
from dashboards.health_fields import HEALTH_STREAM, HealthDocument
from dashboards.mapping import properties
from tests.fixtures.records import HEALTH, HEALTH_OF_INTERVAL, SERVICE_HEALTH
from wire.health import HealthRecord
from wire.records import PolicyPosition, RingBalance, SensorHealth, ServiceHealth

GOLDEN = Path(__file__).parents[1] / "golden" / "ecs-9.4.0-fields.json"
BALANCE = RingBalance(seen=10, filtered=1, coalesced=2, lost=0, received=7, published=7)
EVERY_COUNT = dict.fromkeys(
    ("judged", "denied", "alerted", "terminated", "stored", "rejected", "dead_letters"), 1
)


def said(record: HealthRecord) -> list[dict[str, Any]]:
    return [json.loads(document) for _, document in health_documents(record)]


def service(**changes: Any) -> ServiceHealth:
    return msgspec.structs.replace(SERVICE_HEALTH, **changes)


def leaves(mapping: dict[str, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, one in mapping.items():
        if "properties" in one:
            found |= leaves(one["properties"], f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = one["type"]
    return found


def written(document: Any, mapped: dict[str, str], prefix: str = "") -> dict[str, Any]:
    if prefix.removesuffix(".") in mapped:
        return {prefix.removesuffix("."): document}
    found: dict[str, Any] = {}
    for name, value in document.items():
        found |= written(value, mapped, f"{prefix}{name}.")
    return found


MAPPED = leaves(properties(HealthDocument))


def test_names_and_types_are_those_of_ecs() -> None:
    known: dict[str, str] = msgspec.json.decode(GOLDEN.read_bytes())["fields"]
    plainer = {"constant_keyword": "keyword", "date": "date"}
    for path, kind in MAPPED.items():
        if not path.startswith("lictor."):
            actual = "date" if kind == "date_nanos" else kind
            assert actual == plainer.get(known[path], known[path]), path


def test_every_field_is_written_and_nothing_else() -> None:
    documents = [*said(HEALTH_OF_INTERVAL), *said(service(counts=EVERY_COUNT))]
    seen = {path for document in documents for path in written(document, MAPPED)}
    # Of the pod's part of `orchestrator` a namespace says nothing.
    assert MAPPED.keys() - seen == {"orchestrator.resource.type", "orchestrator.resource.name"}


def test_of_a_sensor() -> None:
    (document,) = said(HEALTH_OF_INTERVAL)
    assert document["@timestamp"] == document["event"]["end"] == "2026-11-18T11:06:50.000000000Z"
    assert document["event"]["start"] == "2026-11-18T11:06:40.000000000Z"
    assert document["event"]["duration"] == 10 * 10**9
    assert document["event"]["kind"] == "metric"
    assert document["host"] == {"name": "node-1"}
    assert document["service"] == {
        "name": "lictor-sensor",
        "node": {"name": "sensor"},
        "ephemeral_id": "00112233445566aa",
    }
    assert document["lictor"] == {
        "document": "health",
        "health": {
            "complete": True,
            "coverage": ["process.exec", "process.exit"],
            "seen": 7,
            "filtered": 2,
            "coalesced": 0,
            "lost": 0,
            "received": 5,
            "published": 5,
            "unpublished": 0,
        },
    }


def test_rings_are_summed() -> None:
    (document,) = said(msgspec.structs.replace(HEALTH, interval={"process": BALANCE, "file": BALANCE}))
    health = document["lictor"]["health"]
    assert (health["seen"], health["filtered"], health["coalesced"]) == (20, 2, 4)
    assert (health["lost"], health["received"], health["published"], health["unpublished"]) == (0, 14, 14, 0)


@pytest.mark.parametrize(
    ("balance", "complete"),
    [
        ({"seen": 10**6, "filtered": 5, "coalesced": 5, "received": 7}, True),
        ({"lost": 1}, False),
        ({"unpublished": 1}, False),
    ],
)
def test_a_sensor_is_complete_if_nothing_was_lost(balance: dict[str, int], complete: bool) -> None:
    one = msgspec.structs.replace(BALANCE, **balance)
    (document,) = said(msgspec.structs.replace(HEALTH, interval={"process": BALANCE, "file": one}))
    assert document["lictor"]["health"]["complete"] is complete


def test_a_sensor_that_tells_of_no_interval_is_judged_by_all_since_its_start() -> None:
    (document,) = said(HEALTH)
    assert HEALTH.rings["process"].lost == 1
    # Its totals are not the interval's, and are not shown as if they were.
    assert document["lictor"]["health"] == {"complete": False, "coverage": ["process.exec", "process.exit"]}


def test_of_a_stream_worker() -> None:
    document, *_ = said(SERVICE_HEALTH)
    assert document["service"]["name"] == "lictor-streams"
    assert document["service"]["node"] == {"name": "judge-0"}
    assert "orchestrator" not in document
    assert document["lictor"] == {
        "document": "health",
        "health": {
            "complete": True,
            "judged": 120,
            "denied": 3,
            "alerted": 5,
            "dead_letters": 0,
            "lag": 17,
            "lags": {"lictor.events.v1": 17},
        },
        "policies": {"offset": 3, "hash": "00ff00ff00ff00ff"},
    }


@pytest.mark.parametrize("name", ["streams", "enforcer", "sink"])
def test_counts_without_a_field_are_left_out(name: str) -> None:
    counts = {"terminated": 2, "already-gone": 1, "dead_letters": 1}
    (document,) = said(
        service(service=name, counts=counts, namespaces=(), policies=None, lag={"a": 2, "b": 3})
    )
    assert document["service"]["name"] == f"lictor-{name}"
    assert document["lictor"]["health"] == {
        "complete": False,
        "terminated": 2,
        "dead_letters": 1,
        "lag": 5,
        "lags": {"a": 2, "b": 3},
    }
    assert "policies" not in document["lictor"]


def test_lag_that_is_not_known_is_not_nought() -> None:
    document, *_ = said(service(lag={}))
    assert "lag" not in document["lictor"]["health"]
    document, *_ = said(service(lag={"a": 0}))
    assert document["lictor"]["health"]["lag"] == 0


def test_of_namespaces() -> None:
    _, of_dvwa, of_hosts = said(SERVICE_HEALTH)
    assert of_dvwa["orchestrator"] == {"type": "kubernetes", "namespace": "dvwa"}
    assert of_dvwa["lictor"] == {
        "document": "standing",
        "standing": {
            "file": "block",
            "network": "audit",
            "capabilities": "allow",
            "enforcement": "terminate",
            "workloads": 2,
            "allow_listed": 1,
            "judged": 110,
            "denied": 3,
            "alerted": 5,
        },
        "policies": {"offset": 3, "hash": "00ff00ff00ff00ff"},
    }
    assert "orchestrator" not in of_hosts
    assert of_hosts["lictor"]["standing"]["file"] == "audit"


def test_documents_say_which_stream_they_are_for() -> None:
    for document in (*said(HEALTH), *said(SERVICE_HEALTH)):
        place = document["data_stream"]
        assert f"{place['type']}-{place['dataset']}-{place['namespace']}" == HEALTH_STREAM
        assert document["event"]["dataset"] == place["dataset"]


def test_ids_are_made_of_the_record_alone() -> None:
    prefix = "health/node-1/streams/aa66554433221100/1795000010000000000"
    assert [name for name, _ in health_documents(SERVICE_HEALTH)] == [
        prefix,
        f"{prefix}/standing/dvwa",
        f"{prefix}/standing/",
    ]
    ((name, _),) = health_documents(HEALTH)
    assert name == "health/node-1/sensor/00112233445566aa/1795000010000000000"


def test_an_id_is_never_longer_than_elasticsearch_takes() -> None:
    names = [name for name, _ in health_documents(service(node="n" * 600))]
    assert len(set(names)) == len(names) == 3
    assert all(len(name.encode()) <= ID_LIMIT_BYTES for name in names)


def test_a_clock_that_was_set_back_makes_no_negative_duration() -> None:
    document, *_ = said(service(from_ns=2 * 10**9, until_ns=10**9))
    assert document["event"]["duration"] == 0


@pytest.mark.parametrize("changes", [{"until_ns": -1}, {"from_ns": 2**63}])
@pytest.mark.parametrize("record", [HEALTH, SERVICE_HEALTH])
def test_a_time_that_no_document_can_hold_is_refused(
    record: SensorHealth | ServiceHealth, changes: dict[str, int]
) -> None:
    with pytest.raises(DocumentError):
        health_documents(msgspec.structs.replace(record, **changes))


def test_a_position_before_the_first_change_can_be_said() -> None:
    document, *_ = said(service(policies=PolicyPosition(offset=-1, hash="00")))
    assert document["lictor"]["policies"]["offset"] == -1
