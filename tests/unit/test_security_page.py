"""The tables of docs/security.md are the access table."""

from tests.documented.page import hold, table
from wire.access import ADMIN, PRINCIPALS, Grant, access
from wire.topics import Topic, Topics

PAGE = "security.md"


def _cell(grant: Grant, with_events: Grant, topic: Topic) -> str:
    reads = "R" if topic in grant.reads else "(R)" if topic in with_events.reads else ""
    return " ".join(filter(None, (reads, "W" if topic in grant.writes else "")))


def test_topics() -> None:
    topics = Topics()
    names = [topic.name.removeprefix("lictor.").removesuffix(".v1") for topic in topics.all()]
    rows = [(f"`{ADMIN}`", "makes topics and ACLs", *("R W" for _ in names))]
    for grant, with_events in zip(access(topics), access(topics, store_events=True), strict=True):
        cells = (_cell(grant, with_events, topic) for topic in topics.all())
        rows.append((f"`{grant.principal}`", grant.purpose, *cells))
    assert len(rows) == len(PRINCIPALS) + 1
    hold(PAGE, "access", table(("principal", "it", *(f"`{name}`" for name in names)), rows))


def test_groups() -> None:
    rows = [
        (
            f"`{grant.principal}`",
            ", ".join(f"`{one.name}{'*' if one.prefixed else ''}`" for one in grant.groups),
        )
        for grant in access(Topics())
    ]
    hold(PAGE, "groups", table(("principal", "consumer groups"), rows))
