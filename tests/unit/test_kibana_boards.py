"""Boards as they are said: their grid, their words, and the fields they name."""

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest

from dashboards.kibana import boards, lens, needs, searches, views
from dashboards.kibana.measures import Last, OverTime, Top
from dashboards.kibana.needs import Use
from dashboards.kibana.panels import COLUMNS, Asking, Board, Chart, Listing, Note, Panel, Place, Share
from dashboards.kibana.questions import buckets
from dashboards.kibana.views import View
from dashboards.kibana.where import All, AnyOf, Is, Not, Where
from dashboards.template import EVENTS, HEALTH, VERDICTS

MAPPED = {views.VERDICTS: VERDICTS, views.EVENTS: EVENTS, views.HEALTH: HEALTH}
STABLE = {
    "lictor-posture": (
        "about namespaces enforced blocking would-be-denied standing by-posture allow-listed "
        "would-be-denied-over-time allow-list-misses would-be-denied-by-program"
    ),
    "lictor-denials": (
        "about denied workloads exec-to-kill not-stopped over-time outcomes by-workload by-rule "
        "by-executable by-source exec-to-kill-over-time latest"
    ),
    "lictor-investigate": (
        "about processes programs denied terminated timeline events-timeline documents lineage ancestry "
        "files network stored-files stored-network privileges events"
    ),
    "lictor-replay": (
        "about candidates applied by-candidate workloads over-time decisions by-program by-rule "
        "by-workload verdicts"
    ),
    "lictor-health": (
        "about incomplete lost nodes dead-letters complete loss events lag sensors services "
        "incomplete-intervals"
    ),
}
"""Ids that users' links and copies hold: one may come, none may change."""

PANELS = [(board, panel) for board in boards.ALL for panel in board.panels]
every_board = pytest.mark.parametrize("board", boards.ALL, ids=[board.id for board in boards.ALL])
every_panel = pytest.mark.parametrize(
    ("board", "panel"), PANELS, ids=[f"{board.id}-{panel.id}" for board, panel in PANELS]
)
every_asking = pytest.mark.parametrize(
    "panel",
    [panel for _, panel in PANELS if isinstance(panel, Asking)],
    ids=[f"{board.id}-{panel.id}" for board, panel in PANELS if isinstance(panel, Asking)],
)
every_search = pytest.mark.parametrize("search", searches.ALL, ids=[one.id for one in searches.ALL])


def cells(place: Place) -> set[tuple[int, int]]:
    return set(
        itertools.product(
            range(place.x, place.x + place.w),
            range(place.y, place.y + place.h),
        )
    )


def types_of(view: View) -> dict[str, dict[str, dict[str, bool]]]:
    """What `_field_caps` says of indices under the view's template."""

    def walk(properties: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
        for name, mapping in properties.items():
            if "properties" in mapping:
                yield from walk(mapping["properties"], f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}", mapping["type"]

    mappings = MAPPED[view].body()["template"]["mappings"]["properties"]
    return {
        name: {kind: {"searchable": True, "aggregatable": kind != "text"}}
        for name, kind in walk(mappings, "")
    }


def wheres_of(panel: Asking) -> Iterator[Where]:
    for where in (panel.where, *(measure.where for measure in panel.measures)):
        if where is not None:
            yield where


def parts_of(where: Where) -> Iterator[Where]:
    yield where
    match where:
        case All(others=others) | AnyOf(others=others):
            for one in others:
                yield from parts_of(one)
        case Not(other=other):
            yield from parts_of(other)


@every_board
def test_ids_are_unique_and_stay(board: Board) -> None:
    assert [panel.id for panel in board.panels] == STABLE[board.id].split()


def test_five_boards_with_ids_of_their_own() -> None:
    assert [board.id for board in boards.ALL] == list(STABLE)
    ids = [*STABLE, *(search.id for search in searches.ALL), *(view.id for view in views.ALL)]
    assert len(ids) == len(set(ids))


@every_board
def test_panels_lie_beside_each_other_on_the_grid(board: Board) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board.panels:
        place = panel.place
        assert place.x >= 0
        assert place.y >= 0
        assert min(place.w, place.h) > 0
        assert place.x + place.w <= COLUMNS
        assert not taken & cells(place), f"{panel.id} lies on another"
        taken |= cells(place)
    bottom = max(panel.place.y + panel.place.h for panel in board.panels)
    assert len(taken) == COLUMNS * bottom, "Kibana moves panels up into gaps"


@every_board
def test_a_board_begins_with_what_it_answers(board: Board) -> None:
    first = board.panels[0]
    assert isinstance(first, Note)
    assert first.place.y == 0
    assert first.text.startswith("**")
    assert "?**" in first.text, "a board answers a question"
    assert not any(isinstance(panel, Note) for panel in board.panels[1:])


@every_panel
def test_titles_and_descriptions_are_sentences_of_their_own(board: Board, panel: Panel) -> None:
    assert panel.title
    assert not panel.title.endswith(".")
    assert isinstance(panel, Note) or re.fullmatch(r"[A-Z].*\.", panel.description)
    assert [one.title for one in board.panels].count(panel.title) == 1
    assert len(panel.title) <= 2 * panel.place.w - 3, "Kibana would cut it"


@every_asking
def test_fields_stand_in_the_mapping_with_a_fitting_type(panel: Asking) -> None:
    types = types_of(panel.view)
    wrong = [needs.unmet(need, types.get(need.field, {})) for need in needs.of_panel(panel)]
    assert not [one for one in wrong if one]


@every_asking
def test_what_is_grouped_by_is_a_word_and_what_is_summed_a_number(panel: Asking) -> None:
    types = types_of(panel.view)
    for bucket in buckets(panel):
        if isinstance(bucket, Top):
            assert set(types[bucket.field]) == {"keyword"}
    for need in needs.of_panel(panel):
        if need.use is Use.COUNTED:
            assert set(types[need.field]) <= {"long", "double", "date", "date_nanos"}


@every_search
def test_fields_of_searches_stand_in_the_mapping(search: searches.Search) -> None:
    types = types_of(search.view)
    wrong = [needs.unmet(need, types.get(need.field, {})) for need in needs.of_search(search)]
    assert not [one for one in wrong if one]


@every_board
def test_fields_of_controls_are_words(board: Board) -> None:
    for label, view, field in board.controls:
        assert label
        assert set(types_of(view)[field]) == {"keyword"}


@every_asking
def test_a_panel_says_which_documents_it_counts(panel: Asking) -> None:
    """A stream holds several kinds of documents, and to count two kinds together is to count twice."""
    assert panel.where is not None
    named = [
        part for part in parts_of(panel.where) if isinstance(part, Is) and part.field == "lictor.document"
    ]
    if panel.view is views.EVENTS:
        return
    assert [len(part.values) for part in named] == [1]


@every_asking
def test_live_and_candidate_are_counted_apart(panel: Asking) -> None:
    if panel.view is not views.VERDICTS:
        return
    named = [
        part
        for where in wheres_of(panel)
        for part in parts_of(where)
        if isinstance(part, Is) and part.field == "lictor.candidate"
    ]
    split_by = [bucket for bucket in buckets(panel) if "Judged by" in bucket.label]
    assert named or split_by, "verdicts of candidates would be counted as if they were applied"


@every_asking
def test_kibana_can_rank_and_group_as_said(panel: Asking) -> None:
    assert not isinstance(panel.measures[0], Last), "a last value ranks nothing"
    for bucket in buckets(panel):
        assert not (isinstance(bucket, Top) and bucket.missing and not bucket.other)
    if isinstance(panel, Chart) and any(getattr(measure, "per", None) for measure in panel.measures):
        assert isinstance(panel.x, OverTime), "a rate is over time"


def test_a_figure_has_one_measure() -> None:
    share = next(panel for _, panel in PANELS if isinstance(panel, Share))
    twice = Share(
        id=share.id,
        title=share.title,
        place=share.place,
        view=share.view,
        measures=share.measures * 2,
        by=share.by,
    )
    with pytest.raises(ValueError, match="has 2 measures"):
        lens.attributes(twice)


def test_every_search_is_on_a_board_or_of_use_alone() -> None:
    listed = {panel.search.id for _, panel in PANELS if isinstance(panel, Listing)}
    alone = {search.id for search in searches.ALL} - listed
    assert alone == {searches.OUTCOMES.id}
