"""The rules of workloads: made at the first event, and kept through changes that do not concern them.

It belongs to a line of policy sets, each of which came from the one before. What is kept is found by
what it was made of: an index by its very documents, a judge by its index and the workload's standing.
So no set can get what another's documents would give, in whatever order sets are asked.
"""

from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from policy.compiled import Compiled, Documents
from policy.memo import Memo
from policy.posture import Standing
from policy.rules import Rules
from policy.sections import SECTIONS
from policy.workload import Workload

WORKLOADS_KEPT = 1024
"""Workloads whose rules are kept ready."""
VERSIONS_KEPT = 8
"""Changes of documents after which the rules of a workload that did nothing since may be forgotten; else
workloads that ended would hold on to what was made of documents that are gone."""

Selection = tuple[Compiled, ...]


class _Indexed:
    """What was made of a selection: for each of `SECTIONS` an index."""

    __slots__ = ("__weakref__", "indexes")

    def __init__(self, indexes: tuple[Any, ...]) -> None:
        self.indexes = indexes


class _Kept(NamedTuple):
    """A workload as it was seen last."""

    workload: Workload
    version: object
    """Of the documents that were asked."""
    selection: Selection
    indexed: _Indexed
    rules: Rules


class Selected:
    """What a line of policy sets made of its documents and workloads.

    Used by several threads at once it may do work twice, and never gives a wrong answer (`Memo`).
    Indexes live as long as the rules of a workload need them.
    """

    __slots__ = ("_indexed", "_indexes", "_version", "_versions", "_workloads")

    def __init__(self) -> None:
        """Without anything."""
        self._workloads: Memo[str, _Kept] = Memo(WORKLOADS_KEPT)
        self._indexed: WeakValueDictionary[Selection, _Indexed] = WeakValueDictionary()
        self._indexes: WeakValueDictionary[tuple[int, Selection], Any] = WeakValueDictionary()
        self._version: object = None
        self._versions = 0

    def rules_of(self, workload: Workload, standing: Standing, documents: Documents) -> Rules:
        """The rules of a workload. Where nothing that concerns it changed, the very same as before.

        A section's judge is kept, with the answers that it remembers, where that section's rules and
        the standing are the same.
        """
        self._see(documents.version)
        kept = self._workloads.get(workload.id)
        selection: Selection = ()
        if standing.complete and standing.mode != "disabled":
            selection = _selection(workload, documents, kept)
        indexed = (
            kept.indexed if kept is not None and kept.selection is selection else self._made_of(selection)
        )
        rules = _rules(standing, indexed.indexes, None if kept is None else kept.rules)
        self._workloads.put(workload.id, _Kept(workload, documents.version, selection, indexed, rules))
        return rules

    def _see(self, version: object) -> None:
        if version is not self._version:
            self._version = version
            self._versions += 1
            if self._versions % VERSIONS_KEPT == 0:
                self._workloads.age()

    def _made_of(self, selection: Selection) -> _Indexed:
        indexed = self._indexed.get(selection)
        if indexed is None:
            indexed = _Indexed(tuple(self._index_of(number, selection) for number in range(len(SECTIONS))))
            self._indexed[selection] = indexed
        return indexed

    def _index_of(self, number: int, selection: Selection) -> Any:
        """A section's rules, indexed: the same as before where only other sections' rules changed."""
        having_rules = tuple(one for one in selection if one.rules[number])
        index = self._indexes.get((number, having_rules))
        if index is None:
            index = SECTIONS[number].index_of([rule for one in having_rules for rule in one.rules[number]])
            self._indexes[number, having_rules] = index
        return index


def _selection(workload: Workload, documents: Documents, kept: _Kept | None) -> Selection:
    if (
        kept is not None
        and kept.rules.standing.complete
        and kept.rules.standing.mode != "disabled"
        and kept.workload == workload
        and not documents.may_select_otherwise_than(kept.version, workload)
    ):
        return kept.selection
    return documents.selecting(workload)


def _rules(standing: Standing, indexes: tuple[Any, ...], before: Rules | None) -> Rules:
    kept: tuple[Any, ...] = (None,) * len(SECTIONS)
    if before is not None and before.standing == standing:
        kept = tuple(
            judge if judge.index is index else None
            for (_, judge), index in zip(before.sections, indexes, strict=True)
        )
        if None not in kept:
            return before
    judges = [
        (section, judge or section.judge_of(index, standing))
        for section, judge, index in zip(SECTIONS, kept, indexes, strict=True)
    ]
    return Rules(judges, standing)
