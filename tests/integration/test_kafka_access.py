"""The access table on a real broker, cell by cell; and who does not get in at all."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AclBinding, AclBindingFilter

from lictor.runtime import account, kafka_credentials
from lictor.runtime.errors import ArtifactError, NoJdkError
from lictor.runtime.servers import find_servers
from lictor.runtime.state import LocalState, find_live
from tests.fixtures.kafka_access import WITHIN_S, Guarded, guarded
from tests.fixtures.runtime import held, running, state_folder
from wire import access, access_admin, access_check, topic_admin
from wire.kafka import Kafka
from wire.refusals import RefusedError, raise_refusal
from wire.topic_admin import TopicError
from wire.topics import Topics

ROOT = Path(__file__).parents[2]
GUESSED = "guessed"
MARKER = b"a record that everybody who may read finds"
EVERYBODY = (access.ADMIN, *access.PRINCIPALS)


@pytest.fixture(scope="module")
def broker() -> Iterator[Guarded]:
    """A secured broker with a record in every topic, and every right already in force."""
    with guarded() as found:
        producer = found.kafka().producer()
        for topic in found.topics.all():
            producer.produce(topic.name, MARKER, partition=0)
        assert producer.flush(WITHIN_S) == 0
        for principal in access.PRINCIPALS:
            access_check.see_rights(found.kafka(principal), access.grant_of(principal, found.topics))
        yield found


def table(principal: str, topics: Topics) -> tuple[set[str], set[str]]:
    """What the principal may read and write; the super user everything."""
    if principal == access.ADMIN:
        everything = {topic.name for topic in topics.all()}
        return everything, everything
    grant = access.grant_of(principal, topics)
    return {topic.name for topic in grant.reads}, {topic.name for topic in grant.writes}


def readable(kafka: Kafka, topics: Topics, group: str) -> set[str]:
    """The topics that give a record; all others refuse."""
    consumer = kafka.consumer(group, **{"fetch.wait.max.ms": 50})
    deadline = time.monotonic() + WITHIN_S
    try:
        # The client keeps quiet about topics of which it may not even know that they are there.
        told = {topic.name: False for topic in topics.all() if not _visible(consumer, topic.name)}
        seen = [topic.name for topic in topics.all() if topic.name not in told]
        consumer.assign([TopicPartition(name, 0, OFFSET_BEGINNING) for name in seen])
        while len(told) < len(topics.all()):
            assert time.monotonic() < deadline, f"{kafka.client_id} was told of {told} only"
            message = consumer.poll(0.2)
            if message is None or message.topic() is None:
                continue
            error = message.error()
            if error is None:
                told[str(message.topic())] = True
            elif error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                told[str(message.topic())] = False
    finally:
        consumer.close()
    return {name for name, may in told.items() if may}


def writable(kafka: Kafka, topics: Topics) -> set[str]:
    """The topics that take a record; all others refuse."""
    told: dict[str, bool] = {}

    def on_delivery(error: KafkaError | None, message: Message) -> None:
        assert error is None or error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED, error
        told[str(message.topic())] = error is None

    # Without idempotence: that is refused as a whole to whom may write nothing, before any cell is tried.
    producer = kafka.producer(**{"enable.idempotence": False})
    for topic in topics.all():
        producer.produce(topic.name, MARKER, partition=0, on_delivery=on_delivery)
    assert producer.flush(WITHIN_S) == 0
    return {name for name, may in told.items() if may}


@pytest.mark.parametrize("principal", EVERYBODY)
def test_each_topic_may_be_read_by_whom_the_table_says(broker: Guarded, principal: str) -> None:
    reads, _ = table(principal, broker.topics)
    groups = [] if principal == access.ADMIN else access.grant_of(principal, broker.topics).groups
    group = groups[0].name if groups else "nobody-s"
    assert readable(broker.kafka(principal), broker.topics, group) == reads


@pytest.mark.parametrize("principal", EVERYBODY)
def test_each_topic_may_be_written_by_whom_the_table_says(broker: Guarded, principal: str) -> None:
    _, writes = table(principal, broker.topics)
    assert writable(broker.kafka(principal), broker.topics) == writes


@pytest.mark.parametrize("principal", access.PRINCIPALS)
def test_each_group_may_be_used_by_whom_the_table_says(broker: Guarded, principal: str) -> None:
    everyone_s = {
        f"{group.name}one" if group.prefixed else group.name
        for grant in access.access(broker.topics)
        for group in grant.groups
    }
    own = access.grant_of(principal, broker.topics)
    reads = own.reads or broker.topics.all()
    admin = broker.kafka(principal).admin()
    usable = set()
    for name in {*everyone_s, "t-stream", "t-streams-2", "another-team-s"}:
        asked = ConsumerGroupTopicPartitions(name, [TopicPartition(reads[0].name, 0, 0)])
        (future,) = admin.alter_consumer_group_offsets([asked]).values()
        failure = future.exception(WITHIN_S)
        if failure is None:
            usable.add(name)
        else:
            assert failure.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED, failure
    assert usable == {name for name in everyone_s if any(group.covers(name) for group in own.groups)}


@pytest.mark.parametrize("principal", access.PRINCIPALS)
def test_nobody_but_admin_makes_topics_or_acls(broker: Guarded, principal: str) -> None:
    others = Topics(prefix="others")
    with pytest.raises(TopicError, match=r"cannot be created: .*(?i:authorization failed)"):
        topic_admin.create(broker.kafka(principal), others)
    with pytest.raises(access_admin.AccessError, match=f"user '{principal}' may not make ACLs"):
        access_admin.create(broker.kafka(principal), others)


def test_acls_are_made_once_and_those_beyond_the_table_are_shown(broker: Guarded) -> None:
    with_events = access_admin.create(broker.kafka(), broker.topics, store_events=True)
    assert [access_admin.described(one) for one in with_events.created] == [
        f"User:sink allow read topic {broker.topics.events.name}"
    ]
    assert not with_events.beyond
    again = access_admin.create(broker.kafka(), broker.topics)
    assert not again.created
    assert len(again.present) == len(access_admin.bindings(broker.topics))
    assert again.beyond == with_events.created
    admin = broker.kafka().admin()
    (removed,) = admin.delete_acls([_filter(again.beyond[0])]).values()
    assert removed.result(WITHIN_S) == list(again.beyond)


def test_the_command_makes_acls_as_admin_of_the_local_broker(broker: Guarded) -> None:
    done = lictor(broker, "topics", "acls", "-o", "json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["acl"] for row in rows] == [
        access_admin.described(one) for one in access_admin.bindings(broker.topics)
    ]
    assert {row["state"] for row in rows} == {"present"}
    other = lictor(broker, "--topic-prefix", "u", "topics", "create", "--acls")
    assert other.returncode == 0, other.stderr
    assert "created  User:sensor allow write topic u.events.v1" in other.stdout.splitlines()
    shown = lictor(broker, "topics", "acls", "--principal", "sink=CN=sink,O=Example")
    lines = shown.stdout.splitlines()
    assert f"created  User:CN=sink,O=Example allow read topic {broker.topics.health.name}" in lines
    assert f"beyond  User:sink allow read topic {broker.topics.health.name}" in lines
    assert lictor(broker, "topics", "acls", "--principal", "someone=x").returncode == 2


def test_a_command_that_comes_as_another_says_what_it_may_not(broker: Guarded) -> None:
    security = broker.kafka("consumer").security
    come = {
        "LICTOR_KAFKA_PROTOCOL": security.protocol,
        "LICTOR_KAFKA_MECHANISM": security.mechanism,
        "LICTOR_KAFKA_USER": str(security.user),
        "LICTOR_KAFKA_PASSWORD": str(security.password),
    }
    seen = lictor(broker, "events", "--from-beginning", "--no-follow", **come)
    assert seen.returncode == 3
    assert f"no topic {broker.topics.events.name}, or user 'consumer' may not see it" in seen.stderr
    changed = lictor(broker, "posture", "set", "shop", "file=block", **come)
    assert changed.returncode == 3, changed.stderr
    assert f"user 'consumer' may not write {broker.topics.policies.name}" in changed.stderr


def lictor(broker: Guarded, *words: str, **come: str) -> subprocess.CompletedProcess[str]:
    """The command, as root types it where the broker runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LICTOR_")}
    own = {"LICTOR_STATE": str(broker.broker.state.root), "LICTOR_TOPIC_PREFIX": broker.topics.prefix}
    counts = {"LICTOR_EVENT_PARTITIONS": "1", "LICTOR_VERDICT_PARTITIONS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "lictor", *words],
        cwd=ROOT,
        env=kept | own | counts | come | {"NO_COLOR": "1", "LICTOR_CONFIG": "/dev/null"},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


def test_a_wrong_password_is_refused_in_words(broker: Guarded) -> None:
    right = broker.kafka("sensor")
    wrong = Kafka(
        bootstrap=right.bootstrap,
        security=replace(right.security, password=GUESSED),
    )
    raise_refusal(right)
    with pytest.raises(RefusedError, match=r"does not let in user 'sensor': .*kafka_password") as refused:
        topic_admin.partition_counts(wrong)
    assert GUESSED not in str(refused.value)
    assert GUESSED not in repr(wrong)


@pytest.mark.parametrize("topic", ["events", "orders"])
def test_without_a_name_nothing_is_read_and_nothing_written(broker: Guarded, topic: str) -> None:
    """As any other user of the machine, who reaches loopback."""
    stranger = Kafka(bootstrap=broker.broker.bootstrap, client_id="stranger")
    name = getattr(broker.topics, topic).name
    end = _end(broker.kafka(), name)
    producer = stranger.producer(**{"message.timeout.ms": 2000})
    failed: list[KafkaError | None] = []
    producer.produce(name, b"forged", on_delivery=lambda error, _: failed.append(error))
    assert producer.flush(WITHIN_S) == 0
    assert [one is not None and one.code() for one in failed] == [KafkaError._MSG_TIMED_OUT]
    consumer = stranger.consumer("stranger")
    try:
        with pytest.raises(KafkaException):
            consumer.get_watermark_offsets(TopicPartition(name, 0), timeout=2)
    finally:
        consumer.close()
    assert _end(broker.kafka(), name) == end


def test_the_controller_answers_nobody_without_a_name(broker: Guarded) -> None:
    assert _describe_cluster(broker.broker.controller_port) == b""
    with running(kafka=True) as plain:
        assert plain.broker is not None
        assert _describe_cluster(plain.broker.controller_port) != b""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_another_user_reads_no_password(broker: Guarded) -> None:
    """The state folder's root and the enforcer's user differ: the latter may enter the folder."""
    state = broker.broker.state.root
    settings = state / "kafka" / "server.properties"
    secrets = [kafka_credentials.folder_of(state) / principal for principal in EVERYBODY]
    for name in ("nobody", "lictor-enforcer"):
        found = account.find(name)
        if found is None:
            pytest.skip(f"there is no user {name}")
        for path in (settings, *secrets):
            who = ("setpriv", f"--reuid={found.uid}", f"--regid={found.gid}", "--init-groups")
            done = subprocess.run([*who, "cat", str(path)], capture_output=True, timeout=60, check=False)
            assert (done.returncode, done.stdout) == (1, b""), f"{name} reads {path}"
    passwords = {path.read_text().strip() for path in secrets}
    assert len(passwords) == len(EVERYBODY)
    live = find_live(state)
    assert live is not None
    process = Path(f"/proc/{live.pids['kafka']}")
    told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    assert b"server.properties" in told
    assert not any(one.encode() in told for one in passwords)


def test_credentials_are_made_once_and_data_from_before_them_stay() -> None:
    """A folder that a plain broker used becomes a secured one with its records, and goes on as such."""
    topics = Topics(prefix="t", event_partitions=1)
    with state_folder() as root:
        with own_broker(root, secured=False) as kafka:
            topic_admin.create(kafka, topics)
            producer = kafka.producer()
            producer.produce(topics.events.name, MARKER)
            assert producer.flush(WITHIN_S) == 0
        seen = []
        for _ in range(2):
            with own_broker(root, secured=True) as kafka:
                topic_admin.create(kafka, topics)
                access_admin.create(kafka, topics)
                assert _end(kafka, topics.events.name) == 1
                seen.append({name: kafka_credentials.read(root, name).password for name in EVERYBODY})
        assert seen[0] == seen[1]


@contextmanager
def own_broker(root: Path, *, secured: bool) -> Iterator[Kafka]:
    """A broker on this state folder, as the one who makes topics."""
    with LocalState.at(root) as state:
        try:
            servers = find_servers(state, elasticsearch=False, secured=secured)
        except (ArtifactError, NoJdkError) as error:
            pytest.skip(str(error))
        with held(state, servers):
            assert servers.broker is not None
            yield Kafka(bootstrap=servers.broker.bootstrap, security=servers.broker.security)


def _visible(consumer: Consumer, topic: str) -> bool:
    error = consumer.list_topics(topic, timeout=WITHIN_S).topics[topic].error
    assert error is None or error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED, error
    return error is None


def _filter(one: AclBinding) -> AclBindingFilter:
    what = (one.restype, one.name, one.resource_pattern_type, one.principal, one.host)
    return AclBindingFilter(*what, one.operation, one.permission_type)


def _end(kafka: Kafka, topic: str) -> int:
    consumer = kafka.consumer("test-ends")
    try:
        return consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=WITHIN_S)[1]
    finally:
        consumer.close()


def _describe_cluster(port: int) -> bytes:
    """How a controller's answer to DescribeCluster (key 60, version 1) begins; empty where it hangs up."""
    header = struct.pack(">hhih", 60, 1, 7, -1) + b"\0"
    body = struct.pack(">bb", 0, 2) + b"\0"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(struct.pack(">i", len(header + body)) + header + body)
        try:
            return connection.recv(4)
        except ConnectionResetError:
            return b""
