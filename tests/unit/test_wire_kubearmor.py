"""Verdicts as KubeArmor's alerts: its names and types, and never a claim that is not true."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from policy.changes import Enforcement
from policy.verdict import Decision, Reason, Verdict
from policy.workload import HOST, Workload
from tests.fixtures.records import ACT_VERDICTS, VERDICT
from tests.fixtures.verdict_records import AUDITED_BY_RULE, BLOCKED_BY_POSTURE, outcome, verdict_record
from wire.codec import encode
from wire.kubearmor import as_kubearmor
from wire.records import Result, VerdictRecord

PAGE = Path(__file__).parents[2] / "docs" / "kubearmor-alerts.md"
# feeder.Alert of KubeArmor's protobuf/kubearmor.proto, and how its JSON carries each field.
ALERT: dict[str, type] = {
    **dict.fromkeys(["Timestamp", "HostPPID", "HostPID", "PPID", "PID", "UID"], int),
    **dict.fromkeys(["UpdatedTime", "ClusterName", "HostName", "NamespaceName", "PodName", "Labels"], str),
    **dict.fromkeys(["ContainerID", "ContainerName", "ContainerImage", "ParentProcessName"], str),
    **dict.fromkeys(["ProcessName", "PolicyName", "Severity", "Tags", "Message", "Type", "Source"], str),
    **dict.fromkeys(["Operation", "Resource", "Data", "Enforcer", "Action", "Result", "Cwd", "TTY"], str),
    "ATags": list,
    "EventData": dict,
    "ExecEvent": dict,
}
RECORDS = {"process": VERDICT, **ACT_VERDICTS}


def alert_of(kind: str, **changes: Any) -> dict[str, Any]:
    record = RECORDS[kind]
    return as_kubearmor(replace(record, event=replace(record.event, **changes)))


def test_an_audited_exec_is_the_whole_alert() -> None:
    record = verdict_record(
        verdict=AUDITED_BY_RULE,
        event_changes={"time_ns": 1_700_000_000_900_000_000},
        judged_ns=10**18 + 1_999,
    )
    assert as_kubearmor(record, cluster="prod") == {
        "Timestamp": 1_700_000_000,
        "UpdatedTime": "2001-09-09T01:46:40.000001Z",
        "ClusterName": "prod",
        "HostName": "node-1",
        "NamespaceName": "dvwa",
        "PodName": "dvwa-web-5d8f7c9b6-x2x8z",
        "Labels": "app=dvwa-web,app.kubernetes.io/name=dvwa,tier=frontend",
        "ContainerID": "4f" * 32,
        "ContainerName": "web",
        "ContainerImage": "registry.example/dvwa:1.9",
        "HostPPID": 4710,
        "HostPID": 4711,
        "PID": 37,
        "UID": 33,
        "ParentProcessName": "/usr/bin/dash",
        "ProcessName": "/usr/bin/bash",
        "PolicyName": "watch-shells",
        "Severity": "7",
        "Tags": "MITRE,T1059.004",
        "ATags": ["MITRE", "T1059.004"],
        "Message": "a shell was started",
        "Type": "MatchedPolicy",
        "Source": "/usr/bin/dash",
        "Operation": "Process",
        "Resource": "/usr/bin/bash -c id; uname -a",
        "Data": "syscall=SYS_EXECVE",
        "EventData": {"Syscall": "SYS_EXECVE"},
        "Enforcer": "Lictor",
        "Action": "Audit",
        "Result": "Passed",
        "Cwd": "/var/www/html",
        "TTY": "pts0",
        "ExecEvent": {
            "ExecID": f"{record.source.node}/{record.source.boot_id}/89999000000/4711/90000000001",
            "ExecutableName": "bash",
        },
    }


def test_a_posture_goes_by_kubearmors_name_and_has_no_severity_tags_or_message() -> None:
    alert = as_kubearmor(verdict_record(verdict=BLOCKED_BY_POSTURE))
    assert alert["PolicyName"] == "DefaultPosture"
    assert alert["Action"] == "Block"
    assert not {"Severity", "Tags", "ATags", "Message"} & alert.keys()


def test_nobody_decided_where_the_identity_is_not_complete() -> None:
    verdict = Verdict(
        decision="unknown", reason=Reason.IDENTITY_INCOMPLETE, sentence="who is it?", action="Audit"
    )
    alert = as_kubearmor(verdict_record(verdict=verdict))
    assert "PolicyName" not in alert
    assert alert["Action"] == "Audit"


def test_a_process_of_the_node_itself() -> None:
    host = Workload(id=f"node-1/{HOST}", node="node-1", kind="host", complete=True)
    alert = as_kubearmor(verdict_record(workload_changes={}, workload=host))
    assert alert["Type"] == "MatchedHostPolicy"
    assert (alert["HostPID"], alert["PID"], alert["HostPPID"], alert["PPID"]) == (4711, 4711, 4710, 4710)
    assert not {"NamespaceName", "PodName", "ContainerID", "ContainerName", "Labels"} & alert.keys()


def test_a_container_that_is_not_known_yet_still_has_its_id() -> None:
    unknown = Workload(id="node-1/abc", node="node-1", kind="container")
    assert as_kubearmor(verdict_record(workload=unknown))["ContainerID"] == "abc"


@pytest.mark.parametrize(
    ("kind", "operation", "resource", "data"),
    [
        ("file", "File", "/var/www/html/shell.php", "access=rename newpath=/tmp/\\xff"),
        ("network", "Network", "sa_family=AF_INET sin_port=4444 sin_addr=203.0.113.7", "syscall=SYS_CONNECT"),
        ("dns", "Network", "evil.example", "domain=evil.example qtype=AAAA"),
        ("capability", "Capabilities", "CAP_NET_RAW", "capability=CAP_NET_RAW"),
        ("syscall", "Syscall", "/etc/passwd", "syscall=SYS_UNLINK"),
        ("memory", "File", None, "memory=anonymous prot=PROT_EXEC"),
    ],
)
def test_what_each_kind_is_about(kind: str, operation: str, resource: str | None, data: str) -> None:
    alert = alert_of(kind)
    assert alert["Operation"] == operation
    assert alert.get("Resource") == resource
    assert alert["Data"] == data
    assert alert["Source"] == alert["ProcessName"] == "/usr/bin/bash"
    assert alert["ParentProcessName"] == "/usr/bin/dash"
    assert (alert["PolicyName"], alert["Severity"]) == ("watch", "5")


def test_a_socket_that_is_made_has_its_numbers_as_names() -> None:
    alert = alert_of("network", operation="socket", address="", port=0, type=3, protocol=1)
    assert alert["Resource"] == "domain=AF_INET type=SOCK_RAW protocol=ICMP"
    assert alert["EventData"] == {
        "Syscall": "SYS_SOCKET",
        "Domain": "AF_INET",
        "Type": "SOCK_RAW",
        "Protocol": "ICMP",
    }
    strange = alert_of("network", operation="socket", address="", port=0, family=99, type=77, protocol=3)
    assert strange["Resource"] == "domain=99 type=77 protocol=3"


def test_sockets_of_other_families_and_packets_sent() -> None:
    unix = alert_of("network", family=1, address="/run/app.sock", port=0)
    assert unix["Resource"] == "sa_family=AF_UNIX address=/run/app.sock"
    assert alert_of("network", operation="send")["Data"] == "operation=send"


def test_flags_of_a_file_are_the_numbers_that_were_given() -> None:
    assert alert_of("file", access="write", new_path="", flags=0x8241)["Data"] == "access=write flags=0x8241"


def test_the_source_of_an_exec_is_who_called_it_or_else_the_parent() -> None:
    replaced = verdict_record(event_changes={"source": None})
    assert as_kubearmor(replaced)["Source"] == "/usr/bin/dash"
    orphan = verdict_record(event_changes={"source": None, "ancestors": ()})
    assert not {"Source", "ParentProcessName", "HostPPID"} & as_kubearmor(orphan).keys()


@pytest.mark.parametrize("result", get_args(Result))
def test_only_what_was_terminated_is_called_so(result: Result) -> None:
    record = verdict_record()
    alert = as_kubearmor(record, outcome(record, result))
    assert alert["Result"] == ("Terminated" if result == "terminated" else "Passed")
    assert datetime.fromisoformat(alert["UpdatedTime"]).timestamp() == pytest.approx(
        outcome(record).carried_out_ns / 1e9, abs=1e-5
    )


def test_an_outcome_of_another_verdict_is_refused() -> None:
    with pytest.raises(ValueError, match="is not that of the verdict"):
        as_kubearmor(verdict_record(1), outcome(verdict_record(2)))


@pytest.mark.parametrize(
    ("result", "said"),
    [(0, "Passed"), (5, "Passed"), (-1, "Operation not permitted"), (-2, "No such file or directory")],
)
def test_what_the_kernel_refused_by_itself_is_told_in_its_words(result: int, said: str) -> None:
    assert alert_of("file", result=result)["Result"] == said


def test_a_connection_that_is_under_way_was_not_refused() -> None:
    assert alert_of("network", result=-115)["Result"] == "Passed"


@given(
    decision=st.sampled_from(get_args(Decision)),
    enforcement=st.sampled_from(get_args(Enforcement)),
    result=st.none() | st.sampled_from(get_args(Result)),
    action=st.sampled_from(["", "Allow", "Audit", "Block", "Audit (Block)"]),
)
def test_a_program_that_ran_was_never_denied_permission(
    decision: Decision, enforcement: Enforcement, result: Result | None, action: str
) -> None:
    verdict = Verdict(decision=decision, reason=Reason.RULE_BLOCK, sentence="so it is", action=action)
    record = verdict_record(verdict=verdict, enforcement=enforcement)
    alert = as_kubearmor(record, None if result is None else outcome(record, result))
    assert alert["Result"] in {"Passed", "Terminated"}
    assert "denied" not in alert["Result"].lower()


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_every_field_is_one_of_kubearmors_and_of_its_type(record: VerdictRecord) -> None:
    alert = as_kubearmor(record)
    assert json.loads(encode(alert)) == alert
    for name, value in alert.items():
        assert type(value) is ALERT[name], name
        assert value not in ("", [], {}), name
    always = {"Timestamp", "UpdatedTime", "ClusterName", "HostName", "HostPID", "UID", "Type", "Operation"}
    assert always | {"Data", "Enforcer", "Action", "Result"} <= alert.keys()


@pytest.mark.parametrize("time_ns", [2**80, -(2**80), 10**21])
def test_a_time_that_is_none_is_refused(time_ns: int) -> None:
    with pytest.raises(ValueError, match="no time that a calendar has"):
        as_kubearmor(verdict_record(judged_ns=time_ns))


@given(st.integers())
def test_whatever_a_record_claims_that_the_kernel_said(result: int) -> None:
    said = alert_of("file", result=result)["Result"]
    assert said
    assert (said == "Passed") == (result >= 0 or result < -4095 or result == -115)


def test_the_page_has_every_field() -> None:
    table = PAGE.read_text(encoding="utf-8").split("| --- |", 1)[1].split("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == ALERT.keys()
