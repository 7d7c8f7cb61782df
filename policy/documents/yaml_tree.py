"""YAML or JSON text to plain values that remember where they stood.

JSON is read as YAML, of which it is a part, so that both have lines and columns. What a text may cost
is bounded before anything is built from it: its length, its depth and what its aliases expand to.
"""

import math
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

import yaml
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from policy.documents.problems import Place, Problem, ProblemCode, field_path
from policy.documents.tree import Mark, Tree, Value
from policy.text import shown

LONGEST_TEXT = 1024 * 1024
"""Characters of one text."""
MOST_NODES = 200_000
"""Values in one text, aliases counted as often as they stand for something."""
MOST_PROBLEMS = 1000
"""Problems that one document is searched for."""
LONGEST_NUMBER = 1024
"""Characters of one number: Python takes long over more, or refuses to write what it has read."""
DEEPEST = 40
"""Levels of nesting: a policy needs 8, a dump of an API server's metadata some 12."""


class _Given(NamedTuple):
    file: str
    first_line: int


def read_trees(text: str, file: str) -> Iterator[Tree]:
    """The documents of `text`, in order; empty ones are left out.

    A syntax error costs the rest of its document and is one of its problems; later documents are read.
    """
    if len(text) > LONGEST_TEXT:
        sentence = f"the text has {len(text)} characters; at most {LONGEST_TEXT} are read, so split it"
        yield _failed(Problem(code=ProblemCode.TOO_LARGE, file=file, line=1, column=1, sentence=sentence))
        return
    budget = _Budget(MOST_NODES)
    for first_line, chunk in _chunks(text):
        given = _Given(file, first_line)
        nodes = _compose(chunk)
        while True:
            try:
                node = next(nodes, None)
            except yaml.YAMLError as error:
                yield _failed(_syntax(error, chunk, given))
                break
            except RecursionError:
                yield _failed(_too_deep(given, first_line, 1))
                break
            if node is None:
                break
            tree = _Builder(given, budget).build(node)
            if tree.value is not None or tree.problems:
                yield tree
            if budget.spent:
                return


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """`text` cut before each `---` at the start of a line, which YAML lets nothing else begin with.

    Each piece comes with the number of its first line, so that an error ends one document only.
    """
    starts = [0, *(match.start() for match in re.finditer(r"^---(?=\s|\Z)", text, re.MULTILINE))]
    if len(starts) > 1 and all(one[:1] in {"", "%", "#"} for one in text[: starts[1]].splitlines()):
        del starts[1]  # only directives and comments before the first document: they belong to it
    line = 1
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        yield line, text[start:end]
        line += text.count("\n", start, end)


def _compose(chunk: str) -> Iterator[Node]:
    loader = yaml.SafeLoader(chunk)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                yield node
    finally:
        loader.dispose()


class _Budget:
    """How many values may still be built from a text."""

    def __init__(self, nodes: int) -> None:
        self._left = nodes

    @property
    def spent(self) -> bool:
        return self._left <= 0

    def take(self) -> bool:
        self._left -= 1
        return self._left > 0


class _Builder:
    """Builds one document's tree. Everything that JSON could not say becomes a problem."""

    def __init__(self, given: _Given, budget: _Budget) -> None:
        self._given = given
        self._budget = budget
        self._cut = False
        self._keys: dict[Place, Mark] = {}
        self._values: dict[Place, Mark] = {}
        self._problems: list[Problem] = []
        self._scalars = SafeConstructor()

    def build(self, node: Node) -> Tree:
        value = self._value(node, ())
        whole = None if self._cut else value
        return Tree(whole, self._keys, self._values, self._mark(node), tuple(self._problems))

    def _mark(self, node: Node) -> Mark:
        mark = node.start_mark
        return Mark(mark.line + self._given.first_line, mark.column + 1)

    def _add(self, code: ProblemCode, node: Node, place: Place, sentence: str) -> None:
        line, column = self._mark(node)
        self._problems.append(
            Problem(
                code=code,
                file=self._given.file,
                line=line,
                column=column,
                field=field_path(place),
                sentence=sentence,
            )
        )

    def _value(self, node: Node, place: Place) -> Value:
        if self._cut or self._is_cut_at(node, place):
            return None
        self._values[place] = self._mark(node)
        if isinstance(node, MappingNode):
            return self._mapping(node, place)
        if isinstance(node, SequenceNode):
            self._collection_tag(node, place, "seq")
            return [self._value(item, (*place, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, place)

    def _is_cut_at(self, node: Node, place: Place) -> bool:
        """Whether a limit is reached here. That is told once, and the rest is not built."""
        if len(place) > DEEPEST:
            self._problems.append(_too_deep(self._given, *self._mark(node)))
        elif not self._budget.take():
            sentence = f"the text has more than {MOST_NODES} values, aliases counted in full; split it"
            self._add(ProblemCode.TOO_LARGE, node, (), sentence)
        elif len(self._problems) >= MOST_PROBLEMS:
            self._add(ProblemCode.TOO_LARGE, node, (), "there are too many problems; fix these first")
        else:
            return False
        self._cut = True
        return True

    def _collection_tag(self, node: Node, place: Place, wanted: str) -> None:
        if node.tag != f"tag:yaml.org,2002:{wanted}":
            self._add(ProblemCode.UNSUPPORTED_YAML, node, place, f"leave out the tag {shown(node.tag)}")

    def _mapping(self, node: MappingNode, place: Place) -> dict[str, Value]:
        self._collection_tag(node, place, "map")
        mapping: dict[str, Value] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                sentence = "<< (a merge key) is not read; write the fields out"
                self._add(ProblemCode.UNSUPPORTED_YAML, key_node, (*place, "<<"), sentence)
                continue
            key = self._key(key_node, place)
            if key is None:
                continue
            if key in mapping:
                sentence = f"{shown(key)} stands here twice; keep one"
                self._add(ProblemCode.DUPLICATE_KEY, key_node, (*place, key), sentence)
                continue
            self._keys[(*place, key)] = self._mark(key_node)
            mapping[key] = self._value(value_node, (*place, key))
        return mapping

    def _key(self, node: Node, place: Place) -> str | None:
        if isinstance(node, ScalarNode) and node.tag == "tag:yaml.org,2002:str":
            key = _joined(node.value)
            if key is not None:
                return key
        written = shown(node.value) if isinstance(node, ScalarNode) else "a list or mapping"
        self._add(
            ProblemCode.KEY_NOT_TEXT,
            node,
            place,
            f"a key has to be text, and {written} is not; if it is meant as text, put it in quotes",
        )
        return None

    def _scalar(self, node: Node, place: Place) -> Value:
        constructors: dict[str, Callable[[ScalarNode], Value]] = {
            "null": self._scalars.construct_yaml_null,
            "bool": self._scalars.construct_yaml_bool,
            "int": self._scalars.construct_yaml_int,
            "float": self._scalars.construct_yaml_float,
            "str": lambda one: _joined(one.value),
            "timestamp": lambda one: _joined(one.value),
        }
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        construct = constructors.get(kind)
        if construct is None:
            tag = shown(node.tag)
            self._add(
                ProblemCode.UNSUPPORTED_YAML, node, place, f"leave out the tag {tag}, or quote the value"
            )
            return None
        if kind in {"int", "float"} and len(node.value) > LONGEST_NUMBER:
            sentence = f"a number has at most {LONGEST_NUMBER} characters; this has {len(node.value)}"
            self._add(ProblemCode.UNSUPPORTED_YAML, node, place, sentence)
            return None
        try:
            value = construct(cast("ScalarNode", node))
        except (ValueError, OverflowError, KeyError, IndexError, ConstructorError):
            written = shown(str(node.value))
            self._add(ProblemCode.UNSUPPORTED_YAML, node, place, f"{written} is not a value of type {kind}")
            return None
        if isinstance(value, float) and not math.isfinite(value):
            # As JSON it would be null, and the field would count as left out.
            sentence = f"{shown(node.value)} is not a number that JSON has"
            self._add(ProblemCode.UNSUPPORTED_YAML, node, place, sentence)
            return None
        if value is None and kind != "null":
            self._add(ProblemCode.UNSUPPORTED_YAML, node, place, "half a surrogate pair is not text")
        return value


def _joined(text: str) -> str | None:
    r"""`text` with surrogate pairs joined, as JSON's `\ud83d\ude00` means; None where it has half a pair."""
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        return None


def _failed(problem: Problem) -> Tree:
    return Tree(None, {}, {}, Mark(problem.line, problem.column), (problem,))


def _too_deep(given: _Given, line: int, column: int) -> Problem:
    return Problem(
        code=ProblemCode.TOO_DEEP,
        file=given.file,
        line=line,
        column=column,
        sentence=f"values are nested deeper than {DEEPEST} levels; no policy needs that",
    )


def _syntax(error: yaml.YAMLError, chunk: str, given: _Given) -> Problem:
    line, column = given.first_line, 1
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        if mark is not None:
            line, column = mark.line + given.first_line, mark.column + 1
    elif isinstance(error, yaml.reader.ReaderError):
        before = chunk[: error.position]
        line += before.count("\n")
        column = len(before) - (before.rfind("\n") + 1) + 1
        said = f"the character U+{ord(chunk[error.position]):04X} may not stand in YAML"
    else:
        said = str(error)
    return Problem(
        code=ProblemCode.SYNTAX,
        file=given.file,
        line=line,
        column=column,
        sentence=f"this is not valid YAML or JSON: {shown(said)}",
    )
