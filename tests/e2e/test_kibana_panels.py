"""Every panel of every board, asked of what a real demonstration stored, and listed with its answer.

The list stands in build/kibana-panels.txt afterwards.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from dashboards.kibana import boards, needs, questions, rules, searches
from dashboards.kibana.needs import Need
from dashboards.kibana.panels import Asking, Board, Listing, Panel, Search
from dashboards.kibana.questions import Row
from dashboards.kibana.views import EVENTS, HEALTH, VERDICTS, View
from dashboards.kibana.where import All, Exists
from tests.fixtures.boxes import ROOT
from tests.fixtures.demo_run import DemoRun, demo_run
from tests.fixtures.stacks import why_not_here

pytestmark = [
    pytest.mark.skipif(why_not_here() is not None, reason=why_not_here() or ""),
    pytest.mark.skipif(
        shutil.which("runc") is None or shutil.which("mmdebstrap") is None,
        reason="the demonstration's container needs runc and mmdebstrap",
    ),
]

LIST = ROOT / "build" / "kibana-panels.txt"
SHOWN = 8
WIDTH = 150


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoRun]:
    with demo_run(tmp_path_factory.mktemp("demo")) as running:
        yield running


def panels() -> Iterator[tuple[Board, Panel]]:
    for board in boards.ALL:
        for panel in board.panels:
            if isinstance(panel, Asking | Listing):
                yield board, panel


def answered(run: DemoRun, asked: Asking | Search) -> tuple[Row, ...]:
    span = run.span
    if isinstance(asked, Search):
        return questions.read_search(asked, run.search(asked.view, questions.ask_search(asked, span)))
    return questions.read(asked, span, run.search(asked.view, questions.ask(asked, span)))


def listed(title: str, asked: Asking | Search, rows: tuple[Row, ...]) -> list[str]:
    """A panel and the first rows of its answer, as text."""
    names = [m.label for m in asked.measures] if isinstance(asked, Asking) else list(asked.columns)
    saying = sum(row.says for row in rows)
    note = " (may be empty)" if asked.may_be_empty and not saying else ""
    lines = [f"  {title}: {saying} rows{note}", f"    {' | '.join(names)}"[:WIDTH]]
    for row in rows[:SHOWN]:
        values = " | ".join("-" if value is None else printed(value) for value in row.values)
        lines.append(f"    {' / '.join(row.labels)}  =  {values}"[:WIDTH])
    return [*lines, *(["    ..."] if len(rows) > SHOWN else [])]


def printed(value: str | float) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def test_every_panel_has_an_answer_that_is_not_empty_unless_that_is_good(run: DemoRun) -> None:
    lines: list[str] = []
    empty: list[str] = []
    told: Board | None = None
    for board, panel in panels():
        if board is not told:
            told = board
            lines += ["", board.title]
        asked = panel.search if isinstance(panel, Listing) else panel
        assert isinstance(asked, Asking | Search)
        rows = answered(run, asked)
        lines += listed(f"{panel.id}: {panel.title}", asked, rows)
        if not asked.may_be_empty and not any(row.says for row in rows):
            empty.append(f"{board.id}/{panel.id}")
    LIST.parent.mkdir(exist_ok=True)
    LIST.write_text("\n".join(lines).lstrip() + "\n", encoding="utf-8")
    print("\n".join(lines))
    assert empty == []


def needed() -> dict[View, set[Need]]:
    """What all that Kibana is given needs, by view."""
    found: dict[View, set[Need]] = {VERDICTS: set(), EVENTS: set(), HEALTH: set()}
    for board, panel in panels():
        if isinstance(panel, Asking):
            found[panel.view] |= needs.of_panel(panel)
        for _, view, field in board.controls:
            found[view].add(Need(field=field, use=needs.Use.GROUPED))
    for search in searches.ALL:
        found[search.view] |= needs.of_search(search)
    for rule in rules.ALL:
        condition = rule.condition
        found[condition.view] |= {*needs.of_where(condition.where)}
        found[condition.view] |= {Need(field=field, use=needs.Use.GROUPED) for field in condition.by}
    return found


def test_every_field_is_there_and_can_do_what_is_asked_of_it(run: DemoRun) -> None:
    wrong: list[str] = []
    for view, wanted in needed().items():
        fields = sorted({need.field for need in wanted})
        answer = run.client.field_caps(index=view.pattern, fields=fields).body["fields"]
        wrong += [
            f"{view.id}: {said}"
            for need in sorted(wanted, key=lambda one: (one.field, one.use.value))
            if (said := needs.unmet(need, answer.get(need.field, {}))) is not None
        ]
    assert wrong == []


def test_a_saved_search_shows_every_column_of_some_document(run: DemoRun) -> None:
    """A column that is never filled would be a wrong name, or one of another kind of document."""
    never: list[str] = []
    for search in searches.ALL:
        if search.may_be_empty and not answered(run, search):
            continue
        for column in search.columns:
            where = Exists(column) if search.where is None else All(search.where, Exists(column))
            rows = answered(run, replace(search, columns=(column,), where=where))
            if not any(row.values != (None,) for row in rows):
                never.append(f"{search.id}: {column}")
    assert never == []


def test_the_rule_on_block_posture_fires_in_a_demonstration(run: DemoRun) -> None:
    rule = next(rule for rule in rules.ALL if rule.key == "denial-in-block-posture")
    now_ms = run.span.to_ms
    answer = run.search(rule.condition.view, rule.condition.search(now_ms))
    assert ("dvwa",) in rule.condition.fires(answer, now_ms)
