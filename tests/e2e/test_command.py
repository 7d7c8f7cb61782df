"""The command against a pipeline that runs, as a person uses it in another terminal."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lictor.exit_codes import FINDINGS, INFRASTRUCTURE, OK, USAGE
from lictor.runtime import ports
from tests.fixtures.ledgers import Ledger
from tests.fixtures.stacks import LiveStack
from tests.fixtures.tenants import Tenant
from wire import codec

POLICY = """\
apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata:
  name: {name}
  namespace: {namespace}
spec:
  selector:
    matchLabels:
      app: web
  process:
    matchPaths:
    - path: {path}
  action: Block
"""


def policy(tenant: Tenant, name: str, path: str) -> str:
    return POLICY.format(name=name, namespace=tenant.namespace, path=path)


def said(done: subprocess.CompletedProcess[str], code: int) -> str:
    """What a command said, with this exit code; never a traceback."""
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    if code == OK:
        assert done.stderr.count("\n") <= 1  # `policy get` counts there
    return done.stdout if code == OK else done.stderr


def rows(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in said(done, OK).splitlines()]


def test_topics_are_made_once_and_found_afterwards(live: LiveStack) -> None:
    prefix = ("--topic-prefix", "other")
    names = {topic.name.replace("lictor.", "other.", 1): topic.partitions for topic in live.topics.all()}
    made = rows(live.cli(*prefix, "topics", "create", "-o", "json"))
    assert {row["topic"]: row["partitions"] for row in made} == names
    assert all(row["created"] for row in made)
    found = rows(live.cli(*prefix, "topics", "create", "-o", "json"))
    assert found == [row | {"created": False} for row in made]
    assert said(live.cli("topics", "create"), OK).count("present") == len(names)
    refusal = said(live.cli(*prefix, "topics", "create", LICTOR_EVENT_PARTITIONS="7"), INFRASTRUCTURE)
    assert "other.events.v1 has 4 partitions and 7 are expected" in refusal


def test_policies_are_applied_found_and_deleted(live: LiveStack, tenant: Tenant, tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    (folder / "below").mkdir(parents=True)
    (folder / "one.yaml").write_text(policy(tenant, "one", "/usr/bin/one"))
    (folder / "below" / "two.yml").write_text(policy(tenant, "two", "/usr/bin/two"))
    (folder / "notes.txt").write_text("not a policy")
    applied = rows(live.cli("policy", "apply", str(folder), "-o", "json"))
    assert [row["policy"] for row in applied] == [
        f"KubeArmorPolicy {tenant.namespace}/{name}" for name in ("two", "one")
    ]
    said(live.cli("policy", "apply", "-", stdin=policy(tenant, "three", "/usr/bin/three")), OK)

    in_force = rows(live.cli("policy", "get", "-n", tenant.namespace, "-o", "json"))
    assert [row["metadata"]["name"] for row in in_force] == ["two", "one", "three"]  # type: ignore[index]
    assert "/two" in said(live.cli("policy", "get", "two", "-n", tenant.namespace), OK)

    said(live.cli("policy", "delete", "two", "-n", tenant.namespace), OK)
    assert "no policy named two" in said(live.cli("policy", "get", "two", "-n", tenant.namespace), FINDINGS)
    assert "is in force" in said(live.cli("policy", "delete", "two", "-n", tenant.namespace), FINDINGS)


def test_a_bad_policy_is_told_by_file_line_and_field_and_nothing_is_applied(
    live: LiveStack, tenant: Tenant, tmp_path: Path
) -> None:
    (tmp_path / "good.yaml").write_text(policy(tenant, "good", "/usr/bin/one"))
    bad = tmp_path / "bad.yaml"
    bad.write_text(policy(tenant, "bad", "usr/bin/one").replace("action: Block", "action: Blok"))
    errors = said(live.cli("policy", "apply", str(tmp_path)), FINDINGS)
    assert f"{bad}:12:13: spec.process.matchPaths[0].path: " in errors
    assert f"{bad}:13:11: spec.action: " in errors
    assert "nothing was applied" in errors
    assert rows(live.cli("policy", "get", "-n", tenant.namespace, "-o", "json")) == []
    assert "absent.yaml" in said(live.cli("policy", "apply", str(tmp_path / "absent.yaml")), USAGE)


def test_postures_and_enforcement_are_set_and_shown(live: LiveStack, tenant: Tenant) -> None:
    name = tenant.namespace
    said(live.cli("posture", "set", name, "file=block", "network=audit"), OK)
    (posture,) = rows(live.cli("posture", "get", name, "-o", "json"))
    assert (posture["file"], posture["file_from"]) == ("block", "namespace")
    assert (posture["capabilities"], posture["capabilities_from"]) == ("audit", "global")
    said(live.cli("posture", "set", name, "file=default"), OK)
    assert "file=audit (global)" in said(live.cli("posture", "get", name), OK)
    assert "file=deny" in said(live.cli("posture", "set", name, "file=deny"), USAGE)

    assert said(live.cli("enforcement", "get", name), OK) == f"{name}  terminate\n"
    said(live.cli("enforcement", "set", name, "off"), OK)
    assert rows(live.cli("enforcement", "get", name, "-o", "json")) == [
        {"namespace": name, "enforcement": "off"}
    ]
    assert "gate" in said(live.cli("enforcement", "set", name, "gate"), USAGE)


@pytest.fixture(scope="module")
def told(live: LiveStack) -> Iterator[Ledger]:
    """Three denials and what became of them, put in force by the command."""
    tenant = live.tenant()
    program = tenant.program("denied")
    said(live.cli("policy", "apply", "-", stdin=policy(tenant, "denied", program)), OK)
    with live.ledger(tenant) as ledger:
        tenant.spawn(program, 3, "60")
        ledger.until("their outcomes", lambda seen: len(seen.answered) == 3)
        yield ledger
    tenant.remove()


def test_events_verdicts_and_outcomes_are_read_to_their_end(live: LiveStack, told: Ledger) -> None:
    to_the_end = ("--from-beginning", "--no-follow")
    batches = said(live.cli("events", *to_the_end, "-o", "json"), OK).splitlines()
    events = [event for line in batches for event in codec.read_batch(line.encode()).events]
    assert {event.seal for event in told.events.values()} <= {event.seal for event in events}
    assert len(said(live.cli("events", *to_the_end), OK).splitlines()) >= len(events)

    lines = said(live.cli("verdicts", *to_the_end, "-o", "json"), OK).splitlines()
    verdicts = {record.id: record for record in (codec.read_verdict(line.encode()) for line in lines)}
    assert {record.id: record for record in told.verdicts}.items() <= verdicts.items()
    text = said(live.cli("verdicts", *to_the_end), OK)
    assert all(record.verdict.sentence in text for record in told.verdicts)

    lines = said(live.cli("outcomes", *to_the_end, "-o", "json"), OK).splitlines()
    outcomes = {outcome.id: outcome for outcome in (codec.read_outcome(line.encode()) for line in lines)}
    assert {outcome.id: outcome for outcome in told.outcomes}.items() <= outcomes.items()
    assert said(live.cli("outcomes", *to_the_end), OK).count("terminated") >= 3

    assert len(said(live.cli("verdicts", "--from-beginning", "--limit", "2"), OK).splitlines()) == 2
    # From the end on nothing of this is said again; other containers of the machine may have their say.
    text = said(live.cli("verdicts", "--no-follow"), OK)
    assert not any(record.verdict.sentence in text for record in told.verdicts)


def test_doctor_and_version_say_what_is_here(live: LiveStack) -> None:
    findings = {row["subject"]: row for row in rows(live.cli("doctor", "-o", "json"))}
    for subject in ("kernel", "BTF", "cgroup2", "JDK for Kafka", "JDK for Elasticsearch", "servers"):
        assert findings[subject]["state"] == "ok"
    for subject in ("Kafka", "Elasticsearch"):
        assert "accepts connections" in str(findings[subject]["found"])
    assert "in use by `lictor up`" in str(findings["state"]["found"])
    (version,) = rows(live.cli("version", "-o", "json"))
    assert said(live.cli("version"), OK) == f"lictor {version['version']}\n"


def test_what_is_wrong_ends_in_a_sentence_and_its_exit_code(live: LiveStack) -> None:
    """Bounded in time, too: `cli` waits no longer than that."""
    nobody = f"127.0.0.1:{ports.choose()[0]}"
    away = ("--bootstrap", nobody)
    asked = [
        (INFRASTRUCTURE, (*away, "topics", "create")),
        (INFRASTRUCTURE, (*away, "policy", "get")),
        (INFRASTRUCTURE, (*away, "posture", "set", "shop", "file=block")),
        (INFRASTRUCTURE, (*away, "verdicts", "--no-follow")),
        (INFRASTRUCTURE, (*away, "doctor")),
        (INFRASTRUCTURE, ("--topic-prefix", "absent", "events", "--no-follow")),
        (INFRASTRUCTURE, ("up",)),
        (USAGE, ("--topic-prefix", "no spaces", "policy", "get")),
        (USAGE, ("--config", "/absent.toml", "policy", "get")),
        (USAGE, ("verdicts", "--limit", "0")),
        (USAGE, ("frobnicate",)),
        (USAGE, ("up", "--demo", "--from", "recording.jsonl")),
    ]
    with ThreadPoolExecutor(5) as several:
        done = several.map(lambda one: live.cli(*one[1]), asked)
        for (code, words), result in zip(asked, done, strict=True):
            text = said(result, code) + result.stdout
            assert len(text.splitlines()) <= 20, (words, text)
            if words[:1] == away[:1]:
                assert nobody in text, (words, text)
