"""`lictor policy explain`: where events, workloads and policies come from, and what is printed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import Result
from typer.testing import CliRunner

from lictor.cli.main import app
from lictor.cli.record_search import Named, named_by
from lictor.exit_codes import OK, USAGE
from lictor.sample.documents import POLICY_FILE, WORKLOADS_FILE
from policy.events import Executable
from tests.fixtures.records import BATCH, EVENT, EXIT, OUTCOME, VERDICT, WORKLOAD
from wire.codec import encode

Run = Callable[..., Result]
POSTURE = ("--posture", "dvwa:file=block")
SAMPLE = ("--policies", str(POLICY_FILE), *POSTURE)
POD = ("--workload", "dvwa/dvwa-web-0", "--workloads", str(WORKLOADS_FILE))
POLICY = """\
apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata: {name: p, namespace: ns}
spec:
  process:
    matchPaths:
    - {path: /a, action: Allow, ownerOnly: true}
    - {path: /a, fromSource: [{path: /s}]}
    - {path: /b}
  file: {matchPaths: [{path: /f, readOnly: true}]}
  network:
    matchProtocols: [{protocol: udp}]
    matchDNSQueries: [{domain: example.com}]
  capabilities: {matchCapabilities: [{capability: net_raw}]}
  syscalls: {matchPaths: [{syscall: [unlink], path: /u}]}
"""


@pytest.fixture
def policy(tmp_path: Path) -> str:
    path = tmp_path / "p.yaml"
    path.write_text(POLICY)
    return str(path)


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, ["policy", "explain", *arguments], input=given)


def told(result: Result) -> str:
    assert result.exit_code == OK, result.output
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    return result.stdout


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == OK, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def decision(*arguments: str, given: str | None = None) -> str:
    (row,) = rows(run(*arguments, "-o", "json", given=given))
    said: str = row["explanation"]["verdict"]["decision"]
    return said


def test_a_denial_by_posture_in_text() -> None:
    text = told(run("--exec", "/usr/bin/id", "--from", "/usr/bin/dash", *POD, *SAMPLE))
    assert re.sub(r"set [0-9a-f]{16}", "set HASH", text) == (
        """\
exec: /usr/bin/id, from: /usr/bin/dash
by dvwa/dvwa-web-0 (container web; app=dvwa-web, tier=frontend)
under the policies given, set HASH

DENIED [posture-block]: /usr/bin/id, run by /usr/bin/dash, is denied: no rule
    allows it, and namespace dvwa's file posture is block.

section process: /usr/bin/id, run by /usr/bin/dash
  No Allow or Block rule matches.
  Rules that do not match: 4 with another target (--all shows them).
  Allow-list mode: on, switched on by spec.process.matchPaths[0] of
    KubeArmorPolicy dvwa/allow-web-and-ping. What no rule allows goes to the
    posture.
  Posture: file is block, from the namespace's annotation.
  Visibility: process is visible, so Audit alerts are told.

Mode: enabled; on a denial the process is terminated.
"""
    )


def test_rules_that_match_are_in_order_and_say_why_they_do_not_decide(policy: str) -> None:
    text = told(run("--exec", "/a", "--from", "/s", "--uid", "5", "--workload", "ns/p", "--policies", policy))
    first, second = text.index("> 1 Block /a by /s"), text.index("  2 Allow /a if the user owns the file")
    assert first < second
    assert "denies it, and decides." in text
    assert "does not allow it, since the user is not the file's owner." in text
    assert "a rule with a matching source beats one without" in " ".join(text.split())


def test_a_rule_for_another_source_is_always_shown_and_others_on_request(policy: str) -> None:
    given = ("--exec", "/a", "--workload", "ns/p", "--policies", policy)
    text = told(run(*given))
    assert "Block /a by /s: another source" in text
    assert "/b: another target" not in text
    assert "Block /b: another target" in told(run(*given, "--all"))


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("--exec", "/b"), "block"),
        (("--exec", "/a"), "allow"),
        (("--exec", "/a", "--owner", "7"), "audit"),
        (("--read", "/f"), "allow"),
        (("--write", "/f"), "block"),
        (("--socket", "udp"), "block"),
        (("--socket", "tcp", "--from", "/x"), "allow"),
        (("--dns", "www.example.com"), "block"),
        (("--capability", "net_raw"), "block"),
        (("--syscall", "unlink", "--path", "/u"), "audit"),
        (("--syscall", "unlink"), "allow"),
        (("--event", "{rename: /x, new: /f, by: /bin/mv}"), "block"),
        (("--exec", "/bin/sh", "--script", "/b", "--tty", "pts0", "--arg", "x"), "block"),
    ],
)
def test_flags_describe_an_event(policy: str, flags: tuple[str, ...], expected: str) -> None:
    assert decision(*flags, "--workload", "ns/p", "--policies", policy) == expected


@pytest.mark.parametrize(
    ("record", "number"),
    [(BATCH, 1), (VERDICT, 1), (OUTCOME, 1)],
    ids=["a batch without its ends", "a verdict", "an outcome"],
)
def test_records_say_whose_doing_it_is(record: object, number: int) -> None:
    found = rows(run("-", *SAMPLE, "-o", "json", given=encode(record).decode()))
    assert len(found) == number
    assert found[0]["workload"]["labels"] == WORKLOAD.labels
    assert found[0]["explanation"]["verdict"]["reason"] == "posture-block"
    assert ("recorded" in found[0]) == (record is not BATCH)


def test_a_verdict_tells_what_was_recorded(tmp_path: Path) -> None:
    file = tmp_path / "verdicts.ndjson"
    file.write_bytes(encode(VERDICT) + b"\n\n" + encode(VERDICT) + b"\n")
    text = told(run(str(file), *SAMPLE))
    assert text.count("Recorded under policy offset 3, set 00ff00ff00ff00ff: DENIED [posture-block]") == 2


def test_events_are_records_or_descriptions(tmp_path: Path) -> None:
    file = tmp_path / "events.json"
    other = msgspec.structs.replace(EVENT, executable=Executable(path="/usr/sbin/apache2"))
    description = {"exec": "/usr/bin/id", "from": "/usr/bin/dash"}
    file.write_bytes(encode([EVENT, other, description]))
    found = rows(run(str(file), *POD, *SAMPLE, "-o", "json"))
    assert [row["explanation"]["verdict"]["decision"] for row in found] == ["block", "allow", "block"]
    assert found[2]["described"] == description


def test_the_workload_of_a_record_can_be_another(policy: str) -> None:
    found = rows(
        run("-", "--workload", "ns/p", "--policies", policy, "-o", "json", given=encode(BATCH).decode())
    )
    assert found[0]["workload"]["namespace"] == "ns"


def test_modes_labels_and_hosts(policy: str) -> None:
    given = ("--exec", "/b", "--policies", policy)
    assert decision(*given, "--workload", "ns/p", "--annotation", "kubearmor-policy=audited") == "audit"
    assert decision(*given, "--workload", "other/p") == "allow"
    assert decision(*given, "--workload", "host") == "allow"
    assert decision(*given, "--workload", "host/n1") == "allow"
    unlabelled = ("--exec", "/usr/bin/id", *SAMPLE, "--workload", "dvwa/dvwa-web-0")
    assert decision(*unlabelled) == "allow"
    assert decision(*unlabelled, "--label", "app=dvwa-web", "--label", "tier=frontend") == "block"


def test_postures_of_namespaces_and_global_ones() -> None:
    given = ("--exec", "/usr/bin/id", *POD, "--policies", str(POLICY_FILE))
    assert decision(*given) == "audit"
    assert decision(*given, "--posture", "file=block") == "block"
    assert decision(*given, "--posture", "file=allow,network=block") == "allow"
    assert decision(*given, "--posture", "file=block", "--posture", "dvwa:file=audit") == "audit"
    assert decision(*given, "--host-posture", "file=block") == "audit"


def test_the_matrix_in_text() -> None:
    assert told(run("--matrix", *POD, *SAMPLE)) == (
        """\
dvwa/dvwa-web-0 (container web; app=dvwa-web, tier=frontend)
Mode: enabled; on a denial the process is terminated.
Visible for Audit alerts: capabilities, file, network and process.

PROCESS  (allow-list; posture file is block, from the namespace's annotation)
  1  passes     /usr/lib/cgi-bin/ping by /usr/sbin/apache2
                spec.process.matchPaths[1] of KubeArmorPolicy
                  dvwa/allow-web-and-ping
  2  passes     /usr/bin/dash by /usr/sbin/apache2
                spec.process.matchPaths[2] of KubeArmorPolicy
                  dvwa/allow-web-and-ping
  3  passes     /usr/bin/ping by /usr/bin/dash
                spec.process.matchPaths[3] of KubeArmorPolicy
                  dvwa/allow-web-and-ping
  4  passes     /usr/sbin/apache2
                spec.process.matchPaths[0] of KubeArmorPolicy
                  dvwa/allow-web-and-ping
     is denied  whatever no rule is about

FILE  (allow-list; posture file is block, from the namespace's annotation)
  1  passes     / and all below
                spec.file.matchDirectories[0] of KubeArmorPolicy
                  dvwa/allow-web-and-ping
     is denied  whatever no rule is about

No rule about network, dns, capabilities, syscalls or presets: all of it passes.
"""
    )


def test_the_matrix_in_json() -> None:
    (matrix,) = (
        json.loads(line) for line in run("--matrix", *POD, *SAMPLE, "-o", "json").stdout.splitlines()
    )
    assert matrix["sections"][0]["default"] == "deny"
    assert matrix["sections"][0]["rights"][3]["target"] == "/usr/sbin/apache2"


def test_text_that_an_attacker_chose_is_shown_without_harm() -> None:
    path = "/x/\x1b[2J\u202e"
    text = told(run("--exec", path, *POD, *SAMPLE))
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (POD, "give one event"),
        (("x", "--exec", "/a", *POD), "give one event"),
        (("--exec", "/a"), "whose doing is it?"),
        (("--exec", "a", *POD), "begins with /"),
        (("--exec", "/a", "--read", "/b", *POD), "one thing"),
        (("--exec", "/a", "--path", "/b", *POD), "path"),
        (("--event", "[", *POD), "[syntax]"),
        (("--event", "x", *POD), "write one mapping"),
        (("--event", "{exec: 2020-13-45}", *POD), "begins with /"),
        (("no/such/file", *POD), "no such file"),
        (("--exec", "/a", "--label", "a=b"), "give it"),
        (("--exec", "/a", "--workload", "ns/"), "NAMESPACE/POD"),
        (("--exec", "/a", "--workload", "ns/p", "--label", "a"), "KEY=VALUE"),
        (
            ("--exec", "/a", "--workload", "ns/p", "--workloads", str(WORKLOADS_FILE)),
            "there are: dvwa/dvwa-web-0",
        ),
        (("--exec", "/a", *POD, "--posture", "dvwa:file=allow"), "audit or block"),
        (("--exec", "/a", *POD, "--posture", ":file=block"), "namespace before the colon"),
        (("--exec", "/a", *POD, "--posture", "files=block"), "KIND=MODE"),
        (("--exec", "/a", *POD, "--host-posture", "file"), "KIND=MODE"),
        (("--matrix",), "--matrix is about a workload"),
        (("--matrix", "--exec", "/a", *POD), "--matrix is about a workload"),
    ],
)
def test_what_cannot_be_used_is_an_error_of_usage(arguments: tuple[str, ...], sentence: str) -> None:
    result = run(*arguments, "--policies", str(POLICY_FILE))
    assert (result.exit_code, result.stdout) == (USAGE, "")
    assert sentence in result.stderr


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "holds no event"),
        ("{", "standard input:1: this is not JSON"),
        ("[1]", "it is no record"),
        ('{"x": 1}', "it is no record"),
        ('{"kind": "nothing"}', "standard input"),
        ('{"record": {"record": {}}}', "it is no record"),
        ("[" * 5000, "this is not JSON"),
        ('{"events": 1}', "another type"),
        ('{"verdict": {}}', "another type"),
        ('{"exec": 1}', "describes no event"),
        (encode(msgspec.structs.replace(BATCH, events=(EXIT,))).decode(), "holds no event"),
        (encode(msgspec.structs.replace(BATCH, schema=2)).decode(), "schema version 2"),
    ],
)
def test_input_that_is_no_event_is_refused_by_name(text: str, sentence: str) -> None:
    result = run("-", *POD, *SAMPLE, given=text)
    assert (result.exit_code, result.stdout) == (USAGE, "")
    assert sentence in result.stderr


def test_policies_with_problems_are_an_error_of_usage(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(POLICY.replace("matchPaths:", "matchPath:"))
    result = run("--exec", "/a", "--workload", "ns/p", "--policies", str(path))
    assert result.exit_code == USAGE
    assert f"{path}:" in result.stderr
    assert "matchPath" in result.stderr


def test_a_pod_with_several_containers_has_to_be_named_by_one(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    entries = "".join(f"- {{cgroup: /c/{one}, namespace: ns, pod: p, container: {one}}}\n" for one in "ab")
    path.write_text(f"workloads:\n{entries}")
    given = ("--exec", "/a", "--workload", "ns/p", "--workloads", str(path), "--policies", str(POLICY_FILE))
    assert "say which, with --container" in run(*given).stderr
    assert run(*given, "--container", "b").exit_code == OK
    path.write_text("workloads: 1\n")
    assert run(*given).exit_code == USAGE


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (VERDICT.event_id, Named(VERDICT.event_id, "")),
        (VERDICT.id, Named(VERDICT.event_id, VERDICT.id)),
        (f"{VERDICT.event_id}/", None),
        ("a/b/c/process/1", None),
        ("a/b/c/process/1/x", None),
        ("a.json", None),
    ],
)
def test_ids_are_told_from_files(text: str, named: Named | None) -> None:
    assert named_by(text) == named
