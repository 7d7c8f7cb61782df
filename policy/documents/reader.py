"""Text or log records to documents, with every problem of every document."""

import hashlib
from typing import Any, Protocol

import msgspec

from policy.documents.beside import TEST_KIND, stands_beside_policies
from policy.documents.checking import by_position, checked, problem_at
from policy.documents.explain import noun
from policy.documents.fields import nearest
from policy.documents.kinds import (
    API_VERSION,
    DEFAULT_NAMESPACE,
    KINDS,
    KubeArmorPolicy,
    Metadata,
    Policy,
)
from policy.documents.lists import LISTS, Part, parts_of
from policy.documents.locate import Located
from policy.documents.problems import Place, Problem, ProblemCode
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
    """The document as JSON, keys sorted, without defaults and without what an API server or kubectl adds:
    equal documents give equal bytes, whatever they were written in."""
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
    """Read YAML (of one or many documents) or JSON; a Kubernetes list is read as the documents in it.

    What stands beside policies and is none (`policy.documents.beside`) is left out. `file` names the text
    in problems. Never raises for anything that `text` may hold.
    """
    documents: list[Document] = []
    located: list[Located] = []
    problems: list[Problem] = []
    for tree in read_trees(text, file):
        if stands_beside_policies(tree.value):
            continue
        whole = Located(file, tree)
        if len(problems) >= MOST_PROBLEMS:
            problems.append(_too_many(whole))
            break
        found: list[Problem] = []
        for part in parts_of(whole):
            if len(found) >= MOST_PROBLEMS:
                problems.append(_too_many(part.located))
                break
            wrong = list(part.problems)
            document = _read(part, wrong, is_file=True)
            if document is not None:
                documents.append(document)
                located.append(part.located)
            found += wrong
        problems += sorted(found, key=by_position)[:MOST_PROBLEMS]
    return ReadResult(documents=tuple(documents), problems=tuple(problems), located=tuple(located))


def read_document(raw: bytes | msgspec.Raw) -> ReadResult:
    """Read one document in JSON, as the policy log holds it. `apiVersion` may be absent there."""
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        sentence = f"this is not valid JSON: {shown(str(error))}"
        return ReadResult(problems=(Problem(code=ProblemCode.SYNTAX, file="", sentence=sentence),))
    problems: list[Problem] = []
    located = Located("", Tree(value, {}, {}, Mark(0, 0), ()))
    document = _check(Part(located, value, ()), problems, is_file=False)
    return ReadResult(documents=(document,) if document else (), problems=tuple(problems[:MOST_PROBLEMS]))


def _read(part: Part, problems: list[Problem], *, is_file: bool) -> Document | None:
    """The document of `part`, or None with what is wrong added to `problems`."""
    if part.model is not None:
        checked(part, part.model, problems)
        return None
    if part.value is None and part.located.within and not problems:
        sentence = "it has no value; give one or leave the item out"
        problems.append(problem_at(part.located, (), ProblemCode.MISSING_VALUE, sentence))
    return None if part.value is None else _check(part, problems, is_file=is_file)


def _check(part: Part, problems: list[Problem], *, is_file: bool) -> Document | None:
    """The document of `part`, or None with what is wrong added to `problems`."""

    def add(code: ProblemCode, place: Place, sentence: str) -> None:
        problems.append(problem_at(part.located, place, code, sentence))

    value = part.value
    if not isinstance(value, dict):
        wanted = "a document is a mapping with apiVersion, kind, metadata and spec"
        add(ProblemCode.NOT_A_DOCUMENT, (), f"{wanted}; this is {noun(value)}")
        return None
    if is_file and "apiVersion" not in value:
        sentence = f"the field apiVersion is missing; write apiVersion: {API_VERSION}"
        add(ProblemCode.MISSING_FIELD, (), sentence)
    kind = value.get("kind")
    model = KINDS.get(kind) if isinstance(kind, str) and kind == (part.kind or kind) else None
    if model is None:
        _explain_kind(kind, part, add)
        return None
    policy = checked(part, model, problems)
    return None if problems or policy is None else _document(policy)


class _Add(Protocol):
    def __call__(self, code: ProblemCode, place: Place, sentence: str) -> None: ...


def _explain_kind(kind: Value, part: Part, add: _Add) -> None:
    kinds = part.kind or ", ".join(KINDS)
    if kind is None:
        add(ProblemCode.MISSING_FIELD, (), f"the field kind is missing; it is one of {kinds}")
    elif part.kind:
        sentence = f"{shown(str(kind))} is not {kinds}, which this list is of; a List holds any kind"
        add(ProblemCode.UNKNOWN_KIND, ("kind",), sentence)
    elif part.located.within and isinstance(kind, str) and kind in LISTS:
        sentence = f"{kind} is a list within a list; put its items into the outer one"
        add(ProblemCode.UNKNOWN_KIND, ("kind",), sentence)
    else:
        near = nearest(str(kind), (*KINDS, TEST_KIND))
        add(ProblemCode.UNKNOWN_KIND, ("kind",), f"{shown(str(kind))} is none of {kinds}{near}")


def _document(policy: Policy) -> Document:
    metadata = policy.metadata
    namespace = ""
    if isinstance(policy, KubeArmorPolicy):
        namespace = metadata.namespace or DEFAULT_NAMESPACE
    content = policy.model_dump(by_alias=True, exclude_defaults=True, exclude={"status"})
    content["apiVersion"] = API_VERSION
    content["metadata"] = _own(metadata)
    canonical = msgspec.json.encode(content, order="sorted")
    return Document(
        kind=policy.kind,
        namespace=namespace,
        name=metadata.name,
        policy=policy,
        canonical=canonical,
        hash=hashlib.sha256(canonical).hexdigest()[:16],
    )


_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which `kubectl apply` keeps the whole document."""


def _own(metadata: Metadata) -> dict[str, Any]:
    """What of `metadata` people wrote."""
    content = metadata.model_dump(by_alias=True, exclude_defaults=True, include=Metadata.kept)
    annotations = {key: value for key, value in metadata.annotations.items() if key != _LAST_APPLIED}
    content["annotations"] = annotations
    return {key: value for key, value in content.items() if value != {}}


def _too_many(located: Located) -> Problem:
    return problem_at(located, (), ProblemCode.TOO_LARGE, "there are too many problems; fix these first")
