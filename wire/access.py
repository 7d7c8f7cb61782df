"""Who may do what in Kafka: the access table, as data.

Everything else comes from it: the bindings that `lictor topics acls` makes (`wire.access_admin`), what a
service asks for before it starts, the table in docs/security.md, and the tests that try each cell.
"""

from dataclasses import dataclass

from wire.topics import Topic, Topics

ADMIN = "admin"
CONSUMER_GROUPS = "consumer-"
"""What the names of other teams' consumer groups begin with."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """A consumer group, or with `prefixed` all whose names begin so."""

    name: str
    prefixed: bool = False

    def covers(self, group: str) -> bool:
        """Whether it is this one, or one of these."""
        return group.startswith(self.name) if self.prefixed else group == self.name


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What one principal may do, and no more. To read or write a topic includes to see that it is there."""

    principal: str
    purpose: str
    reads: tuple[Topic, ...] = ()
    writes: tuple[Topic, ...] = ()
    groups: tuple[Group, ...] = ()


def access(topics: Topics, *, store_events: bool = False) -> tuple[Grant, ...]:
    """The table for the topics under one prefix, without `admin`, who must be a super user.

    `store_events`: whether the sink stores events too, and must read them.
    """
    stored = (topics.verdicts, topics.outcomes, topics.health)
    return (
        Grant(
            principal="sensor",
            purpose="publishes what processes do",
            writes=(topics.events, topics.health),
        ),
        Grant(
            principal="streams",
            purpose="judges events",
            reads=(topics.events, topics.policies),
            writes=(topics.epochs, topics.verdicts, topics.orders, topics.health, topics.dead_letters),
            groups=(Group(name=f"{topics.prefix}-streams"), Group(name="lictor-streams-", prefixed=True)),
        ),
        Grant(
            principal="enforcer",
            purpose="carries orders out",
            reads=(topics.policies, topics.orders),
            writes=(topics.outcomes, topics.health, topics.dead_letters),
            groups=(Group(name="lictor-enforcer-", prefixed=True),),
        ),
        Grant(
            principal="sink",
            purpose="stores what came out in Elasticsearch",
            reads=(*((topics.events,) if store_events else ()), *stored),
            writes=(topics.health, topics.dead_letters),
            groups=(Group(name=f"{topics.prefix}-sink"),),
        ),
        Grant(
            principal="operator",
            purpose="is people and their `lictor` command: looks at everything, decides policies",
            reads=topics.all(),
            writes=(topics.policies,),
            groups=(Group(name="lictor-cli", prefixed=True), Group(name="lictor-feed")),
        ),
        Grant(
            principal="consumer",
            purpose="is other teams' programs",
            reads=(topics.verdicts, topics.outcomes),
            groups=(Group(name=CONSUMER_GROUPS, prefixed=True),),
        ),
    )


PRINCIPALS = tuple(grant.principal for grant in access(Topics()))
"""Everyone in the table."""


def grant_of(principal: str, topics: Topics, *, store_events: bool = False) -> Grant:
    """One principal's part of the table."""
    (found,) = (one for one in access(topics, store_events=store_events) if one.principal == principal)
    return found
