"""What a health record says in sum, whoever wrote it. Pure."""

from collections.abc import Iterable

from wire.records import RingBalance, SensorHealth, ServiceHealth

HealthRecord = SensorHealth | ServiceHealth
"""What travels in the health topic."""

INTERVAL_S = 10.0
"""How often every service says how it is. Whoever is silent for three of these is not well."""

LOST_AFTER_ALL = ("dead_letters",)
"""Counts of a service that stand for records of which nothing came."""


def service_of(record: HealthRecord) -> str:
    """`sensor`, `streams`, `enforcer` or `sink`."""
    return "sensor" if isinstance(record, SensorHealth) else record.service


def node_of(record: HealthRecord) -> str:
    """The node that the service runs on."""
    return record.source.node if isinstance(record, SensorHealth) else record.node


def instance_of(record: HealthRecord) -> str:
    """The service's static name within the node; a node has one sensor."""
    return "sensor" if isinstance(record, SensorHealth) else record.instance


def incarnation_of(record: HealthRecord) -> str:
    """16 hex digits that were drawn when the service started."""
    return record.source.incarnation if isinstance(record, SensorHealth) else record.incarnation


def summed(rings: Iterable[RingBalance]) -> RingBalance:
    """One balance of several rings."""
    balances = tuple(rings)
    return RingBalance(
        **{
            name: sum(getattr(balance, name) for balance in balances)
            for name in RingBalance.__struct_fields__
        }
    )


def is_complete(record: HealthRecord) -> bool:
    """Whether everything of the interval is accounted for: no event lost, and no record put aside.

    A sensor that does not tell of the interval alone is judged by all since it started.
    """
    if isinstance(record, SensorHealth):
        balance = summed((record.interval or record.rings).values())
        return balance.lost == 0 and balance.unpublished == 0
    return not any(record.counts.get(name, 0) for name in LOST_AFTER_ALL)
