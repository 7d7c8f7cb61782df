"""All findings about some documents, in the order of the files."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from policy.documents import ReadResult
from policy.lint.allow_lists import allow_lists, postures
from policy.lint.contents import duplicates, empties, labels
from policy.lint.finding import Finding
from policy.lint.image_layout import Layout
from policy.lint.linted import Linted
from policy.lint.paths import paths
from policy.lint.selectors import selectors
from policy.lint.shadowing import shadowed_rules
from policy.lint.symlinks import symlinks
from policy.settings import PostureKind
from policy.verdict import Mode
from policy.workload import Workload


class Circumstances(NamedTuple):
    """What is known besides the documents."""

    layout: Layout = Layout.UNKNOWN
    """What kind of images the workloads have."""
    workloads: tuple[Workload, ...] | None = None
    """All that are known; None where they are not listed."""
    postures: Mapping[str, Mapping[PostureKind, Mode]] = {}
    """Postures by namespace."""


_NOTHING_KNOWN = Circumstances()


def lint(texts: Sequence[ReadResult], circumstances: Circumstances = _NOTHING_KNOWN) -> tuple[Finding, ...]:
    """What there is to say about the documents of `texts`, taken together and in this order.

    What the reader refused is among the findings. Never raises for anything that the reader gave.
    """
    found = [Finding.of_problem(problem) for text in texts for problem in text.problems]
    every = [
        Linted(document, located)
        for text in texts
        for document, located in zip(text.documents, text.located, strict=True)
    ]
    found += _about(every, circumstances)
    files = {name: number for number, name in enumerate(dict.fromkeys(_files(texts)))}
    return tuple(sorted(found, key=lambda one: (files.get(one.file, len(files)), one.line, one.column)))


def _about(every: list[Linted], circumstances: Circumstances) -> Iterator[Finding]:
    yield from duplicates(every)
    counted = _last_of_each(every)
    for one in every:
        yield from empties(one)
        yield from labels(one)
        yield from paths(one)
        yield from symlinks(one, circumstances.layout)
        yield from selectors(one, circumstances.workloads)
    for one in counted:
        yield from allow_lists(one, counted)
    yield from shadowed_rules(counted)
    yield from postures(counted, circumstances.postures)


def _last_of_each(every: Sequence[Linted]) -> list[Linted]:
    """The documents that would be in force: a replacement stands where the first of its identity did."""
    return list({one.document.identity: one for one in every}.values())


def _files(texts: Sequence[ReadResult]) -> Iterator[str]:
    for text in texts:
        yield from (problem.file for problem in text.problems)
        yield from (located.file for located in text.located)
