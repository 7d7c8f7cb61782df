"""Whatever descriptions and PolicyTest documents hold, only the declared errors come out."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from policy import described
from policy.described import DescriptionError
from policy.documents import read_documents
from policy.expectations import read_suites

HEAD = "apiVersion: lictor.dev/v1\nkind: PolicyTest\ntests:\n- {name: a, workload: host, expect: block, "

words = st.sampled_from(
    [
        *("name", "event", "expect", "workload", "exec", "from", "args", "read", "rename", "new", "by"),
        *("socket", "family", "type", "decision", "posture", "host", "namespace", "labels", "truncated"),
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6) | words,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
fields = st.sampled_from(["metadata", "policies", "settings", "namespaces", "workloads", "tests"])


@given(description=st.dictionaries(words | st.sampled_from(list(described.VERBS)), values, max_size=4))
def test_descriptions(description: dict[str, Any]) -> None:
    for read in (described.event, described.workload):
        try:
            read(description)
        except DescriptionError as error:
            assert error.problems  # noqa: PT017  # either way is right


@given(text=st.text() | st.text().map(lambda tail: HEAD + tail))
def test_texts(text: str) -> None:
    read_suites(text, "x")


@given(more=st.dictionaries(fields, values))
def test_documents(more: dict[str, Any]) -> None:
    text = msgspec.json.encode({"apiVersion": "lictor.dev/v1", "kind": "PolicyTest", **more}).decode()
    result = read_suites(text, "x")
    # What is no YAML at all is told by the reader of policies, once.
    assert bool(result.suites) != bool(result.problems or read_documents(text, "x").problems)
