"""Elasticsearch's mapping of a document type, made from the types of its fields. Pure."""

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from dashboards.field_set import SHORT, FieldSet

Mapping = dict[str, Any]

_PLAIN: dict[type, Mapping] = {
    str: {"type": "keyword", "ignore_above": SHORT},
    bool: {"type": "boolean"},
    int: {"type": "long"},
    float: {"type": "double"},
    dict: {"type": "flattened", "ignore_above": SHORT},
}


def properties(group: type[FieldSet]) -> Mapping:
    """What `mappings.properties` says of a group of fields, in the order of its definition.

    Raises:
        TypeError: a field's type has no mapping.
    """
    return {field.encode_name: _mapping(field.type) for field in msgspec.structs.fields(group)}


def _mapping(annotation: Any) -> Mapping:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return dict(annotation.__metadata__[0].extra)
    if origin in (types.UnionType, Union):
        (one,) = (argument for argument in arguments if argument is not types.NoneType)
        return _mapping(one)
    if origin is tuple:
        return _mapping(arguments[0])  # Elasticsearch has no lists: a field may have several values
    if origin is Literal:
        return _mapping(type(arguments[0]))
    kind = origin or annotation
    if isinstance(kind, type) and issubclass(kind, FieldSet):
        return {"properties": properties(kind)}
    if kind not in _PLAIN:
        raise TypeError(f"no mapping for {annotation}")
    return dict(_PLAIN[kind])
