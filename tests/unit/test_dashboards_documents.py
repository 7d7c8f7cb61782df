"""What people read of a verdict or an outcome, in ECS's words."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import documents
from dashboards.documents import DocumentError
from policy.events import Executable
from policy.verdict import Decision, Reason, Verdict
from policy.workload import HOST, Workload
from tests.fixtures.verdict_records import AUDITED_BY_RULE, BOOT, outcome, verdict_record
from wire.records import Outcome, Result, VerdictRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

# https://www.elastic.co/docs/reference/ecs/ecs-allowed-values-event-category, ECS 9.4
EXPECTED_TYPES = {
    "process": {"access", "change", "end", "info", "start"},
    "intrusion_detection": {"allowed", "denied", "info"},
}


def said(document: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(documents.encode(document))
    return decoded


def of_verdict(record: VerdictRecord) -> dict[str, Any]:
    return said(documents.verdict_document(record))


def of_outcome(became: Outcome) -> dict[str, Any]:
    return said(documents.outcome_document(became))


def decided(decision: Decision) -> VerdictRecord:
    return verdict_record(verdict=Verdict(decision=decision, reason=Reason.NO_POLICY, sentence="so it is"))


def test_denied_exec_is_an_intrusion_alert_that_was_denied() -> None:
    document = of_verdict(verdict_record())
    event = document["event"]
    assert event["kind"] == "alert"
    assert event["category"] == ["process", "intrusion_detection"]
    assert event["type"] == ["start", "denied"]
    assert event["action"] == "exec"
    assert event["reason"] == document["message"]
    assert "is not allowed" in event["reason"]
    assert document["rule"]["name"] == "DefaultPosture"
    assert document["lictor"]["posture"] == {"section": "file", "mode": "block", "origin": "namespace"}
    assert document["lictor"]["decision"] == "block"
    assert document["lictor"]["reason"] == "posture-block"
    assert "severity" not in event
    assert "tags" not in document


def test_what_became_of_a_denied_program_is_not_the_verdicts_to_say() -> None:
    assert of_verdict(verdict_record())["event"]["outcome"] == "unknown"
    assert of_verdict(verdict_record(enforcement="off"))["event"]["outcome"] == "success"
    assert of_verdict(verdict_record(verdict=AUDITED_BY_RULE))["event"]["outcome"] == "success"


def test_rule_is_named_with_its_policy_place_and_hash() -> None:
    document = of_verdict(verdict_record(verdict=AUDITED_BY_RULE))
    assert document["event"]["type"] == ["start", "allowed"]
    assert document["event"]["severity"] == 7
    assert document["tags"] == ["MITRE", "T1059.004"]
    assert document["rule"] == {
        "id": "KubeArmorPolicy/dvwa/watch-shells/spec.process.matchPaths[0]",
        "name": "watch-shells",
        "ruleset": "dvwa/watch-shells",
        "category": "KubeArmorPolicy",
        "version": "0123456789abcdef",
        "description": "a shell was started",
    }
    assert document["lictor"]["rule"] == {
        "kind": "KubeArmorPolicy",
        "namespace": "dvwa",
        "place": "spec.process.matchPaths[0]",
        "action": "Audit",
    }
    assert "posture" not in document["lictor"]


def test_process_with_its_parent_and_ancestors() -> None:
    document = of_verdict(verdict_record(7))
    process = document["process"]
    assert process["entity_id"] == f"node-1/{BOOT}/89999000000/4711"
    assert process["executable"] == "/usr/bin/bash"
    assert process["name"] == "bash"
    assert process["args"] == ["/bin/bash", "-c", "id; uname -a"]
    assert process["args_count"] == 3
    assert process["command_line"] == "/bin/bash -c id; uname -a"
    assert process["working_directory"] == "/var/www/html"
    assert process["user"] == document["user"] == {"id": "33"}
    assert process["parent"]["executable"] == "/usr/bin/dash"
    assert process["parent"]["pid"] == 4710
    own = document["lictor"]["exec"]
    assert own["id"] == f"node-1/{BOOT}/89999000000/4711/90000000007"
    assert own["source"] == {"executable": "/usr/bin/dash", "name": "dash"}
    of_process = document["lictor"]["process"]
    assert [ancestor.get("executable") for ancestor in of_process["ancestors"]] == [
        "/usr/bin/dash",
        "/usr/sbin/apache2",
        None,
    ]
    assert of_process["tty"] == "pts0"
    assert document["lictor"]["kind"] == "process"
    assert "script" not in own
    assert "args_truncated" not in own


def test_start_is_told_on_the_wall_clock_of_the_exec() -> None:
    changes = {"time_ns": 1_700_000_000_500_000_000, "boot_ns": 9_000_000_000, "start_ns": 8_000_000_000}
    process = of_verdict(verdict_record(event_changes=changes))["process"]
    assert process["start"] == "2023-11-14T22:13:19.500000000Z"


def test_container_and_pod() -> None:
    document = of_verdict(verdict_record())
    assert document["container"] == {
        "id": "4f" * 32,
        "name": "web",
        "image": {"name": "registry.example/dvwa:1.9"},
    }
    assert document["orchestrator"] == {
        "type": "kubernetes",
        "namespace": "dvwa",
        "resource": {"type": "pod", "name": "dvwa-web-5d8f7c9b6-x2x8z"},
    }
    assert document["labels"]["app.kubernetes.io/name"] == "dvwa"


def test_host_process_has_no_container_and_no_pod() -> None:
    record = verdict_record()
    on_host = Workload(id=f"node-1/{HOST}", node="node-1", kind="host", complete=True)
    document = of_verdict(
        type(record)(**{f: getattr(record, f) for f in record.__struct_fields__} | {"workload": on_host})
    )
    assert "container" not in document
    assert "orchestrator" not in document
    assert document["host"]["name"] == "node-1"
    assert document["lictor"]["workload"] == {"id": "node-1/host", "kind": "host", "complete": True}


def test_candidates_verdict_is_never_an_alert() -> None:
    document = of_verdict(verdict_record(candidate="stricter"))
    assert document["event"]["kind"] == "event"
    assert document["lictor"]["candidate"] == "stricter"


def test_terminated_outcome_is_an_end_with_its_duration() -> None:
    record = verdict_record(3)
    document = of_outcome(outcome(record))
    assert document["event"]["kind"] == "event"
    assert document["event"]["type"] == ["end", "denied"]
    assert document["event"]["action"] == "terminate"
    assert document["event"]["outcome"] == "success"
    assert document["event"]["duration"] == 6_250_000
    assert document["event"]["start"] == of_verdict(record)["@timestamp"]
    assert document["event"]["end"] == document["@timestamp"]
    assert document["lictor"]["outcome"] == {
        "result": "terminated",
        "node": "node-1",
        "exec_to_kill_ns": 6_250_000,
        "exec_to_kill_ms": 6.25,
    }
    assert document["lictor"]["verdict"] == {"id": record.id}
    assert document["process"] == of_verdict(record)["process"]


@pytest.mark.parametrize("result", [result for result in get_args(Result) if result != "terminated"])
def test_only_terminated_counts_as_stopped(result: Result) -> None:
    document = of_outcome(outcome(verdict_record(), result))
    assert document["event"]["outcome"] != "success"
    assert "denied" not in document["event"]["type"]
    assert "exec_to_kill_ns" not in document["lictor"]["outcome"]


def every_document() -> Iterator[dict[str, Any]]:
    for decision in get_args(Decision):
        yield of_verdict(decided(decision))
    for result in get_args(Result):
        yield of_outcome(outcome(verdict_record(), result))


def test_every_type_is_one_that_ecs_expects_of_a_category() -> None:
    for document in every_document():
        event = document["event"]
        for category in event["category"]:
            assert EXPECTED_TYPES[category] & set(event["type"]), event
        for type_ in event["type"]:
            assert any(type_ in EXPECTED_TYPES[category] for category in event["category"]), event


def test_document_lives_in_the_stream_that_it_names() -> None:
    for document in every_document():
        stream = document["data_stream"]
        assert f"{stream['type']}-{stream['dataset']}-{stream['namespace']}" == documents.VERDICTS_STREAM
        assert document["event"]["dataset"] == stream["dataset"]


def test_ids_name_verdict_and_outcome() -> None:
    record = verdict_record()
    assert documents.verdict_document_id(record) == record.id
    assert documents.outcome_document_id(outcome(record)) == f"{record.id}/outcome"


def test_ids_that_elasticsearch_would_refuse_become_digests() -> None:
    record = verdict_record(node="ü" * 230)
    other = verdict_record(2, node="ü" * 230)
    ids = {
        documents.verdict_document_id(record),
        documents.outcome_document_id(outcome(record)),
        documents.verdict_document_id(other),
        documents.outcome_document_id(outcome(other)),
    }
    assert len(ids) == 4
    assert all(len(identifier.encode()) <= 512 for identifier in ids)
    assert documents.verdict_document_id(record) == documents.verdict_document_id(
        verdict_record(node="ü" * 230)
    )


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_timestamps_keep_every_nanosecond(time_ns: int) -> None:
    text = documents.timestamp(time_ns)
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())
    assert len(fraction) == 9
    assert seconds * 1_000_000_000 + int(fraction) == time_ns


@pytest.mark.parametrize("time_ns", [-1, 2**63, 2**80])
def test_time_that_elasticsearch_cannot_hold_is_refused(time_ns: int) -> None:
    with pytest.raises(DocumentError, match="no time between"):
        documents.timestamp(time_ns)
    with pytest.raises(DocumentError):
        documents.verdict_document(verdict_record(event_changes={"time_ns": time_ns}))


def test_label_names_stay_within_what_a_flattened_field_takes() -> None:
    labels = {"x" * 40_000: "long", "a\0b": "nul", "app": "web"}
    kept = of_verdict(verdict_record(workload_changes={"labels": labels}))["labels"]
    assert kept == {"x" * 512: "long", "a\\x00b": "nul", "app": "web"}


@given(st.lists(st.text(), max_size=5), st.text())
def test_document_is_one_line_and_keeps_what_the_process_said(args: list[str], path: str) -> None:
    changes = {"args": tuple(args), "executable": Executable(path=f"/{path}")}
    raw = documents.encode(documents.verdict_document(verdict_record(event_changes=changes)))
    assert b"\n" not in raw
    process = json.loads(raw)["process"]
    assert process.get("args", []) == args
    assert process["executable"] == f"/{path}"


def test_documents_need_no_client() -> None:
    program = "import sys, dashboards.documents; sys.exit('elasticsearch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
