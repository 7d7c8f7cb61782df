"""Batches in flight are acknowledged in the order of offsets, whatever the order of their deliveries."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from streams.in_flight import InFlight, Ticket


class Log:
    """What was acknowledged, in order."""

    def __init__(self) -> None:
        self.acknowledged: list[tuple[int, int]] = []

    def begin(self, flights: InFlight, partition: int, offset: int) -> Ticket:
        return flights.begin(partition, lambda: self.acknowledged.append((partition, offset)))


def test_a_later_batch_waits_for_the_one_before_it() -> None:
    log, flights = Log(), InFlight(8)
    first, second = log.begin(flights, 0, 0), log.begin(flights, 0, 1)
    flights.confirm(second)
    assert log.acknowledged == []
    flights.confirm(first)
    assert log.acknowledged == [(0, 0), (0, 1)]
    assert len(flights) == 0


def test_partitions_do_not_wait_for_each_other() -> None:
    log, flights = Log(), InFlight(8)
    log.begin(flights, 0, 0)
    flights.confirm(log.begin(flights, 1, 0))
    assert log.acknowledged == [(1, 0)]
    assert len(flights) == 1


def test_what_was_taken_away_is_never_acknowledged_not_even_when_its_partition_comes_back() -> None:
    log, flights = Log(), InFlight(8)
    old = log.begin(flights, 0, 5)
    assert flights.forget({0, 3}) == 1
    again = log.begin(flights, 0, 4)
    flights.confirm(old)
    assert log.acknowledged == []
    flights.confirm(again)
    assert log.acknowledged == [(0, 4)]


def test_a_full_worker_waits_for_room() -> None:
    async def scenario() -> None:
        log, flights = Log(), InFlight(1)
        await flights.room()
        ticket = log.begin(flights, 0, 0)
        waiting = asyncio.create_task(flights.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        flights.confirm(ticket)
        await asyncio.wait_for(waiting, 10)

    asyncio.run(scenario())


def test_draining_ends_with_the_last_delivery_or_in_time() -> None:
    async def scenario() -> None:
        log, flights = Log(), InFlight(8)
        assert await flights.drained(10)
        ticket = log.begin(flights, 0, 0)
        assert not await flights.drained(0.01)
        asyncio.get_running_loop().call_later(0.01, flights.confirm, ticket)
        assert await flights.drained(10)

    asyncio.run(scenario())


STEPS = st.sampled_from(["begin", "confirm", "forget"])


@given(st.lists(st.tuples(STEPS, st.integers(0, 2), st.integers(0, 9))))
def test_acknowledgements_are_a_prefix_of_what_began_since_the_partition_came(
    steps: list[tuple[str, int, int]],
) -> None:
    log, flights = Log(), InFlight(1000)
    begun: dict[int, list[tuple[int, Ticket]]] = {0: [], 1: [], 2: []}
    next_offset = 0
    for step, partition, pick in steps:
        if step == "begin":
            begun[partition].append((next_offset, log.begin(flights, partition, next_offset)))
            next_offset += 1
        elif step == "confirm" and begun[partition]:
            flights.confirm(begun[partition][pick % len(begun[partition])][1])
        elif step == "forget":
            flights.forget({partition})
            done = [offset for place, offset in log.acknowledged if place == partition]
            log.acknowledged = [one for one in log.acknowledged if one[0] != partition]
            assert done == sorted(done)
            begun[partition] = []
        for place, tickets in begun.items():
            acknowledged = [offset for where, offset in log.acknowledged if where == place]
            assert acknowledged == [offset for offset, _ in tickets][: len(acknowledged)]
            confirmed = [offset for offset, ticket in tickets if ticket.confirmed]
            assert set(acknowledged) <= set(confirmed)
    waiting = sum(len(tickets) for tickets in begun.values()) - len(log.acknowledged)
    assert len(flights) == waiting
