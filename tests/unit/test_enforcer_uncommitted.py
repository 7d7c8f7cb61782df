"""Offsets move on only past orders whose outcome is stored."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from enforcer.uncommitted import Uncommitted


def test_an_order_that_is_under_way_holds_back_those_after_it() -> None:
    offsets = Uncommitted()
    for offset in (5, 6, 9):
        offsets.read(offset)
    offsets.settle(6)
    assert offsets.take_committable() is None
    offsets.settle(5)
    assert offsets.take_committable() == 7
    assert offsets.take_committable() is None
    offsets.settle(9)
    assert offsets.take_committable() == 10
    assert len(offsets) == 0


@given(st.permutations(range(12)))
def test_nothing_unsettled_is_ever_committed(order: list[int]) -> None:
    offsets = Uncommitted()
    for offset in range(12):
        offsets.read(offset)
    settled: set[int] = set()
    committed = 0
    for offset in order:
        offsets.settle(offset)
        settled.add(offset)
        committed = offsets.take_committable() or committed
        assert set(range(committed)) <= settled
    assert committed == 12
