"""The suites of files and folders, each with the policies that it is about."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lictor.cli.policy_files import (
    STANDARD_INPUT,
    SUFFIXES,
    TextFile,
    files_of,
    is_test_file,
    read_file,
    read_input,
)
from policy.documents import Document, Problem, ProblemCode, ReadResult, read_documents
from policy.documents.checking import problem_at
from policy.documents.locate import place_of
from policy.documents.problems import Place
from policy.expectations import Suite, read_suites, rules_of
from policy.text import shown
from policy.verdict import RuleReference


class PlannedSuite(NamedTuple):
    """A suite and the policies that are in force for it, in the order in which they are applied."""

    suite: Suite
    documents: tuple[Document, ...]


class Gathered(NamedTuple):
    """All that was found."""

    suites: tuple[PlannedSuite, ...]
    documents: tuple[Document, ...]
    """Every policy that was given or that a suite is about, once for each place where it stands."""
    rules_at: dict[RuleReference, str]
    """Where each of their rules stands, as `file:line`."""
    problems: tuple[Problem, ...]
    """With any of these nothing should be judged."""


class _Read(NamedTuple):
    policies: ReadResult
    suites: tuple[Suite, ...]


def gather(paths: Sequence[Path]) -> Gathered:
    """Read `paths` and what their suites name.

    A file that cannot be read is an error of usage, which ends the command.
    """
    gathering = _Gathering()
    given = {_key(file): file for path in paths for file in files_of(path)}
    suites = [(file, suite) for file in given.values() for suite in gathering.read(file).suites]
    planned = tuple(PlannedSuite(suite, gathering.policies_of(suite, file)) for file, suite in suites)
    return gathering.gathered(planned)


class _Gathering:
    """Reads each file once."""

    def __init__(self) -> None:
        self._files: dict[Path, _Read] = {}
        self._problems: list[Problem] = []

    def read(self, path: Path) -> _Read:
        key = _key(path)
        found = self._files.get(key)
        if found is None:
            name, text = _text_of(path)
            policies, suites = read_documents(text, name), read_suites(text, name)
            found = self._files[key] = _Read(policies, suites.suites)
            self._problems += [*policies.problems, *suites.problems]
        return found

    def policies_of(self, suite: Suite, file: Path) -> tuple[Document, ...]:
        """The policies that a suite names, else those in its own file, else those in its folder."""
        if suite.policies is not None:
            named = enumerate(suite.policies)
            return tuple(one for number, name in named for one in self._named(suite, number, file, name))
        own = self._files[_key(file)].policies
        beside = own.documents or own.problems or str(file) == STANDARD_INPUT
        documents = own.documents if beside else tuple(self._policies_in(_beside(file)))
        if not documents and not self._problems:
            sentence = "no policy stands beside this; name files in policies, or write policies: [] for none"
            self._add(suite, (), ProblemCode.MISSING_FIELD, sentence)
        return documents

    def gathered(self, suites: tuple[PlannedSuite, ...]) -> Gathered:
        documents: list[Document] = []
        rules_at: dict[RuleReference, str] = {}
        for read in self._files.values():
            for document, located in zip(read.policies.documents, read.policies.located, strict=True):
                documents.append(document)
                for rule in rules_of(document):
                    line = located.mark(place_of(rule.place)).line
                    rules_at.setdefault(rule, f"{located.file}:{line}")
        return Gathered(suites, tuple(documents), rules_at, tuple(self._problems))

    def _named(self, suite: Suite, number: int, file: Path, name: str) -> tuple[Document, ...]:
        path = file.parent / name
        place: Place = ("policies", number)
        if not path.exists():
            sentence = f"there is no {shown(str(path))}"
            self._add(suite, place, ProblemCode.UNKNOWN_NAME, sentence)
            return ()
        files = files_of(path)
        documents = tuple(self._policies_in([one for one in files if one == path or not is_test_file(one)]))
        if not documents and not self._problems:
            self._add(suite, place, ProblemCode.UNKNOWN_NAME, f"no policy stands in {shown(str(path))}")
        return documents

    def _policies_in(self, files: Sequence[Path]) -> Iterator[Document]:
        for file in files:
            yield from self.read(file).policies.documents

    def _add(self, suite: Suite, place: Place, code: ProblemCode, sentence: str) -> None:
        self._problems.append(problem_at(suite.located, place, code, sentence))


def _key(path: Path) -> Path:
    """What two ways to name one file have in common."""
    return path if str(path) == STANDARD_INPUT else path.resolve()


def _text_of(path: Path) -> TextFile:
    return read_input() if str(path) == STANDARD_INPUT else read_file(path)


def _beside(file: Path) -> list[Path]:
    """The files of a file's folder that may hold policies; those of folders in it are not meant."""
    files = (one for one in file.parent.iterdir() if one.suffix in SUFFIXES and one.is_file())
    return sorted(one for one in files if not is_test_file(one))
