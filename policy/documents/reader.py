"""Text or log records to documents, with every problem of every document."""

import hashlib
from types import NoneType, UnionType
from typing import Any, Protocol, Union, get_args, get_origin

import msgspec
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from policy.documents.fields import nearest
from policy.documents.kinds import (
    API_VERSION,
    DEFAULT_NAMESPACE,
    KINDS,
    KubeArmorPolicy,
    Metadata,
    Policy,
)
from policy.documents.locate import Located
from policy.documents.problems import Place, Problem, ProblemCode, field_path
from policy.documents.tree import Mark, Tree, Value
from policy.documents.yaml_tree import MOST_PROBLEMS, read_trees
from policy.text import shown


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A valid policy document."""

    kind: str
    namespace: str = ""
    """Empty for kinds that belong to no namespace."""
    name: str
    policy: Policy
    canonical: bytes
    """The document as JSON, keys sorted, without defaults and without what an API server adds: equal
    documents give equal bytes, whatever they were written in."""
    hash: str
    """SHA-256 of `canonical`, hex, first 16 digits."""

    @property
    def identity(self) -> tuple[str, str, str]:
        """Kind, namespace and name: a document replaces another of the same identity."""
        return (self.kind, self.namespace, self.name)

    @property
    def title(self) -> str:
        """How people name it: `KubeArmorPolicy dvwa/allow-apache`."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class ReadResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a text holds. A document with a problem is not among the documents."""

    documents: tuple[Document, ...] = ()
    problems: tuple[Problem, ...] = ()
    located: tuple[Located, ...] = ()
    """For each of `documents` where it stands; empty where it was not read from a text."""


def read_documents(text: str, file: str) -> ReadResult:
    """Read YAML (of one or many documents) or JSON.

    `file` names the text in problems. Never raises for anything that `text` may hold.
    """
    documents: list[Document] = []
    located: list[Located] = []
    problems: list[Problem] = []
    for tree in read_trees(text, file):
        if len(problems) >= MOST_PROBLEMS:
            problems.append(_at(tree, file, (), ProblemCode.TOO_LARGE, "too many problems; fix these first"))
            break
        found = list(tree.problems)
        if tree.value is not None:
            document = _check(tree, file, found, is_file=True)
            if document is not None:
                documents.append(document)
                located.append(Located(file, tree))
        problems += sorted(found, key=_position)[:MOST_PROBLEMS]
    return ReadResult(documents=tuple(documents), problems=tuple(problems), located=tuple(located))


def read_document(raw: bytes | msgspec.Raw) -> ReadResult:
    """Read one document in JSON, as the policy log holds it. `apiVersion` may be absent there."""
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        sentence = f"this is not valid JSON: {shown(str(error))}"
        return ReadResult(problems=(Problem(code=ProblemCode.SYNTAX, file="", sentence=sentence),))
    problems: list[Problem] = []
    document = _check(Tree(value, {}, {}, Mark(0, 0), ()), "", problems, is_file=False)
    return ReadResult(documents=(document,) if document else (), problems=tuple(problems[:MOST_PROBLEMS]))


def _check(tree: Tree, file: str, problems: list[Problem], *, is_file: bool) -> Document | None:
    """The document of `tree`, or None with what is wrong added to `problems`."""

    def add(code: ProblemCode, place: Place, sentence: str, *, key: bool = False) -> None:
        problems.append(_at(tree, file, place, code, sentence, key=key))

    if not isinstance(tree.value, dict):
        wanted = "a document is a mapping with apiVersion, kind, metadata and spec"
        add(ProblemCode.NOT_A_DOCUMENT, (), f"{wanted}; this is {_noun(tree.value)}")
        return None
    if is_file and "apiVersion" not in tree.value:
        sentence = f"the field apiVersion is missing; write apiVersion: {API_VERSION}"
        add(ProblemCode.MISSING_FIELD, (), sentence)
    kind = tree.value.get("kind")
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        kinds = ", ".join(KINDS)
        if kind is None:
            add(ProblemCode.MISSING_FIELD, (), f"the field kind is missing; it is one of {kinds}")
        else:
            near = nearest(str(kind), KINDS)
            add(ProblemCode.UNKNOWN_KIND, ("kind",), f"{shown(str(kind))} is none of {kinds}{near}")
        return None
    policy = _validate(model, tree.value, {problem.field for problem in tree.problems}, add)
    return None if problems or policy is None else _document(policy)


class _Add(Protocol):
    def __call__(self, code: ProblemCode, place: Place, sentence: str, *, key: bool = False) -> None: ...


def _validate(model: type[Policy], value: Value, told: set[str], add: _Add) -> Policy | None:
    """The policy, or None with what is wrong added. What is wrong at `told` is known already."""
    nulls: set[Place] = set()
    value = _without_nulls(value, (), nulls)
    for place in nulls:
        if field_path(place) not in told:
            sentence = "it has no value; give one or leave the field out"
            add(ProblemCode.MISSING_VALUE, place, sentence, key=True)
    try:
        return model.model_validate_json(msgspec.json.encode(value))
    except ValidationError as error:
        for details in error.errors(include_url=False):
            place = details["loc"]
            if place not in nulls:
                code, sentence = _explain(details, model)
                add(code, place, sentence, key=code is ProblemCode.UNKNOWN_FIELD)
        return None


def _document(policy: Policy) -> Document:
    metadata = policy.metadata
    namespace = ""
    if isinstance(policy, KubeArmorPolicy):
        namespace = metadata.namespace or DEFAULT_NAMESPACE
    content = policy.model_dump(by_alias=True, exclude_unset=True, exclude={"status"})
    content["apiVersion"] = API_VERSION
    content["metadata"] = metadata.model_dump(by_alias=True, exclude_unset=True, include=Metadata.kept)
    canonical = msgspec.json.encode(content, order="sorted")
    return Document(
        kind=policy.kind,
        namespace=namespace,
        name=metadata.name,
        policy=policy,
        canonical=canonical,
        hash=hashlib.sha256(canonical).hexdigest()[:16],
    )


def _at(
    tree: Tree, file: str, place: Place, code: ProblemCode, sentence: str, *, key: bool = False
) -> Problem:
    line, column = tree.mark(place, key=key)
    return Problem(code=code, file=file, line=line, column=column, field=field_path(place), sentence=sentence)


def _position(problem: Problem) -> tuple[int, int]:
    return (problem.line, problem.column)


_ANYTHING: tuple[Place, ...] = (("status",), *(("metadata", name) for name in ("creationTimestamp",)))
"""Where an API server itself writes null."""


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


def _explain(details: ErrorDetails, model: type[BaseModel]) -> tuple[ProblemCode, str]:
    """A code and a sentence for what pydantic found."""
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
    return ProblemCode.WRONG_TYPE, f"{sentence}; this is {_noun(details['input'])}"


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


def _noun(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text {shown(value)}" if value else "an empty text"
    return "nothing" if value is None else f"the number {shown(str(value))}"
