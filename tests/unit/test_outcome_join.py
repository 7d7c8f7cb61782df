"""Verdicts joined with what became of them: held no longer than needed, and none lost."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from lictor.cli import outcome_join
from lictor.cli.outcome_join import WAIT_AT_MOST_S, WAIT_S, Joined, OutcomeJoin
from tests.fixtures.records import ACT_VERDICTS
from tests.fixtures.verdict_records import AUDITED_BY_RULE, outcome, source, verdict_record
from wire.records import Outcome, VerdictRecord

DENIED = verdict_record(1)
ENDED = outcome(DENIED)


def taken(join: OutcomeJoin, *records: VerdictRecord | Outcome, now_s: float = 0.0) -> list[Joined]:
    return [joined for record in records for joined in join.take(record, now_s)]


@pytest.mark.parametrize(
    "record",
    [
        verdict_record(verdict=AUDITED_BY_RULE),
        verdict_record(enforcement="off"),
        verdict_record(workload_changes={"complete": False}),
        verdict_record(source=replace(source(), recorded=True)),
        *ACT_VERDICTS.values(),
    ],
)
def test_what_nobody_is_to_carry_out_is_told_at_once(record: VerdictRecord) -> None:
    assert taken(OutcomeJoin(), record) == [(record, None)]


def test_a_denial_waits_for_its_outcome() -> None:
    join = OutcomeJoin()
    assert taken(join, DENIED, verdict_record(2)) == []
    assert taken(join, ENDED) == [(DENIED, ENDED)]
    assert list(join.rest()) == [(verdict_record(2), None)]
    assert not list(join.rest())


def test_an_outcome_that_comes_first_tells_the_verdict_that_it_holds() -> None:
    join = OutcomeJoin()
    assert taken(join, ENDED) == [(DENIED, ENDED)]
    assert taken(join, DENIED) == []
    assert not list(join.rest())


@pytest.mark.parametrize("record", [DENIED, verdict_record(verdict=AUDITED_BY_RULE)])
def test_what_comes_again_is_told_once(record: VerdictRecord) -> None:
    join = OutcomeJoin()
    assert len([*taken(join, record, record), *join.rest(), *taken(join, record), *join.rest()]) == 1
    assert taken(join, outcome(record)) == [], "nor is it told again when its outcome is late"


def due(join: OutcomeJoin, now_s: float, *, outcomes_read: bool) -> list[Joined]:
    return list(join.due(now_s, outcomes_read=outcomes_read))


def test_without_an_outcome_it_is_told_when_the_wait_is_over() -> None:
    join = OutcomeJoin()
    later = verdict_record(2)
    taken(join, DENIED, now_s=100.0)
    taken(join, later, now_s=102.0)
    assert not due(join, 99.9 + WAIT_S, outcomes_read=True)
    assert due(join, 100.0 + WAIT_S, outcomes_read=True) == [(DENIED, None)]
    assert not due(join, 101.9 + WAIT_AT_MOST_S, outcomes_read=False)
    assert due(join, 102.0 + WAIT_AT_MOST_S, outcomes_read=False) == [(later, None)]


def test_a_repeated_verdict_does_not_wait_anew() -> None:
    join = OutcomeJoin()
    taken(join, DENIED, now_s=100.0)
    taken(join, DENIED, now_s=104.0)
    assert due(join, 100.0 + WAIT_S, outcomes_read=True) == [(DENIED, None)]


def test_it_is_full_at_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome_join, "HELD", 3)
    join = OutcomeJoin()
    verdicts = [verdict_record(number) for number in range(3)]
    taken(join, *verdicts[:2])
    assert not join.is_full
    taken(join, verdicts[2])
    assert join.is_full
    taken(join, outcome(verdicts[0]))
    assert not join.is_full


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome_join, "REMEMBERED", 2)
    join = OutcomeJoin()
    outcomes = [outcome(verdict_record(number)) for number in range(3)]
    assert len(taken(join, *outcomes)) == 3
    assert taken(join, outcomes[2], outcomes[1]) == []
    assert len(taken(join, outcomes[0])) == 1


@given(st.permutations([(number, what) for number in range(4) for what in ("verdict", "outcome")]))
def test_in_whatever_order_they_come_each_is_told_with_its_outcome(order: Iterable[tuple[int, str]]) -> None:
    join = OutcomeJoin()
    records = [verdict_record(number) for number in range(4)]
    told = taken(join, *(records[n] if what == "verdict" else outcome(records[n]) for n, what in order))
    assert sorted(told, key=lambda one: one.record.id) == [(one, outcome(one)) for one in records]
