"""The topics: names, keys, partitions and retention. Made once, on purpose, with fixed counts."""

from dataclasses import dataclass

DEFAULT_PREFIX = "lictor"

_DAY_MS = 24 * 60 * 60 * 1000
_FOR_EVER = -1


@dataclass(frozen=True, kw_only=True)
class Topic:
    """One topic as `lictor topics create` makes it. `retention_ms` is -1 for ever."""

    name: str
    key: str
    content: str
    partitions: int
    retention_ms: int
    max_message_bytes: int = 1_048_576


@dataclass(frozen=True, kw_only=True)
class Topics:
    """All topics under one prefix. Partition counts that may be chosen are chosen here, once.

    A node's orders go to the partition that murmur2 of its name gives, so `order_partitions` can
    never change for topics that exist; the same holds for workloads and `event_partitions`.
    """

    prefix: str = DEFAULT_PREFIX
    event_partitions: int = 4
    order_partitions: int = 4
    verdict_partitions: int = 4

    @property
    def events(self) -> Topic:
        """Batches of one workload's events."""
        return self._topic("events", "workload id", "event batches", self.event_partitions, 7 * _DAY_MS)

    @property
    def policies(self) -> Topic:
        """Every change of what is in force. One partition: one order for all, for ever."""
        return self._topic("policies", "none", "policy, namespace and setting changes", 1, _FOR_EVER)

    @property
    def epochs(self) -> Topic:
        """Which policy set judged from which events offset on."""
        return self._topic("epochs", "events partition", "policy set per events offset", 1, _FOR_EVER)

    @property
    def verdicts(self) -> Topic:
        """One denial or alert a record."""
        return self._topic("verdicts", "workload id", "verdicts", self.verdict_partitions, 30 * _DAY_MS)

    @property
    def orders(self) -> Topic:
        """Hints to enforcers."""
        return self._topic("orders", "node", "orders", self.order_partitions, _DAY_MS)

    @property
    def outcomes(self) -> Topic:
        """What became of orders."""
        return self._topic("outcomes", "verdict id", "outcomes", self.verdict_partitions, 30 * _DAY_MS)

    @property
    def health(self) -> Topic:
        """How every service says it is: balance and coverage of sensors, counts and lag of the others."""
        return self._topic("health", "node", "health of services", 1, 7 * _DAY_MS)

    @property
    def dead_letters(self) -> Topic:
        """What could not be read. Holds whole originals in base64, hence the larger limit."""
        return self._topic(
            "dead-letters", "the original's", "unreadable records", 1, 30 * _DAY_MS, limit=2 * 1_048_576
        )

    def all(self) -> tuple[Topic, ...]:
        """Every topic, in the order of an event's way."""
        return (
            self.events,
            self.policies,
            self.epochs,
            self.verdicts,
            self.orders,
            self.outcomes,
            self.health,
            self.dead_letters,
        )

    def _topic(
        self, name: str, key: str, content: str, partitions: int, retention_ms: int, *, limit: int = 1_048_576
    ) -> Topic:
        return Topic(
            name=f"{self.prefix}.{name}.v1",
            key=key,
            content=content,
            partitions=partitions,
            retention_ms=retention_ms,
            max_message_bytes=limit,
        )
