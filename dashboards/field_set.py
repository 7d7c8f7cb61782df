"""What all groups of fields of a document have."""

import msgspec


class FieldSet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A group of fields. A field that is required here stands in every document that has the group."""
