"""docs/consumers.md says what the code does: topics, counts, and the consumers as they are."""

from __future__ import annotations

import pytest

from tests.documented.counts import counts
from tests.documented.page import DOCS, hold, table
from wire.record_schema import RECORDS
from wire.topics import Topics

PAGE = "consumers.md"
_DAY_MS = 24 * 60 * 60 * 1000


def test_topics() -> None:
    rows = []
    for topic in Topics().all():
        names = [f"`{name}`" for name, record in RECORDS.items() if topic.name.split(".")[1] == record.topic]
        assert names, topic.name
        days = topic.retention_ms // _DAY_MS
        kept = "for ever" if topic.retention_ms < 0 else f"{days} day{'s' if days > 1 else ''}"
        rows.append([f"`{topic.name}`", topic.key, ", ".join(names), str(topic.partitions), kept])
    hold(PAGE, "topics", table(("topic", "key", "records", "partitions", "kept"), rows))


def test_counts() -> None:
    hold(PAGE, "counts", table(("service", "count", "what is counted"), counts()))


@pytest.mark.parametrize(("name", "language"), [("consumer.py", "python"), ("Consumer.java", "java")])
def test_the_consumers_stand_there_as_they_are(name: str, language: str) -> None:
    text = (DOCS / "consumers" / name).read_text(encoding="utf-8")
    page = (DOCS / PAGE).read_text(encoding="utf-8")
    assert f"```{language}\n{text}```\n" in page, f"docs/consumers.md has another {name}"
