"""What a change of a record's schema breaks, in words.

Within a schema version two things must hold, since topics keep records for weeks and teams take a new
release when they like: who reads by the schema of before can read what is written now, and who reads by the
schema of now can read what was written before. So a version only ever gains fields that may be absent, and
values and kinds where more may be added (`wire.record_schema.OPEN_VALUES`, docs/consumers.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = dict[str, Any]

_ABSENT = object()
_OTHER = "another kind"
_BOUNDS = (
    "const",
    "contentEncoding",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maximum",
    "maxItems",
    "maxLength",
    "minimum",
    "minItems",
    "minLength",
    "multipleOf",
    "pattern",
    "format",
)


def breaks_of_all(before: Mapping[str, Schema], after: Mapping[str, Schema]) -> list[str]:
    """What changes between two sets of schemas, by the names of their files, break."""
    found: list[str] = []
    for name, schema in before.items():
        if name not in after:
            found.append(f"{name}: the record is gone, and its readers with it")
        else:
            found += (f"{name}: {sentence}" for sentence in breaks(schema, after[name]))
    return found


def breaks(before: Schema, after: Schema) -> list[str]:
    """A sentence for everything that a change from one schema to the other breaks; empty where nothing."""
    return list(dict.fromkeys(_Comparison(before, after).of(before["title"], before, after)))


class _Comparison:
    """Two schemas, each with its definitions."""

    def __init__(self, before: Schema, after: Schema) -> None:
        self._before = before.get("$defs", {})
        self._after = after.get("$defs", {})
        self._seen: set[tuple[str, str]] = set()

    def of(self, place: str, before: Schema, after: Schema) -> Iterator[str]:
        """What is broken at a place and below."""
        old = {_key(one): one for one in _alternatives(before, self._before)}
        new = {_key(one): one for one in _alternatives(after, self._after)}
        gone, come = old.keys() - new.keys(), new.keys() - old.keys()
        if _OTHER in old:
            come = {key for key in come if "=" not in key}
        if gone and come:
            yield f"{place} was {_listed(gone)} and is now {_listed(come)}"
        elif gone:
            yield f"{place} is {_listed(gone)} in records that are kept, and may no longer be"
        elif come:
            yield f"{place} may now be {_listed(come)}, which readers of before refuse"
        for key in old.keys() & new.keys() - {_OTHER}:
            pair = (old[key].get("title", ""), new[key].get("title", ""))
            if all(pair):
                if pair in self._seen:
                    continue
                self._seen.add(pair)
            yield from self._same(pair[0] or place, old[key], new[key])

    def _same(self, place: str, before: Schema, after: Schema) -> Iterator[str]:
        """Of two shapes of one type."""
        if before.get("type") != after.get("type"):
            yield f"{place} was {before.get('type')} and is now {after.get('type')}"
        yield from _values(place, before, after)
        for word in _BOUNDS:
            if before.get(word) != after.get(word):
                yield f"{place} has another {word}: {before.get(word)} before, {after.get(word)} now"
        if "properties" in before:
            yield from self._fields(place, before, after)
        if "items" in before and "items" in after:
            yield from self.of(f"{place}[]", before["items"], after["items"])
        others = before.get("additionalProperties", True), after.get("additionalProperties", True)
        if all(isinstance(one, dict) for one in others):
            yield from self.of(f"{place}{{}}", *others)
        elif others[0] != others[1]:
            yield f"{place} takes other fields than before: a reader could no longer skip what is new"

    def _fields(self, place: str, before: Schema, after: Schema) -> Iterator[str]:
        needed, needs = set(before.get("required", ())), set(after.get("required", ()))
        for name, shape in before["properties"].items():
            field = f"{place}.{name}"
            if name not in after.get("properties", {}):
                yield f"{field} is gone: readers that use it find nothing"
                continue
            now = after["properties"][name]
            if name in needed - needs:
                yield f"{field} may now be absent, and readers of before rely on it"
            elif name in needs - needed:
                yield f"{field} is now required, and records that are kept may lack it"
            elif name not in needs and shape.get("default", _ABSENT) != now.get("default", _ABSENT):
                change = f"{_default(shape)} before, {_default(now)} now"
                yield f"{field} means something else where it is absent: {change}"
            yield from self.of(field, shape, now)
        for name in sorted(needs - before["properties"].keys()):
            yield f"{place}.{name} is new and required, and records that are kept lack it"


def _values(place: str, before: Schema, after: Schema) -> Iterator[str]:
    """Of two sets of named values, each closed (`enum`) or open (`examples`)."""
    old, new = _named(before), _named(after)
    for value in sorted(old - new):
        yield f"{place} loses the value {value}: records that are kept have it, and readers look for it"
    if "enum" in before and "enum" in after:
        for value in sorted(new - old):
            yield f"{place} gains the value {value}, which readers of before refuse"
    elif "enum" in before:
        yield f"{place} may now have any value, which readers of before refuse"
    elif "enum" in after:
        yield f"{place} may have had any value in records that are kept, and now may not"


def _named(shape: Schema) -> set[str]:
    values: list[str] = shape.get("enum") or shape.get("examples") or []
    return set(values)


def _alternatives(shape: Schema, definitions: Mapping[str, Schema]) -> list[Schema]:
    """What a value may be, references followed; a reference's own words (a default) are its field's."""
    if "$ref" in shape:
        return _alternatives(definitions[shape["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in shape:
        return [found for one in shape["anyOf"] for found in _alternatives(one, definitions)]
    return [shape]


def _key(shape: Schema) -> str:
    """What tells an alternative from the others: the tag that it travels with, else its type.

    The names of definitions do not travel, and may change.
    """
    for name, field in shape.get("properties", {}).items():
        if "not" in field:
            return _OTHER
        if len(field.get("enum", ())) == 1 and name in shape.get("required", ()):
            return f"{name}={field['enum'][0]}"
    return str(shape.get("type", "anything"))


def _default(shape: Schema) -> str:
    return repr(shape["default"]) if "default" in shape else "nothing"


def _listed(keys: set[str]) -> str:
    return " or ".join(sorted(keys))
