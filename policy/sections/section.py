"""What a section of policies has to offer, so that the rest need not know which sections there are."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

from policy.documents import Document
from policy.documents.sections import Labelled
from policy.events import Event
from policy.posture import Standing
from policy.rule import labels_of, reference_to
from policy.sections.judging import SectionJudge
from policy.verdict import Verdict

SectionName = Literal["process", "file", "network", "dns", "capabilities", "syscalls", "presets"]
"""What is counted separately where it matters whether a workload is in allow-list mode."""


JudgeEvent = Callable[[Any], Verdict]
"""A verdict on one event, of a type that the section judges."""


class Section(NamedTuple):
    """One section: its rules are made once a document, indexed once a selection, judged per workload."""

    name: SectionName
    events: tuple[type[Event], ...]
    """The events that it judges."""
    rules_of: Callable[[Document], Sequence[Any]]
    """The section's rules in a document, in its order."""
    index_of: Callable[[Sequence[Any]], Any]
    """The rules of all documents that select a workload, in the order applied, made ready for look-ups."""
    judge_of: Callable[[Any, Standing], SectionJudge[Any, Any, Any]]
    """A judge for one workload: what `index_of` gave, and how the workload stands."""


class Written(NamedTuple):
    """Where a rule was written, and what it has in common with those of other sections."""

    rule: Any
    base: dict[str, Any]
    """The fields of `policy.rule.Rule`, `sources` apart."""


def written_in(
    document: Document, section: Labelled, name: str, group: str, *, always: Literal["Audit"] | None = None
) -> Iterator[Written]:
    """The rules of one list of a section, such as `matchPaths`, in the order written.

    `name` is the section's in the document, `group` the list's; `always` overrides every action.
    """
    attribute, alias = _field_of(section, group)
    for number, rule in enumerate(getattr(section, attribute)):
        labels = labels_of(rule, section, document.policy.spec)
        place = f"spec.{name}.{alias}[{number}]" if name else f"spec.{alias}[{number}]"
        base = {
            "reference": reference_to(document, place, always or labels.action),
            "severity": labels.severity,
            "tags": labels.tags,
            "message": labels.message,
        }
        yield Written(rule, base)


def _field_of(section: Labelled, group: str) -> tuple[str, str]:
    return group, type(section).model_fields[group].alias or group
