"""Presets: ready-made protections, judged beside the sections that are about the same events.

They neither compete with rules nor satisfy an allow-list: the worse of both verdicts stands.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from policy.documents import Document
from policy.events import Event, FileEvent, MemoryEvent, ProcessEvent
from policy.posture import Standing
from policy.sections.judging import Question, SectionJudge
from policy.sections.section import Section, written_in
from policy.sections.terms import TermIndex, TermRule
from policy.settings import VisibleKind
from policy.target import Placed
from policy.text import shown

PresetEvent = ProcessEvent | FileEvent | MemoryEvent

PRESET_EVENTS: Mapping[str, type[Event]] = {
    "filelessExec": ProcessEvent,
    "exec": ProcessEvent,
    "protectEnv": FileEvent,
    "protectProc": FileEvent,
    "anonymousMapExec": MemoryEvent,
}
"""Which events each preset is about."""

IN_MEMORY = ("/memfd:", "/dev/shm/", "/run/shm/")  # noqa: S108  # what is looked for, not used
"""Where a program's path begins that no file on a disk backs."""

_OF_A_PROCESS = re.compile(r"/proc/(\d+)(?:/(.*))?\Z", re.DOTALL)
_ENVIRONMENT = re.compile(r"(?:task/\d+/)?environ\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetRule(TermRule):
    """A preset that a policy switches on."""

    preset: str

    @property
    def term(self) -> str:
        """The preset's name."""
        return self.preset


def rules_of(document: Document) -> tuple[PresetRule, ...]:
    """The presets of a document, in its order."""
    spec = document.policy.spec
    return tuple(
        PresetRule(**base, sources=(), preset=rule.name)
        for rule, base in written_in(document, spec, "", "presets")
    )


class Suspicion(Question, frozen=True, kw_only=True):
    """What an event is, as far as presets go."""

    presets: tuple[str, ...]


class PresetJudge(SectionJudge[Any, Suspicion, PresetRule]):
    """Judges what presets are about, for one kind of events."""

    index: TermIndex[PresetRule]

    def __init__(self, index: TermIndex[PresetRule], standing: Standing) -> None:
        """`index` may be shared between workloads."""
        super().__init__(index, standing)
        self._events = frozenset(PRESET_EVENTS[placed.rule.preset] for placed in index.placed)

    def concerns(self, event: type[Event]) -> bool:
        """Whether a preset about such events is switched on."""
        return event in self._events

    def visible_of(self, question: Suspicion) -> VisibleKind | None:
        """A preset about files needs files visible, the others processes."""
        about_files = any(PRESET_EVENTS[preset] is FileEvent for preset in question.presets)
        return "file" if about_files else "process"

    def key(self, event: PresetEvent) -> tuple[Any, ...]:
        """All that `questions` looks at."""
        if isinstance(event, ProcessEvent):
            executable = event.executable
            return (executable.path, executable.truncated, event.entered)
        if isinstance(event, FileEvent):
            return (event.path, event.access, event.namespace_pid)
        return ()

    def questions(self, event: PresetEvent) -> tuple[Suspicion, ...]:
        """Which presets the event meets."""
        if isinstance(event, ProcessEvent):
            presets, subject = _of_execution(event), shown(event.executable.path)
        elif isinstance(event, FileEvent):
            presets, subject = _of_access(event), f"Access to {shown(event.path)}"
        else:
            presets, subject = ("anonymousMapExec",), "Making anonymous memory executable"
        return (Suspicion(subject=subject, source=None, presets=presets),)

    def matching(self, question: Suspicion) -> Iterable[Placed[PresetRule]]:
        """The presets that are switched on and met."""
        return self.index.about(question.presets)

    def deciding(self, question: Suspicion) -> Iterable[Placed[PresetRule]]:
        """Those of them that can decide."""
        return self.index.deciding(question.presets, question.source)


def _of_execution(event: ProcessEvent) -> tuple[str, ...]:
    presets = []
    if event.executable.path.startswith(IN_MEMORY) and not event.executable.truncated:
        presets.append("filelessExec")
    if event.entered:
        presets.append("exec")
    return tuple(presets)


def _of_access(event: FileEvent) -> tuple[str, ...]:
    found = _OF_A_PROCESS.match(event.path)
    if found is None or event.truncated or int(found[1]) == event.namespace_pid:
        return ()
    reads_environment = event.access == "read" and _ENVIRONMENT.match(found[2] or "")
    return ("protectEnv", "protectProc") if reads_environment else ("protectProc",)


PRESETS = Section(
    name="presets",
    events=(ProcessEvent, FileEvent, MemoryEvent),
    rules_of=rules_of,
    index_of=TermIndex[PresetRule],
    judge_of=PresetJudge,
)
