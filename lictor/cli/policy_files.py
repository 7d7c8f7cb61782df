"""The files and folders that `lictor policy` is given: which are read, and the policies in them."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lictor.cli.context import err, fail
from lictor.exit_codes import FINDINGS, USAGE
from policy.documents import Document, Problem, read_documents
from wire.text import printable

SUFFIXES = (".yaml", ".yml", ".json")
TEST_SUFFIXES = tuple(f".test{suffix}" for suffix in SUFFIXES)
STANDARD_INPUT = "-"


class TextFile(NamedTuple):
    """A text that was given."""

    name: str
    """How problems name it: the path as it was given, or `standard input`."""
    text: str


def is_test_file(path: Path) -> bool:
    """Whether a file's name says that it holds expectations: `web.test.yaml`."""
    return path.name.endswith(TEST_SUFFIXES)


def files_of(path: Path) -> list[Path]:
    """What is read of a path: a file itself; of a folder all YAML and JSON below it, by name."""
    if not path.is_dir():
        return [path]
    return sorted(one for one in path.rglob("*") if one.suffix in SUFFIXES and one.is_file())


def read_file(path: Path) -> TextFile:
    """One file. One that cannot be read is an error of usage, which ends the command."""
    try:
        return TextFile(str(path), path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{path}: {error}", USAGE)


def read_input() -> TextFile:
    """Standard input. What is no text is an error of usage, which ends the command."""
    try:
        return TextFile("standard input", sys.stdin.read())
    except UnicodeDecodeError as error:
        fail(f"standard input: {error}", USAGE)


def policy_texts(paths: Sequence[Path]) -> list[TextFile]:
    """The texts of files, folders and standard input (`-`) that may hold policies, in the order given.

    Files of expectations (`*.test.yaml`) are left out of folders.
    """
    texts: list[TextFile] = []
    for path in paths:
        if str(path) == STANDARD_INPUT:
            texts.append(read_input())
        else:
            whole = path.is_dir()
            texts += [read_file(one) for one in files_of(path) if not (whole and is_test_file(one))]
    return texts


def read_policies(paths: Sequence[Path], otherwise: str = "nothing was applied") -> list[Document]:
    """The policies of files, folders and standard input.

    Unless all are right it says what is wrong with each, and `otherwise`, and ends the command.
    """
    documents: list[Document] = []
    problems: list[Problem] = []
    for name, text in policy_texts(paths):
        result = read_documents(text, name)
        documents += result.documents
        problems += result.problems
    say_problems(problems, otherwise)
    if not documents:
        fail("no policy documents in what was given", USAGE)
    return documents


def say_problems(problems: Sequence[Problem], otherwise: str) -> None:
    """Say each problem, and what was not done because of them, and end the command; if there are any."""
    for problem in problems:
        err.print(printable(str(problem)))
    if problems:
        fail(f"{len(problems)} problem(s); {otherwise}", FINDINGS)
