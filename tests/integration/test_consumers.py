"""The two consumers of docs/consumers.md on real brokers: every verdict once, committed when processed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import TopicPartition

from policy.verdict import Verdict
from tests.fixtures.documented_consumers import GROUPS, PATIENCE_S, consuming
from tests.fixtures.kafka_access import guarded, tls_guarded
from tests.fixtures.records import ACT_VERDICTS, VERDICT
from tests.fixtures.stream_workers import DENIED, Court, blocking, load, verdict_ids
from tests.fixtures.verdict_records import AUDITED_BY_RULE, verdict_record
from wire import topic_admin
from wire.codec import encode
from wire.kafka import Kafka
from wire.records import VerdictRecord
from wire.topics import Topics

LANGUAGES = list(GROUPS)
RECORDS = [verdict_record(number) for number in range(200)]
STRANGE = Verdict(
    decision="audit", reason=AUDITED_BY_RULE.reason, sentence="café ☃ \\xff \\x1b[2J", alert=True
)
SAID = [VERDICT, *ACT_VERDICTS.values(), verdict_record(300, verdict=STRANGE)]


def publish(kafka: Kafka, topics: Topics, records: list[VerdictRecord]) -> None:
    producer = kafka.producer()
    for record in records:
        producer.produce(topics.verdicts.name, encode(record), record.workload.id)
    assert producer.flush(PATIENCE_S) == 0


def uncommitted(kafka: Kafka, topics: Topics, language: str) -> int:
    """Records of the verdicts topic past what the consumer's group has committed."""
    asked = [TopicPartition(topics.verdicts.name, number) for number in range(topics.verdict_partitions)]
    consumer = kafka.consumer(GROUPS[language])
    try:
        committed = consumer.committed(asked, timeout=PATIENCE_S)
        ends = [consumer.get_watermark_offsets(one, timeout=PATIENCE_S)[1] for one in asked]
    finally:
        consumer.close()
    return sum(end - max(one.offset, 0) for one, end in zip(committed, ends, strict=True))


@pytest.fixture
def topics(kafka_broker: str) -> Topics:
    found = Topics(prefix=f"consumers-{uuid.uuid4().hex[:12]}")
    topic_admin.create(Kafka(bootstrap=kafka_broker), found)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_verdict_is_printed_once_and_committed(
    language: str, kafka_broker: str, topics: Topics
) -> None:
    kafka = Kafka(bootstrap=kafka_broker)
    publish(kafka, topics, [*RECORDS, *RECORDS[50:120], *SAID])
    wanted = [*RECORDS, *SAID]
    with consuming(language, kafka, topics.prefix) as consumer:
        consumer.until(lambda ids: set(ids) >= {one.id for one in wanted})
        # Delivered again while it runs; the last record shows that they have passed by.
        publish(kafka, topics, [*RECORDS[:50], verdict_record(400)])
        consumer.until(lambda ids: verdict_record(400).id in ids)
        consumer.stop()
        expected = [f"{one.id} {one.verdict.decision} {one.verdict.sentence}" for one in wanted]
        assert sorted(consumer.lines[:-1]) == sorted(expected)
    assert uncommitted(kafka, topics, language) == 0

    publish(kafka, topics, [verdict_record(401)])
    with consuming(language, kafka, topics.prefix) as consumer:
        consumer.until(bool)
        consumer.stop()
        assert consumer.ids == [verdict_record(401).id], "what was committed is not read again"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_not_processed_is_not_committed(language: str, kafka_broker: str, topics: Topics) -> None:
    """It stops at what it cannot read, and comes back to it."""
    kafka = Kafka(bootstrap=kafka_broker)
    publish(kafka, topics, RECORDS)
    producer = kafka.producer()
    # Behind the records: their workload's key leads to the same partition.
    producer.produce(topics.verdicts.name, b"{", RECORDS[0].workload.id)
    assert producer.flush(PATIENCE_S) == 0
    with consuming(language, kafka, topics.prefix) as consumer:
        assert consumer.wait() != 0
        assert set(consumer.ids) <= {one.id for one in RECORDS}
        printed = len(consumer.ids)
    left = uncommitted(kafka, topics, language)
    assert 1 <= left <= len(RECORDS) + 1
    assert left >= len(RECORDS) + 1 - printed


@pytest.fixture(scope="module")
def judged(kafka_broker: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Court, set[str]]:
    """Verdicts of a real stream worker, and their ids."""
    court = Court(kafka_broker, tmp_path_factory.mktemp("workers"))
    court.apply(blocking("denied", DENIED))
    batches = load(40)
    ids = verdict_ids(batches)
    with court.worker():
        court.publish(*batches)
        court.verdicts(lambda records: {one.id for one in records} >= ids)
    return court, ids


@pytest.mark.parametrize("language", LANGUAGES)
def test_verdicts_of_a_real_judge(language: str, judged: tuple[Court, set[str]]) -> None:
    court, ids = judged
    with consuming(language, court.kafka, court.topics.prefix) as consumer:
        consumer.until(lambda printed: set(printed) >= ids)
        assert sorted(consumer.ids) == sorted(ids)
        assert all(" block " in line for line in consumer.lines)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_broker_that_asks_for_names(language: str, names: tuple[Kafka, Topics, Kafka]) -> None:
    kafka, topics, admin = names
    with consuming(language, kafka, topics.prefix) as consumer:
        consumer.until(lambda ids: set(ids) >= {one.id for one in RECORDS})
        consumer.stop()
        assert len(consumer.ids) == len(RECORDS)
    assert uncommitted(admin, topics, language) == 0


@pytest.fixture(scope="module", params=["the local runtime", "TLS and SCRAM"])
def names(request: pytest.FixtureRequest) -> Iterator[tuple[Kafka, Topics, Kafka]]:
    """A secured broker with verdicts, as `consumer`, and as who may look at everything."""
    if request.param == "the local runtime":
        with guarded() as found:
            publish(found.kafka("streams"), found.topics, RECORDS)
            yield found.kafka("consumer"), found.topics, found.kafka()
        return
    with tls_guarded({"consumer": 'a "secret" with \\ and spaces', "streams": "another"}) as tls:
        publish(tls.scram("streams"), tls.topics, RECORDS)
        yield tls.scram("consumer"), tls.topics, tls.kafka()
