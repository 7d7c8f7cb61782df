"""Every condition means in KQL, as Kibana reads it, what it means in a search: the same documents."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboards.kibana import boards, rules, searches
from dashboards.kibana.measures import Bucket, Split
from dashboards.kibana.panels import Asking
from dashboards.kibana.questions import buckets
from dashboards.kibana.views import EVENTS, HEALTH, VERDICTS, View
from dashboards.kibana.where import All, AnyOf, Exists, Greater, Is, Not, Value, Where
from tests.fixtures import kql
from tests.fixtures.stored import Stored

DOCUMENTS = 2_000
TREES = 250
AWKWARD = (
    'say "no"',
    "back\\slash",
    "a*b",
    "(or) and not",
    "t\tn\nr\r",
    "Ünï\u202ecode",
    "a: b",
    "",
    "{x} < 3",
)
"""What could be taken for a part of the language, or be escaped in another way than Kibana knows."""


def split_conditions(bucket: Bucket) -> Iterator[Where]:
    if isinstance(bucket, Split):
        yield from (where for _, where in bucket.parts)


def conditions_of(panel: Asking) -> Iterator[Where | None]:
    yield panel.where
    yield from (measure.where for measure in panel.measures)
    for bucket in buckets(panel):
        yield from split_conditions(bucket)


def all_conditions() -> list[tuple[str, View, Where]]:
    """Of everything that Kibana is given, with where it stands."""
    found: list[tuple[str, View, Where | None]] = []
    for board in boards.ALL:
        for panel in board.panels:
            if isinstance(panel, Asking):
                found += [(f"{board.id}/{panel.id}", panel.view, where) for where in conditions_of(panel)]
    found += [(search.id, search.view, search.where) for search in searches.ALL]
    found += [(rule.key, rule.condition.view, rule.condition.where) for rule in rules.ALL]
    return [(place, view, where) for place, view, where in found if where is not None]


ALL_CONDITIONS = all_conditions()


def mentioned(where: Where) -> Iterator[tuple[str, Value | None]]:
    """Every field with the values that it is compared with; None where any value will do."""
    match where:
        case Is(field=field, values=values):
            yield from ((field, value) for value in values)
        case Exists(field=field):
            yield field, None
        case Greater(field=field, than=than):
            yield field, than
        case Not(other=other):
            yield from mentioned(other)
        case All(others=others) | AnyOf(others=others):
            for one in others:
                yield from mentioned(one)


def choices(conditions: list[Where]) -> dict[str, list[Value]]:
    """For every field that is mentioned: those values, and one that nobody mentions."""
    found: dict[str, list[Value]] = {}
    for where in conditions:
        for field, value in mentioned(where):
            values = found.setdefault(field, [])
            if value is not None and value not in values:
                values.append(value)
    for values in found.values():
        match values[:1]:
            case [bool()]:
                values[:] = [True, False]
            case [int() | float()]:
                values += [value + 1 for value in values if not isinstance(value, str)]
            case _:
                values.append("another")
    return found


def make(dice: random.Random, among: dict[str, list[Value]]) -> dict[str, Any]:
    """A document that has some of the fields, now and then with two values."""
    made: dict[str, Any] = {"@timestamp": time.time_ns() // 1_000_000}
    for field, values in among.items():
        if dice.random() < 0.8:
            made[field] = dice.choice(values)
        if dice.random() < 0.1:
            made[field] = dice.sample(values, min(2, len(values)))
    return made


@pytest.fixture(scope="module")
def parser() -> Path:
    return kql.installed()


@pytest.fixture(scope="module")
def stored(elasticsearch_url: str) -> Iterator[Stored]:
    """In each view, documents that tell its conditions apart."""
    held = Stored(elasticsearch_url)
    dice = random.Random(5)  # noqa: S311
    for view in (VERDICTS, EVENTS, HEALTH):
        among = choices([where for _, looked_at, where in ALL_CONDITIONS if looked_at == view])
        held.put(view, [make(dice, among) for _ in range(DOCUMENTS)])
    yield held
    held.close()


def test_every_condition_finds_in_kql_what_it_finds_in_a_search(parser: Path, stored: Stored) -> None:
    answers = kql.translate(parser, [where.kql() for _, _, where in ALL_CONDITIONS])
    seen: dict[tuple[str, str], set[str]] = {}
    for (place, view, where), answer in zip(ALL_CONDITIONS, answers, strict=True):
        assert "error" not in answer, f"{place}: {where.kql()}: {answer}"
        if (view.id, where.kql()) in seen:
            continue
        expected = stored.ids(view, where.dsl())
        seen[view.id, where.kql()] = expected
        assert 0 < len(expected) < DOCUMENTS, f"{place}: {where.kql()} is not told apart by the documents"
        assert stored.ids(view, answer["dsl"]) == expected, f"{place}: {where.kql()}"


FIELDS: dict[str, list[Value]] = {
    "event.reason": [*AWKWARD, "plain"],
    "process.executable": [*AWKWARD[:4], "/usr/bin/bash"],
    "lictor.alert": [True, False],
    "process.pid": [1, 2, 3],
    "lictor.outcome.exec_to_kill_ms": [0.5, 1.5, -2.25],
}


def tree(dice: random.Random, depth: int) -> Where:
    """A condition of any shape."""
    field, values = dice.choice(list(FIELDS.items()))
    if depth == 0 or dice.random() < 0.3:
        match dice.randrange(3):
            case 0:
                return Exists(field)
            case 1 if not isinstance(values[0], str | bool):
                return Greater(field, dice.choice([one for one in values if isinstance(one, int | float)]))
            case _:
                return Is(field, *dice.sample(values, dice.randint(1, min(3, len(values)))))
    match dice.randrange(3):
        case 0:
            return Not(tree(dice, depth - 1))
        case 1:
            return All(*(tree(dice, depth - 1) for _ in range(dice.randint(2, 3))))
        case _:
            return AnyOf(*(tree(dice, depth - 1) for _ in range(dice.randint(2, 3))))


def test_conditions_of_any_shape_find_the_same_in_both_languages(
    parser: Path, elasticsearch_url: str
) -> None:
    stored = Stored(elasticsearch_url)
    dice = random.Random(11)  # noqa: S311
    stored.put(VERDICTS, [make(dice, FIELDS) for _ in range(300)])
    trees = [tree(dice, 3) for _ in range(TREES)]
    told_apart = 0
    for where, answer in zip(trees, kql.translate(parser, [one.kql() for one in trees]), strict=True):
        assert "error" not in answer, f"{where.kql()}: {answer}"
        expected = stored.ids(VERDICTS, where.dsl())
        assert stored.ids(VERDICTS, answer["dsl"]) == expected, where.kql()
        told_apart += 0 < len(expected) < 300
    stored.close()
    assert told_apart > TREES // 2


def test_what_is_no_kql_is_refused(parser: Path) -> None:
    answers = kql.translate(parser, ["a : (1 or", "(a : 1", "n > "])
    assert all("error" in answer for answer in answers)
