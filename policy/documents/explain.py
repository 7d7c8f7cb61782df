"""What pydantic finds, in words: a code, and a sentence that says what would be right."""

from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from policy.documents.fields import nearest
from policy.documents.problems import Place, ProblemCode
from policy.text import shown

_TYPES = {
    "string_type": "it has to be text, in quotes if it looks like anything else",
    "bool_type": "it has to be true or false, without quotes",
    "int_type": "it has to be a whole number, without quotes",
    "int_from_float": "it has to be a whole number",
    "int_parsing_size": "it has to be a whole number",
    "tuple_type": "it has to be a list",
    "dict_type": "it has to be a mapping",
    "model_type": "it has to be a mapping",
    "model_attributes_type": "it has to be a mapping",
}
_CODES_OF_WORDS = {
    "apiVersion": ProblemCode.API_VERSION,
    "action": ProblemCode.BAD_ACTION,
    "key": ProblemCode.BAD_SELECTOR,
    "operator": ProblemCode.BAD_SELECTOR,
}
"""For fields that take one of a few words."""
_MOST_NAMED = 12
_CODES = {code.value: code for code in ProblemCode}


def explain(details: ErrorDetails, model: type[BaseModel]) -> tuple[ProblemCode, str]:
    """A code and a sentence for what pydantic found in a document of `model`."""
    kind, place = details["type"], details["loc"]
    if kind in _CODES:
        return _CODES[kind], details["msg"]
    last = str(place[-1]) if place else ""
    if kind == "extra_forbidden":
        known = _fields_at(model, place[:-1])
        near = nearest(last, known)
        there = "" if near or len(known) > _MOST_NAMED else f"; known here are {', '.join(sorted(known))}"
        return ProblemCode.UNKNOWN_FIELD, f"{shown(last)} is not a field here{near}{there}"
    if kind == "missing":
        return ProblemCode.MISSING_FIELD, f"the field {shown(last)} is missing"
    if kind == "literal_error":
        code = _CODES_OF_WORDS.get(last, ProblemCode.WRONG_TYPE)
        wanted = details.get("ctx", {}).get("expected", "")
        return code, f"{shown(str(details['input']))} is not right here: write {wanted}"
    sentence = _TYPES.get(kind, details["msg"])
    return ProblemCode.WRONG_TYPE, f"{sentence}; this is {noun(details['input'])}"


def _fields_at(model: type[BaseModel], place: Place) -> list[str]:
    """The names of the fields that the mapping at `place` may have."""
    here: Any = model
    for step in place:
        if isinstance(step, int) or not (isinstance(here, type) and issubclass(here, BaseModel)):
            continue
        for field in here.model_fields.values():
            if field.alias == step:
                here = _inner(field.annotation)
    if isinstance(here, type) and issubclass(here, BaseModel):
        return [field.alias or "" for field in here.model_fields.values()]
    return []


def _inner(annotation: Any) -> Any:
    """What a field's annotation is about: the `X` of `X | None` and of `tuple[X, ...]`."""
    while get_origin(annotation) in {Union, UnionType, tuple}:
        annotation = next(one for one in get_args(annotation) if one is not NoneType)
    return annotation


def noun(value: object) -> str:
    """What a value is, for a sentence: `a list`, `the number 5`."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text {shown(value)}" if value else "an empty text"
    return "nothing" if value is None else f"the number {shown(str(value))}"
