"""What all groups of fields of a document have, and how Elasticsearch is to index their values.

A field's Python type says most of it: `str` is a keyword, `int` a long, `float` a double, `bool` a
boolean, a dictionary is flattened. What it does not say, one of the types here says. The index
templates are made of them (`dashboards.mapping`), so that no document has a field that is not mapped.
"""

from typing import Annotated

import msgspec

SHORT = 1024
"""Characters of a keyword that are indexed; a longer value is kept and not searchable."""

LONG = 8191
"""The most that is safe: Lucene takes 32,766 bytes a term, and a character has up to four."""


class FieldSet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A group of fields. A field that is required here stands in every document that has the group."""


LongKeyword = Annotated[str, msgspec.Meta(extra={"type": "keyword", "ignore_above": LONG})]
"""A path, or a sentence that is grouped by."""

Searchable = Annotated[
    str,
    msgspec.Meta(extra={"type": "keyword", "ignore_above": LONG, "fields": {"text": {"type": "text"}}}),
]
"""A keyword whose words can be searched as well, under `.text`."""

Text = Annotated[str, msgspec.Meta(extra={"type": "text"})]
"""A sentence for people."""

Date = Annotated[str, msgspec.Meta(extra={"type": "date"})]
"""ISO 8601 in UTC. Elasticsearch compares milliseconds and keeps the text."""

DateNanos = Annotated[str, msgspec.Meta(extra={"type": "date_nanos"})]
"""The same, compared by the nanosecond."""

Ip = Annotated[str, msgspec.Meta(extra={"type": "ip"})]
"""An IPv4 or IPv6 address. Anything else gets the whole document refused."""
