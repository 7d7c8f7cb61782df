"""The syscalls section: which system calls are told. Its rules are Audit, whatever their action says."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from policy.documents import Document
from policy.documents.sections import SyscallPathRule, SyscallSource
from policy.events import SyscallEvent
from policy.rule import Rule
from policy.rule_table import RuleTable
from policy.sections.judging import Question, RuleIndex, SectionJudge, by_whom, seen_program, who
from policy.sections.section import Section, written_in
from policy.target import (
    Placed,
    SeenPath,
    Target,
    TargetIndex,
    directory_target,
    path_target,
    written_path,
)
from policy.text import shown


@dataclass(frozen=True, slots=True, kw_only=True)
class SyscallRule(Rule):
    """A compiled rule about system calls, on any file or on certain ones."""

    syscalls: frozenset[str]
    target: Target | None = None
    source_directories: tuple[Target, ...] = ()

    @property
    def by_source(self) -> bool:
        """Whether it is about what certain programs do."""
        return bool(self.sources or self.source_directories)

    @property
    def found_by(self) -> tuple[str, ...]:
        """Its programs, unless it is about directories of programs too."""
        return () if self.source_directories else self.sources

    @property
    def meaning(self) -> Hashable:
        """As of every rule; and its programs, where it is not found by them."""
        apart = self.sources if self.source_directories else ()
        return (self.syscalls, self.source_directories, apart)

    def accepts_source(self, source: SeenPath | None) -> bool:
        """Whether it is about what `source` does: a listed program, or one in a listed directory."""
        if not self.by_source:
            return True
        if source is None:
            return False
        if source.truncated:
            return any(one.endswith(source.text) for one in self.sources) or any(
                _may_hold(one, source.text) for one in self.source_directories
            )
        return source.text in self.sources or any(_holds(one, source.text) for one in self.source_directories)


@dataclass(frozen=True, slots=True, kw_only=True)
class _OnPath:
    """A rule that has a target, for the index of targets."""

    target: Target
    placed: Placed[SyscallRule]

    @property
    def found_by(self) -> tuple[str, ...]:
        """The rule's."""
        return self.placed.rule.found_by

    @property
    def meaning(self) -> Hashable:
        """The rule's."""
        return self.placed.rule.meaning


def rules_of(document: Document) -> tuple[SyscallRule, ...]:
    """The rules of a document's syscalls section, in its order."""
    section = document.policy.spec.syscalls
    anywhere = [
        SyscallRule(
            **base,
            sources=_programs(rule.from_source),
            source_directories=_directories(rule.from_source),
            syscalls=frozenset(rule.syscall),
        )
        for rule, base in written_in(document, section, "syscalls", "match_syscalls", always="Audit")
    ]
    on_paths = [
        SyscallRule(
            **base,
            sources=_programs(rule.from_source),
            source_directories=_directories(rule.from_source),
            syscalls=frozenset(rule.syscall),
            target=_target(rule),
        )
        for rule, base in written_in(document, section, "syscalls", "match_paths", always="Audit")
    ]
    return (*anywhere, *on_paths)


def _target(rule: SyscallPathRule) -> Target:
    # Without `recursive` a directory stands for itself alone, unlike those of files and processes.
    if rule.recursive:
        return directory_target(rule.path, recursive=True)
    return path_target(rule.path.rstrip("/"))


def _programs(sources: Iterable[SyscallSource]) -> tuple[str, ...]:
    return tuple(written_path(one.path) for one in sources if one.path is not None)


def _directories(sources: Iterable[SyscallSource]) -> tuple[Target, ...]:
    return tuple(directory_target(one.dir, recursive=one.recursive) for one in sources if one.dir is not None)


def _may_hold(directory: Target, tail: str) -> bool:
    """Whether a program whose path ends in `tail`, and whose front was cut off, may be in a directory."""
    return directory.recursive or directory.text.endswith(tail[: max(tail.rfind("/"), 0)])


def _holds(directory: Target, program: str) -> bool:
    parent = program[: max(program.rfind("/"), 0)]
    return parent == directory.text or (directory.recursive and parent.startswith(f"{directory.text}/"))


class SyscallRules(RuleIndex[SyscallRule]):
    """Rules found by system call, and then by path."""

    def __init__(self, rules: Sequence[SyscallRule]) -> None:
        """`rules` in the order in which their policies were applied."""
        super().__init__(rules)
        anywhere: list[tuple[str, Placed[SyscallRule]]] = []
        on_paths: dict[str, list[_OnPath]] = {}
        for placed in self.placed:
            for syscall in placed.rule.syscalls:
                if placed.rule.target is None:
                    anywhere.append((syscall, placed))
                else:
                    on_paths.setdefault(syscall, []).append(_OnPath(target=placed.rule.target, placed=placed))
        self._anywhere = RuleTable(anywhere)
        self._on_paths = {syscall: TargetIndex(rules) for syscall, rules in on_paths.items()}

    def about(self, syscall: str, path: SeenPath | None) -> list[Placed[SyscallRule]]:
        """All rules about a system call on a file, or on none."""
        entry, targets = self._anywhere.find(syscall), self._on_paths.get(syscall)
        found = list(entry.every) if entry else []
        if targets is not None and path is not None:
            found += [one.rule.placed for one in targets.matching(path)]
        return found

    def deciding(
        self, syscall: str, path: SeenPath | None, source: SeenPath | None
    ) -> list[Placed[SyscallRule]]:
        """Those of them that can decide what `source` does: where several say the same, the first."""
        entry, targets = self._anywhere.find(syscall), self._on_paths.get(syscall)
        found = list(entry.by(source)) if entry else []
        if targets is not None and path is not None:
            found += [one.rule.placed for one in targets.deciding(path, source)]
        return found


class Call(Question, frozen=True, kw_only=True):
    """One system call."""

    syscall: str
    path: SeenPath | None


class SyscallJudge(SectionJudge[SyscallEvent, Call, SyscallRule]):
    """Judges the system calls of one workload. No kind of visibility covers them: they are always told."""

    index: SyscallRules

    def key(self, event: SyscallEvent) -> tuple[Any, ...]:
        """The call and its file and, where a rule asks, by whom."""
        actor = event.actor if self.index.by_source else None
        return (event.syscall, event.path, event.truncated, who(actor))

    def questions(self, event: SyscallEvent) -> tuple[Call, ...]:
        """The call."""
        source = seen_program(event.actor) if self.index.by_source else None
        path = SeenPath(event.path, event.truncated, exact=not event.truncated) if event.path else None
        name = f"...{event.path}" if event.truncated else event.path
        on = f" on {shown(name)}" if event.path else ""
        subject = f"The system call {shown(event.syscall)}{on}{by_whom(source)}"
        return (Call(subject=subject, source=source, syscall=event.syscall, path=path),)

    def matching(self, question: Call) -> Iterable[Placed[SyscallRule]]:
        """Rules on the call, and on the call on its file."""
        return self.index.about(question.syscall, question.path)

    def deciding(self, question: Call) -> Iterable[Placed[SyscallRule]]:
        """Those of them that can decide."""
        return self.index.deciding(question.syscall, question.path, question.source)


SYSCALLS = Section(
    name="syscalls",
    events=(SyscallEvent,),
    rules_of=rules_of,
    index_of=SyscallRules,
    judge_of=SyscallJudge,
)
