"""What may be committed, whatever the order in which records are finished."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboards.progress import PartitionProgress


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Offsets in the order of their receipt, with gaps, and some of them in the order of their end."""
    offsets = sorted(draw(st.sets(st.integers(0, 200), min_size=1, max_size=40)))
    finished = draw(st.permutations(offsets))
    return offsets, finished[: draw(st.integers(0, len(finished)))]


@given(histories())
def test_position_is_before_the_first_record_that_is_not_done(history: tuple[list[int], list[int]]) -> None:
    offsets, finished = history
    progress = PartitionProgress("verdicts", 0)
    for offset in offsets:
        progress.received(offset)
    done: set[int] = set()
    for offset in finished:
        progress.finished(offset)
        done.add(offset)
        left = [o for o in offsets if o not in done]
        assert progress.position == (left[0] if left else offsets[-1] + 1)
        assert progress.outstanding == len(left)


@given(histories(), st.data())
def test_order_of_receipt_and_end_may_interleave(
    history: tuple[list[int], list[int]], data: st.DataObject
) -> None:
    offsets, _ = history
    progress = PartitionProgress("verdicts", 0)
    waiting: list[int] = []
    last = -1
    for offset in offsets:
        progress.received(offset)
        waiting.append(offset)
        for done in data.draw(st.lists(st.sampled_from(waiting), unique=True)):
            progress.finished(done)
            waiting.remove(done)
        position = progress.position
        assert position is not None
        assert position >= last, "a commit never goes back"
        assert position == (min(waiting) if waiting else offset + 1)
        last = position


def test_nothing_to_commit_before_the_first_record_and_after_a_commit() -> None:
    progress = PartitionProgress("verdicts", 0)
    assert progress.to_commit() is None
    progress.received(5)
    progress.received(6)
    assert progress.to_commit() is None
    progress.finished(6)
    assert progress.to_commit() is None
    progress.finished(5)
    assert progress.to_commit() == 7
    progress.committed(7)
    progress.committed(None)
    assert progress.to_commit() == 7, "the broker did not have it after all"
