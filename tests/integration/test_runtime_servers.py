"""The real broker and the real Elasticsearch: what was acknowledged outlives kill -9, and no process does."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from elasticsearch import ApiError, Elasticsearch, TransportError

from lictor.runtime import leash
from lictor.runtime.child import Change, ChildState
from lictor.runtime.elasticsearch import server_pid
from lictor.runtime.errors import AccountError, ArtifactError, NoJdkError
from lictor.runtime.servers import Servers, find_servers
from lictor.runtime.state import LocalState, find_live
from lictor.runtime.supervisor import Supervisor
from tests.fixtures.runtime import state_folder

WITHIN_S = 120.0
TOPIC = "kept"


@pytest.fixture
def root() -> Iterator[Path]:
    """A state folder; skips where the servers are not set up."""
    with state_folder() as path:
        try:
            with LocalState.at(path) as state:
                find_servers(state, secured=False)
        except (AccountError, ArtifactError, NoJdkError) as error:
            pytest.skip(str(error))
        yield path


def make_topic(bootstrap: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(WITHIN_S)


def values(bootstrap: str) -> list[bytes]:
    """Everything in the topic, in order."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "enable.partition.eof": True})
    found: list[bytes] = []
    try:
        consumer.assign([TopicPartition(TOPIC, 0, 0)])
        while True:
            record = consumer.poll(WITHIN_S)
            assert record is not None, "the broker gave nothing"
            error = record.error()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF
                return found
            found.append(record.value() or b"")
    finally:
        consumer.close()


async def produce_across_a_kill(supervisor: Supervisor, servers: Servers) -> list[bytes]:
    """Produce without a pause, kill the broker in the middle; the values that were acknowledged."""
    assert servers.bootstrap is not None
    acknowledged: list[bytes] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is None:
            acknowledged.append(message.value() or b"")

    producer = Producer(
        {"bootstrap.servers": servers.bootstrap, "acks": "all", "linger.ms": 0, "message.timeout.ms": 120_000}
    )
    old = supervisor.pid("kafka")
    for number in range(3_000):
        producer.produce(TOPIC, str(number).encode(), on_delivery=delivered)
        producer.poll(0)
        if number == 1_500:
            while not acknowledged:
                producer.poll(0.01)
            os.kill(old, signal.SIGKILL)
        await asyncio.sleep(0)
    await supervisor.wait_ready("kafka", WITHIN_S, other_than=old)
    assert await asyncio.to_thread(producer.flush, WITHIN_S) == 0
    return acknowledged


async def index_across_a_kill(supervisor: Supervisor, servers: Servers) -> list[str]:
    """Index without a pause, kill the server in the middle; the ids that were acknowledged."""
    assert servers.url is not None
    launcher = supervisor.pid("elasticsearch")
    server = server_pid(launcher)
    assert server is not None
    acknowledged: list[str] = []
    with Elasticsearch(servers.url, max_retries=0, request_timeout=30) as client:
        client.indices.create(index=TOPIC, settings={"number_of_replicas": 0})
        for number in range(60):
            if number == 30:
                os.kill(server, signal.SIGKILL)
            try:
                client.create(index=TOPIC, id=str(number), document={"number": number})
            except (ApiError, TransportError):
                continue
            acknowledged.append(str(number))
    await supervisor.wait_ready("elasticsearch", WITHIN_S, other_than=launcher)
    return acknowledged


def test_acknowledged_records_and_documents_outlive_kill_9(root: Path) -> None:
    changes: list[Change] = []

    async def scenario(state: LocalState) -> None:
        servers = find_servers(state, secured=False)
        assert servers.bootstrap is not None
        assert servers.url is not None
        async with Supervisor(changes.append, state.guardians) as supervisor:
            await servers.start(supervisor, state)
            live = find_live(root)
            assert live is not None
            assert (live.bootstrap, live.elasticsearch) == (servers.bootstrap, servers.url)
            assert live.pids == supervisor.pids()
            await asyncio.to_thread(make_topic, servers.bootstrap)
            records = await produce_across_a_kill(supervisor, servers)
            documents = await index_across_a_kill(supervisor, servers)
            kept = await asyncio.to_thread(values, servers.bootstrap)
            assert set(records) - set(kept) == set()
            assert len(set(kept)) == 3_000
            assert len(documents) >= 30
            with Elasticsearch(servers.url, request_timeout=60) as client:
                found = client.mget(index=TOPIC, ids=documents)["docs"]
            assert [document["_id"] for document in found if not document["found"]] == []

    with LocalState.at(root) as state:
        asyncio.run(scenario(state))
    restarted = {change.name for change in changes if change.state is ChildState.BACKING_OFF}
    assert restarted == {"kafka", "elasticsearch"}
    assert all(leash.stat_fields(change.pid) is None for change in changes if change.pid)
    assert find_live(root) is None


def start(root: Path, *servers: str) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
    """Both servers in a process of their own, and where they are."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lictor.runtime", "--plain", "--state", str(root), *servers],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], WITHIN_S)
    line = process.stdout.readline() if readable else b""
    if not line:
        process.kill()
        pytest.fail(process.communicate()[1].decode())
    return process, json.loads(line)


def end(process: subprocess.Popen[bytes], number: signal.Signals) -> int:
    """Signal the process alone; its exit code, with its whole tree gone."""
    tree = leash.descendants(process.pid)
    assert len(tree) >= 2
    process.send_signal(number)
    code = process.wait(WITHIN_S)
    process.communicate()
    deadline = time.monotonic() + WITHIN_S
    left = [pid for pid, _ in tree]
    while left:
        assert time.monotonic() < deadline, f"processes {left} outlived their parent"
        time.sleep(0.02)
        left = [pid for pid, born in tree if (fields := leash.stat_fields(pid)) and fields[1] == born]
    return code


def test_servers_end_with_their_parent_and_the_next_run_goes_on(root: Path) -> None:
    """Kill -9 with both running; at once another run on the same folder; then Ctrl-C; then SIGTERM."""
    process, addresses = start(root)
    make_topic(addresses["bootstrap"])
    producer = Producer({"bootstrap.servers": addresses["bootstrap"], "acks": "all"})
    producer.produce(TOPIC, b"value")
    assert producer.flush(WITHIN_S) == 0
    process.kill()
    successor, addresses = start(root, "kafka")
    process.communicate()
    assert values(addresses["bootstrap"]) == [b"value"]
    assert addresses["elasticsearch"] is None
    assert end(successor, signal.SIGINT) == 0
    process, _ = start(root, "kafka")
    assert end(process, signal.SIGTERM) == 0


def test_both_servers_end_after_kill_9_of_their_parent(root: Path) -> None:
    process, _ = start(root)
    assert end(process, signal.SIGKILL) == -signal.SIGKILL


def test_interrupt_during_the_start_ends_everything(root: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lictor.runtime", "--state", str(root), "elasticsearch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith(b"elasticsearch: starting")
    assert end(process, signal.SIGTERM) == 0


def test_second_run_on_the_same_folder_says_so(root: Path) -> None:
    with LocalState.at(root):
        done = subprocess.run(
            [sys.executable, "-m", "lictor.runtime", "--state", str(root)],
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
    assert done.returncode == 3
    assert f"in use by process {os.getpid()}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another user")
def test_servers_run_unprivileged_on_loopback_and_small(root: Path) -> None:
    process, addresses = start(root)
    try:
        programs = [
            pid
            for pid, _ in leash.descendants(process.pid)
            if b"java" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        assert len(programs) >= 3
        for pid in programs:
            status = dict(
                line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            )
            assert "0" not in status["Uid"].split()
            assert int(status["CapEff"], 16) == 0
        ports = {int(addresses["bootstrap"].split(":")[1]), int(addresses["elasticsearch"].split(":")[2])}
        listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, timeout=60, check=True)
        ours = [
            line.split()[3]
            for line in listening.stdout.splitlines()
            if any(f"pid={pid}," in line for pid in programs)
        ]
        assert ports <= {int(address.rpartition(":")[2]) for address in ours}
        assert all(address.startswith(("127.0.0.1:", "[::ffff:127.0.0.1]:")) for address in ours)
    finally:
        end(process, signal.SIGINT)
