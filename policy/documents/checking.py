"""One part of a document against a model: the value, or every problem with where it stands."""

from typing import TypeVar

import msgspec
from pydantic import BaseModel, ValidationError

from policy.documents.explain import explain
from policy.documents.lists import Part
from policy.documents.locate import Located
from policy.documents.problems import Place, Problem, ProblemCode, field_path
from policy.documents.tree import Value

_ANYTHING: tuple[Place, ...] = (("status",), *(("metadata", name) for name in ("creationTimestamp",)))
"""Where an API server itself writes null."""

M = TypeVar("M", bound=BaseModel)


def checked(part: Part, model: type[M], problems: list[Problem]) -> M | None:
    """The value of `part` as `model`, or None with what is wrong added to `problems`."""
    within = part.located.within
    told = {problem.field for problem in problems}
    unread = {problem.field for problem in problems if problem.code is ProblemCode.UNSUPPORTED_YAML}
    nulls: set[Place] = set()
    value = _without_nulls(part.value, (), nulls)
    for place in nulls:
        if field_path((*within, *place)) not in told:
            sentence = "it has no value; give one or leave the field out"
            problems.append(problem_at(part.located, place, ProblemCode.MISSING_VALUE, sentence, key=True))
    try:
        found = model.model_validate_json(msgspec.json.encode(value))
    except ValidationError as error:
        for details in error.errors(include_url=False):
            place = details["loc"]
            if place not in nulls and field_path((*within, *place)) not in unread:
                code, sentence = explain(details, model)
                is_key = code is ProblemCode.UNKNOWN_FIELD
                problems.append(problem_at(part.located, place, code, sentence, key=is_key))
        return None
    return None if nulls else found


def problem_at(
    located: Located, place: Place, code: ProblemCode, sentence: str, *, key: bool = False
) -> Problem:
    """A problem of the value (or its key) at `place` of a document. `sentence` is safe to show."""
    line, column = located.mark(place, key=key)
    field = field_path((*located.within, *place))
    return Problem(code=code, file=located.file, line=line, column=column, field=field, sentence=sentence)


def by_position(problem: Problem) -> tuple[int, int]:
    """What problems of one text are sorted by."""
    return (problem.line, problem.column)


def _without_nulls(value: Value, place: Place, nulls: set[Place]) -> Value:
    """`value` without the fields that have no value; their places are added to `nulls`."""
    if isinstance(value, dict):
        kept: dict[str, Value] = {}
        for key, one in value.items():
            inner = (*place, key)
            if one is None:
                if inner not in _ANYTHING:
                    nulls.add(inner)
            elif inner == ("status",) or (place == ("metadata",) and key == "managedFields"):
                continue
            else:
                kept[key] = _without_nulls(one, inner, nulls)
        return kept
    if isinstance(value, list):
        return [_without_nulls(one, (*place, index), nulls) for index, one in enumerate(value)]
    return value
