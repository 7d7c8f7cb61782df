"""The access table gives each principal what it needs, and the ACLs are the table."""

import pytest
from confluent_kafka.admin import AclOperation, AclPermissionType, ResourcePatternType, ResourceType

from wire.access import PRINCIPALS, Group, access, grant_of
from wire.access_admin import bindings, described
from wire.topics import Topics

TOPICS = Topics(prefix="p")


def writers(name: str) -> set[str]:
    return {grant.principal for grant in access(TOPICS) if name in {topic.name for topic in grant.writes}}


@pytest.mark.parametrize(
    ("topic", "principals"),
    [
        ("events", {"sensor"}),
        ("policies", {"operator"}),
        ("epochs", {"streams"}),
        ("verdicts", {"streams"}),
        ("orders", {"streams"}),
        ("outcomes", {"enforcer"}),
        ("health", {"sensor", "streams", "enforcer", "sink"}),
        ("dead_letters", {"streams", "enforcer", "sink"}),
    ],
)
def test_what_others_act_on_has_one_writer(topic: str, principals: set[str]) -> None:
    assert writers(getattr(TOPICS, topic).name) == principals


def test_no_group_is_of_two() -> None:
    groups = [(grant.principal, group) for grant in access(TOPICS) for group in grant.groups]
    for principal, group in groups:
        for other, another in groups:
            assert principal == other or not (group.covers(another.name) or another.covers(group.name))


@pytest.mark.parametrize(
    ("principal", "group"),
    [
        ("streams", "p-streams"),
        ("streams", "lictor-streams-judge-0-policy-follower"),
        ("enforcer", "lictor-enforcer-node-1"),
        ("enforcer", "lictor-enforcer-node-1-policy-follower"),
        ("sink", "p-sink"),
        ("operator", "lictor-cli-follow"),
        ("operator", "lictor-cli-search"),
        ("operator", "lictor-cli-health"),
        ("operator", "lictor-cli-policy-follower"),
        ("operator", "lictor-feed"),
        ("consumer", "consumer-python"),
    ],
)
def test_every_group_that_the_code_uses_is_allowed(principal: str, group: str) -> None:
    allowed = [name for name in PRINCIPALS for one in grant_of(name, TOPICS).groups if one.covers(group)]
    assert allowed == [principal]


def test_a_group_is_itself_or_a_beginning() -> None:
    assert Group(name="a-").covers("a-")
    assert not Group(name="a-").covers("a-b")
    assert Group(name="a-", prefixed=True).covers("a-b")
    assert not Group(name="a-", prefixed=True).covers("b-a-")


def test_only_a_sink_that_stores_events_reads_them() -> None:
    assert TOPICS.events not in grant_of("sink", TOPICS).reads
    assert TOPICS.events in grant_of("sink", TOPICS, store_events=True).reads
    others = [one for one in access(TOPICS) if one.principal != "sink"]
    assert others == [one for one in access(TOPICS, store_events=True) if one.principal != "sink"]


def test_acls_are_the_table_and_nothing_else() -> None:
    made = bindings(TOPICS)
    assert all(
        (one.host, one.permission_type) == ("*", AclPermissionType.ALLOW)
        and one.operation in {AclOperation.READ, AclOperation.WRITE}
        for one in made
    )
    topics = {(one.principal, one.name, one.operation) for one in made if one.restype is ResourceType.TOPIC}
    expected = {
        (f"User:{grant.principal}", topic.name, operation)
        for grant in access(TOPICS)
        for side, operation in ((grant.reads, AclOperation.READ), (grant.writes, AclOperation.WRITE))
        for topic in side
    }
    assert topics == expected
    groups = {
        (one.principal, one.name, one.resource_pattern_type is ResourcePatternType.PREFIXED)
        for one in made
        if one.restype is ResourceType.GROUP
    }
    assert groups == {
        (f"User:{grant.principal}", group.name, group.prefixed)
        for grant in access(TOPICS)
        for group in grant.groups
    }
    assert len(made) == len(topics) + len(groups)


def test_principals_may_have_other_names() -> None:
    names = {one.principal for one in bindings(TOPICS, names={"sink": "CN=sink,O=Example"})}
    assert names == {f"User:{name}" for name in PRINCIPALS if name != "sink"} | {"User:CN=sink,O=Example"}


def test_an_acl_in_words() -> None:
    words = [described(one) for one in bindings(TOPICS)]
    assert "User:sensor allow write topic p.events.v1" in words
    assert "User:enforcer allow read group lictor-enforcer-*" in words
