"""Recorded events judged again: by anybody, from a clone that is closed to others, and never enforced."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dashboards.elastic import Elastic
from lictor.pipeline.reach import ROOT, launch
from lictor.runtime import elasticsearch_credentials, kafka_credentials
from lictor.runtime.account import find
from lictor.runtime.state import Live, default_cache, find_live
from tests.fixtures.boxes import box
from tests.fixtures.ledgers import Ledger
from tests.fixtures.stacks import LiveStack
from tests.fixtures.tenants import Tenant
from wire import codec
from wire.kafka import Kafka
from wire.policy_log import append_change
from wire.records import VerdictRecord
from wire.topics import Topics

EXECS = 3


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that others may enter."""
    made = Path(tempfile.mkdtemp(prefix="lictor-test-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


def record(live: LiveStack, tenant: Tenant, program: str, to: Path) -> None:
    """Run the program a few times, and keep what `lictor events -o json` prints about it."""
    with live.ledger(tenant) as ledger:
        tenant.spawn(program, EXECS)
        ledger.until("all seen", lambda seen: len(seen.of_program(program)) == EXECS)
    printed = live.cli("events", "--from-beginning", "--no-follow", "-o", "json").stdout
    lines = [line for line in printed.splitlines() if program in line]
    assert sum(len(codec.read_batch(line.encode()).events) for line in lines) >= EXECS
    to.write_text("\n".join(lines) + "\n", encoding="utf-8")
    to.chmod(0o644)


def judged(ledger: Ledger, program: str) -> list[VerdictRecord]:
    """The verdicts on the recorded execs, all stored; and no order came of any."""
    ledger.until("verdicts", lambda seen: len(of(seen, program)) == EXECS)
    records = of(ledger, program)
    assert all(one.source.recorded and one.source.incarnation.endswith("-recorded") for one in records)
    ledger.await_stored({one.id for one in records})
    # Verdict and order of a batch are written together: this is after all of them.
    ledger.read()
    assert ledger.orders == []
    return records


def of(ledger: Ledger, program: str) -> list[VerdictRecord]:
    return [one for one in ledger.verdicts if one.event.executable.path == program]


@contextmanager
def whole(kafka: Kafka, topics: Topics, elastic: Elastic, namespace: str) -> Iterator[Ledger]:
    ledger = Ledger(kafka, topics, elastic, namespace, whole=True)
    try:
        yield ledger
    finally:
        ledger.close()


def what_is_live(state: Path) -> Live:
    found = find_live(state)
    assert found is not None
    assert found.bootstrap is not None
    assert found.elasticsearch is not None
    return found


def test_an_unprivileged_user_judges_a_recording_with_servers_of_its_own(
    live: LiveStack, folder: Path
) -> None:
    nobody = find("nobody")
    if nobody is None:
        pytest.skip("there is no user nobody")
    stranger = live.stranger()
    program = stranger.program("unnamed", copy_of="true")
    recording, state = folder / "recording.jsonl", folder / "state"
    record(live, stranger, program, recording)
    state.mkdir()
    nobody.own(state)
    how = launch(
        ("lictor", "up", "--from", str(recording)),
        become=nobody,
        reader=nobody,
        mount_point=folder / "program",
    )
    environment = {"LICTOR_CACHE": str(default_cache()), "HOME": str(state)}
    with box(how.argv, state=state, cwd=how.cwd, account=how.account, **environment) as running:
        running.until("recorded events sent")
        assert {uid(pid) for pid in running.left()} == {nobody.uid}
        found = what_is_live(state)
        assert set(found.pids) == {"kafka", "elasticsearch", "streams", "sink"}
        security = kafka_credentials.read(state, "admin")
        kafka = Kafka(bootstrap=str(found.bootstrap), security=security)
        admin = elasticsearch_credentials.read(state, "lictor-admin")
        elastic = Elastic(url=str(found.elasticsearch), user=admin.user, password=admin.password)
        with whole(kafka, Topics(), elastic, "") as ledger:
            assert {one.verdict.decision for one in judged(ledger, program)} == {"unknown"}
        running.until(" unknown ")
        running.signal(signal.SIGINT)
        assert running.wait() == 0, running.output
        running.await_empty()


def test_a_clone_in_a_closed_folder_runs_with_servers_of_others(live: LiveStack, folder: Path) -> None:
    """Services that drop to another user can read the program all the same."""
    tenant = live.tenant()
    program = tenant.program("denied", copy_of="true")
    recording, state, closed = folder / "recording.jsonl", folder / "state", folder / "closed"
    record(live, tenant, program, recording)
    closed.mkdir(mode=0o700)
    (closed / "clone").mkdir()

    topics = Topics(prefix="recorded")
    where = (
        *("--topic-prefix", topics.prefix),
        *("--bootstrap", live.kafka.bootstrap, "--elasticsearch", live.elastic.url),
    )
    # Services that somebody else's broker is named for come as whom they were told to.
    assert live.cli(*where, "topics", "create", "--acls").returncode == 0
    admin = live.kafka.security
    named = {
        "LICTOR_KAFKA_PROTOCOL": admin.protocol,
        "LICTOR_KAFKA_MECHANISM": admin.mechanism,
        "LICTOR_KAFKA_USER": str(admin.user),
        "LICTOR_KAFKA_PASSWORD": str(admin.password),
        "LICTOR_ELASTICSEARCH_USER": str(live.elastic.user),
        "LICTOR_ELASTICSEARCH_PASSWORD": str(live.elastic.password),
    }
    append_change(live.kafka, topics, tenant.deny(program))

    # As if it had been cloned there: a mount that only this command sees.
    clone = closed / "clone"
    python = clone / Path(sys.executable).relative_to(ROOT)
    enter = ("unshare", "--mount", "--propagation", "private", "sh", "-c", _CLONE, str(ROOT), str(clone))
    with box(
        [*enter, str(python), "-m", "lictor", *where, "up", "--from", str(recording)],
        state=state,
        **named,
    ) as running:
        running.until("recorded events sent")
        found = find_live(state)
        assert found is not None
        assert set(found.pids) == {"streams", "sink"}
        account = find()
        assert account is not None
        assert {uid(pid) for pid in found.pids.values()} == {account.uid}
        with whole(live.kafka, topics, live.elastic, tenant.namespace) as ledger:
            for one in judged(ledger, program):
                assert (one.verdict.decision, one.enforcement) == ("block", "terminate")
        running.signal(signal.SIGTERM)
        assert running.wait() == 0, running.output
        running.await_empty()


_CLONE = 'mount --bind "$0" "$1" && cd "$1" && shift && exec "$@"'


def uid(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid
