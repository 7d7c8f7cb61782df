"""How a batch's documents are shared out among bulk requests."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dashboards.bulk import Entry, Origin
from dashboards.progress import PartitionProgress
from dashboards.sink import Limits, requests

ORIGIN = Origin(progress=PartitionProgress("events", 0), offset=0, key=None, value=b"{}")
LIMITS = Limits(request_documents=10, request_bytes=100)
SEARCHABLE = 10_000
"""`index.max_result_window`'s default: a look-up asks for twice as many hits as a request has documents."""


def entries(sizes: list[int]) -> list[Entry]:
    return [Entry(id=str(n), document=b"x" * size, origin=ORIGIN) for n, size in enumerate(sizes)]


@given(st.lists(st.integers(0, 150), max_size=200))
def test_every_document_goes_once_in_order_within_the_limits(sizes: list[int]) -> None:
    wanted = entries(sizes)
    some = list(requests(wanted, LIMITS))
    assert [entry for request in some for entry in request] == wanted
    for request in some:
        assert 0 < len(request) <= LIMITS.request_documents
        assert len(request) == 1 or sum(len(one.document) for one in request) <= LIMITS.request_bytes


@given(st.lists(st.integers(0, 150), max_size=200))
def test_no_request_is_smaller_than_it_has_to_be(sizes: list[int]) -> None:
    some = list(requests(entries(sizes), LIMITS))
    for request, following in pairwise(some):
        size = sum(len(one.document) for one in request) + len(following[0].document)
        assert len(request) == LIMITS.request_documents or size > LIMITS.request_bytes


def test_what_a_request_has_can_be_looked_up() -> None:
    assert 2 * Limits().request_documents <= SEARCHABLE
