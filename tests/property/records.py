"""Random records of any type that travels, made from what msgspec knows of the type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_INTEGERS = st.integers(-(2**63), 2**63 - 1)
_JSON = st.dictionaries(_TEXT, st.none() | st.booleans() | _INTEGERS | _TEXT | st.lists(_TEXT, max_size=2))


def records(record_type: Any) -> st.SearchStrategy[Any]:
    """Any record of a type; a field that may be absent sometimes is."""
    return _of(inspect.type_info(record_type))


def _of(one: inspect.Type) -> st.SearchStrategy[Any]:
    if isinstance(one, inspect.Metadata):
        return _of(one.type)
    return next(make(one) for kind, make in _MAKERS.items() if isinstance(one, kind))


def _struct(one: inspect.StructType) -> st.SearchStrategy[Any]:
    fields = {field.name: _of(field.type) for field in one.fields if field.name != "schema"}
    optional = {field.name for field in one.fields if not field.required}
    needed = {name: values for name, values in fields.items() if name not in optional}
    given = {name: values for name, values in fields.items() if name in optional}
    return st.fixed_dictionaries(needed, optional=given).map(lambda values: one.cls(**values))


def _integers(one: inspect.IntType) -> st.SearchStrategy[int]:
    return _INTEGERS if one.ge is None else st.integers(one.ge, 2**63 - 1)


_MAKERS: dict[type[inspect.Type], Callable[[Any], st.SearchStrategy[Any]]] = {
    inspect.StructType: _struct,
    inspect.UnionType: lambda one: st.one_of(*map(_of, one.types)),
    inspect.VarTupleType: lambda one: st.lists(_of(one.item_type), max_size=2).map(tuple),
    inspect.DictType: lambda one: st.dictionaries(_of(one.key_type), _of(one.value_type), max_size=2),
    inspect.LiteralType: lambda one: st.sampled_from(one.values),
    inspect.EnumType: lambda one: st.sampled_from(list(one.cls)),
    inspect.IntType: _integers,
    inspect.StrType: lambda _: _TEXT,
    inspect.BoolType: lambda _: st.booleans(),
    inspect.BytesType: lambda _: st.binary(max_size=8),
    inspect.NoneType: lambda _: st.none(),
    inspect.RawType: lambda _: _JSON.map(lambda value: msgspec.Raw(msgspec.json.encode(value))),
}
