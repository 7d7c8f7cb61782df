"""YAML or JSON text to plain values that remember where they stood.

JSON is read as YAML, of which it is a part, so that both have lines and columns. What a text may cost
is bounded before anything is built from it: its length, its depth and what its aliases expand to.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

import yaml
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from policy.documents.problems import Place, Problem, ProblemCode, field_path
from policy.text import shown

LONGEST_TEXT = 1024 * 1024
"""Characters of one text."""
MOST_NODES = 200_000
"""Values in one text, aliases counted as often as they stand for something."""
MOST_PROBLEMS = 1000
"""Problems that one document is searched for."""
DEEPEST = 40
"""Levels of nesting: a policy needs 8, a dump of an API server's metadata some 12."""

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]


class Mark(NamedTuple):
    """A place in a text, both from 1."""

    line: int
    column: int


class Tree(NamedTuple):
    """One document of a text."""

    value: Value
    keys: dict[Place, Mark]
    """Where the keys of mappings stand."""
    values: dict[Place, Mark]
    """Where values begin."""
    start: Mark
    problems: tuple[Problem, ...]

    def mark(self, place: Place, *, key: bool = False) -> Mark:
        """Where the value (or its key) at `place` stands, else the nearest value around it."""
        if key and place in self.keys:
            return self.keys[place]
        while place:
            if place in self.values:
                return self.values[place]
            place = place[:-1]
        return self.start


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
                yield _failed(_too_deep(given, first_line, 1, ""))
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
        self._told_spent = False
        self._keys: dict[Place, Mark] = {}
        self._values: dict[Place, Mark] = {}
        self._problems: list[Problem] = []
        self._scalars = SafeConstructor()

    def build(self, node: Node) -> Tree:
        value = self._value(node, ())
        return Tree(value, self._keys, self._values, self._mark(node), tuple(self._problems))

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
        self._values[place] = self._mark(node)
        if len(self._problems) >= MOST_PROBLEMS:
            return None
        if not self._budget.take():
            if not self._told_spent:
                self._told_spent = True
                sentence = f"the text has more than {MOST_NODES} values, aliases counted in full; split it"
                self._add(ProblemCode.TOO_LARGE, node, place, sentence)
            return None
        if len(place) > DEEPEST:
            self._problems.append(_too_deep(self._given, *self._mark(node), field_path(place)))
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, place)
        if isinstance(node, SequenceNode):
            self._collection_tag(node, place, "seq")
            return [self._value(item, (*place, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, place)

    def _collection_tag(self, node: Node, place: Place, wanted: str) -> None:
        if node.tag != f"tag:yaml.org,2002:{wanted}":
            self._add(ProblemCode.UNSUPPORTED_YAML, node, place, f"leave out the tag {shown(node.tag)}")

    def _mapping(self, node: MappingNode, place: Place) -> dict[str, Value]:
        self._collection_tag(node, place, "map")
        mapping: dict[str, Value] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged += value_node.value if isinstance(value_node, SequenceNode) else [value_node]
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
        for one in merged:
            self._merge(one, place, mapping)
        return mapping

    def _merge(self, node: Node, place: Place, mapping: dict[str, Value]) -> None:
        """YAML's `<<`: the keys of another mapping, where this one has none of that name."""
        if not isinstance(node, MappingNode):
            sentence = "<< takes a mapping, or a list of mappings"
            self._add(ProblemCode.UNSUPPORTED_YAML, node, place, sentence)
            return
        if len(place) > DEEPEST or not self._budget.take():
            self._problems.append(_too_deep(self._given, *self._mark(node), field_path(place)))
            return
        inner = _Builder(self._given, self._budget)
        values = inner._mapping(node, place)
        self._problems += inner._problems
        for key, value in values.items():
            if key not in mapping:
                mapping[key] = value
                own = (*place, key)
                self._keys.update({k: v for k, v in inner._keys.items() if k[: len(own)] == own})
                self._values.update({k: v for k, v in inner._values.items() if k[: len(own)] == own})

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
        try:
            value = construct(cast("ScalarNode", node))
        except (ValueError, OverflowError, KeyError, IndexError, ConstructorError):
            written = shown(str(node.value))
            self._add(ProblemCode.UNSUPPORTED_YAML, node, place, f"{written} is not a value of type {kind}")
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


def _too_deep(given: _Given, line: int, column: int, field: str) -> Problem:
    return Problem(
        code=ProblemCode.TOO_DEEP,
        file=given.file,
        line=line,
        column=column,
        field=field if len(field) < 100 else "",
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
