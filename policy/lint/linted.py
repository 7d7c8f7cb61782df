"""A document under lint: its rules as written and as compiled, and where each of them stands."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from policy.documents import Document
from policy.documents.locate import Located, place_of
from policy.documents.problems import Place, field_path
from policy.documents.sections import Labelled
from policy.lint.finding import Finding, LintCode, Severity
from policy.lint.reach import Reach, reach_of
from policy.rule import Labels, Rule, labels_of
from policy.sections import SECTIONS, SectionName
from policy.selection import Selector, selector_of

WRITTEN_SECTIONS = ("process", "file", "network", "capabilities", "syscalls")
"""Sections of a spec that hold lists of rules; `presets` is such a list itself."""


class WrittenRule(NamedTuple):
    """One entry of one list of rules, before it is compiled."""

    section: str
    place: Place
    rule: Labelled
    labels: Labels
    """Inheritance worked out."""
    says_action: bool
    """Whether rule, section or spec has an action."""


class Compiled(NamedTuple):
    """One entry of one list of rules, with what it was compiled to: several where it is a comma list."""

    linted: "Linted"
    section: SectionName
    path: str
    """Such as `spec.process.matchPaths[1]`."""
    rules: tuple[Rule, ...]


class Linted:
    """One document."""

    def __init__(self, document: Document, located: Located) -> None:
        """`located` is where the reader found it."""
        self.document = document
        self.located = located
        self.reach: Reach = reach_of(document)
        self.selects: Selector = selector_of(document)
        self.rules: Mapping[SectionName, tuple[Rule, ...]] = {
            section.name: tuple(section.rules_of(document)) for section in SECTIONS
        }

    @cached_property
    def written(self) -> tuple[WrittenRule, ...]:
        """Every entry of every list of rules, in the order of the sections."""
        return tuple(self._written())

    @cached_property
    def compiled(self) -> tuple[Compiled, ...]:
        """The same entries, compiled."""
        found: list[Compiled] = []
        for section, rules in self.rules.items():
            by_place: dict[str, list[Rule]] = {}
            for rule in rules:
                by_place.setdefault(rule.reference.place, []).append(rule)
            found += [Compiled(self, section, place, tuple(some)) for place, some in by_place.items()]
        return tuple(found)

    def allows(self, section: SectionName) -> bool:
        """Whether it puts what it selects in allow-list mode for `section`."""
        return any(rule.action == "Allow" for rule in self.rules[section])

    def finding(
        self, code: LintCode, severity: Severity, place: Place | str, sentence: str, *, key: bool = False
    ) -> Finding:
        """A finding at `place`, or at its key. `sentence` has been made safe to show."""
        where = place_of(place) if isinstance(place, str) else place
        line, column = self.located.mark(where, key=key)
        return Finding(
            code=code,
            severity=severity,
            file=self.located.file,
            line=line,
            column=column,
            field=field_path(where),
            sentence=sentence,
        )

    def where(self, place: Place | str = ()) -> str:
        """`file:line` of `place`, for sentences about another document."""
        line, _ = self.located.mark(place_of(place) if isinstance(place, str) else place)
        return f"{self.located.file}:{line}"

    def _written(self) -> Iterator[WrittenRule]:
        spec = self.document.policy.spec
        for name in WRITTEN_SECTIONS:
            section: Labelled = getattr(spec, name)
            for attribute, field in type(section).model_fields.items():
                if not attribute.startswith("match_"):
                    continue
                for number, rule in enumerate(getattr(section, attribute)):
                    place = ("spec", name, field.alias or attribute, number)
                    yield _with_labels(name, place, rule, (section, spec))
        for number, preset in enumerate(spec.presets):
            yield _with_labels("presets", ("spec", "presets", number), preset, (spec, spec))


def _with_labels(section: str, place: Place, rule: Labelled, outer: tuple[Labelled, Labelled]) -> WrittenRule:
    says_action = any(level.action is not None for level in (rule, *outer))
    return WrittenRule(section, place, rule, labels_of(rule, *outer), says_action)
