"""The process section: what may be executed, by whom, and how."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from msgspec import structs

from policy.documents import Document
from policy.documents.sections import ProcessPath
from policy.events import Executable, ProcessEvent
from policy.posture import Standing
from policy.rule import source_paths
from policy.ruling import PERMITTED, Answer, Qualified
from policy.script import arguments_of_script, script_path
from policy.sections.judging import Find, Known, SectionJudge, seen_program
from policy.sections.paths import PathQuestion, PathRule, PathRules, owner_and_terminal
from policy.sections.section import Section, written_in
from policy.settings import VisibleKind
from policy.target import (
    Placed,
    SeenPath,
    directory_target,
    execname_target,
    path_target,
    pattern_target,
)
from policy.text import as_seen, shown
from policy.verdict import Reason, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRule(PathRule):
    """A compiled rule of the process section."""

    allowed_args: frozenset[str] = frozenset()


def rules_of(document: Document) -> tuple[ProcessRule, ...]:
    """The process rules of a document, in its order."""
    section = document.policy.spec.process

    def of_path(rule: ProcessPath, base: dict[str, Any]) -> ProcessRule:
        return ProcessRule(
            **base,
            sources=source_paths(rule.from_source),
            target=path_target(rule.path) if rule.path else execname_target(rule.execname or ""),
            owner_only=rule.owner_only,
            without_terminal=not rule.pts,
            allowed_args=frozenset(map(as_seen, rule.allowed_args)),
        )

    paths = [of_path(rule, base) for rule, base in written_in(document, section, "process", "match_paths")]
    directories = [
        ProcessRule(
            **base,
            sources=source_paths(rule.from_source),
            target=directory_target(rule.dir, recursive=rule.recursive),
            owner_only=rule.owner_only,
            without_terminal=not rule.pts,
        )
        for rule, base in written_in(document, section, "process", "match_directories")
    ]
    patterns = [
        ProcessRule(**base, sources=(), target=pattern_target(rule.pattern), owner_only=rule.owner_only)
        for rule, base in written_in(document, section, "process", "match_patterns")
    ]
    return (*paths, *directories, *patterns)


class ProcessRules(PathRules[ProcessRule]):
    """All process rules that select a workload."""

    def __init__(self, rules: Sequence[ProcessRule]) -> None:
        """`rules` in the order in which their policies were applied."""
        super().__init__(rules)
        listing = [rule.target for rule in rules if rule.allowed_args]
        self.by_arguments = bool(listing)
        self._paths = frozenset(target.text for target in listing if target.kind == "path")
        self._names = frozenset(target.text for target in listing if target.kind == "execname")

    def asks_arguments(self, event: ProcessEvent) -> bool:
        """Whether a rule with `allowedArgs` may be about it. Only one file or one name can have them."""
        path = event.executable.path
        if path in self._paths or event.script or event.executable.truncated:
            return True
        return bool(self._names) and path[path.rfind("/") + 1 :] in self._names


class Execution(PathQuestion, frozen=True, kw_only=True):
    """One event as one of the two things that a script's exec is judged as."""

    arguments: tuple[str, ...] | None
    """Those after argv[0]; None where they are not all known."""


class ProcessJudge(SectionJudge[ProcessEvent, Execution, ProcessRule]):
    """Judges the executions of one workload."""

    index: ProcessRules
    visible: ClassVar[VisibleKind | None] = "process"

    def __init__(self, index: ProcessRules, standing: Standing) -> None:
        """`index` may be shared between workloads."""
        super().__init__(index, standing)
        self._by_arguments = index.by_arguments and standing.match_args

    def key(self, event: ProcessEvent) -> tuple[Any, ...]:
        """The whole question."""
        executable, index = event.executable, self.index
        source = _source_program(event) if index.by_source else None
        arguments: tuple[Any, ...] = ()
        if self._by_arguments and index.asks_arguments(event):
            arguments = (event.args, event.args_truncated, event.args_redacted)
            if event.script:
                arguments += (event.cwd,)
        return (
            executable.path,
            event.script,
            executable.truncated,
            None if source is None else source.path,
            source is not None and source.truncated,
            index.by_owner and event.uid == event.owner_uid,
            index.by_terminal and bool(event.tty),
            arguments,
        )

    def from_memory(self, known: Known, find: Find[ProcessEvent]) -> Callable[[ProcessEvent], Verdict]:
        """Without more in the key than the program, or the program and who ran it, where no rule asks."""
        index = self.index
        usual = super().from_memory(known, find)
        if index.by_owner or index.by_terminal or self._by_arguments:
            return usual

        def of_program(event: ProcessEvent) -> Verdict:
            program = event.executable
            asked = (program.path, event.script, program.truncated)
            return known(asked) or find(event, asked)

        def of_program_and_source(event: ProcessEvent) -> Verdict:
            program, source = event.executable, event.source
            if source is None:
                return usual(event)
            asked = (program.path, event.script, program.truncated, source.path, source.truncated)
            return known(asked) or find(event, asked)

        return of_program_and_source if index.by_source else of_program

    def questions(self, event: ProcessEvent) -> tuple[Execution, ...]:
        """The program, and before it the script that it was started for."""
        executable = event.executable
        name = f"...{executable.path}" if executable.truncated else executable.path
        subject = shown(name)
        source = seen_program(_source_program(event)) if self.index.by_source else None
        if source is not None:
            subject += f", run by {shown(source.text)},"
        known = not (event.args_truncated or event.args_redacted)
        program = Execution(
            subject=subject,
            path=SeenPath(executable.path, executable.truncated, exact=not executable.truncated),
            exact=not executable.truncated,
            source=source,
            is_owner=event.uid == event.owner_uid,
            terminal=bool(event.tty),
            arguments=event.args[1:] if known else None,
        )
        if not event.script:
            return (program,)
        path = script_path(event.script)
        script = structs.replace(
            program,
            subject=f"The script {shown(event.script)}, run with {subject}",
            path=path,
            exact=path.exact,
            is_owner=None,
            arguments=arguments_of_script(event) if known else None,
        )
        # The script was executed first, so that it is credited where both come out the same.
        return (script, program)

    def matching(self, question: Execution) -> Iterable[Placed[ProcessRule]]:
        """Rules on the path, its directories, its name and its globs."""
        return self.index.targets.matching(question.path)

    def deciding(self, question: Execution) -> Iterable[Placed[ProcessRule]]:
        """Those of them that can decide."""
        return self.index.targets.deciding(question.path, question.source)

    def qualified(self, rule: ProcessRule, question: Execution) -> Iterable[Qualified]:
        """`ownerOnly`, `pts`, `allowedArgs`."""
        if not rule.allowed_args or not self.standing.match_args:
            return owner_and_terminal(rule, question)
        arguments = _arguments(question.arguments, rule.allowed_args)
        return (*owner_and_terminal(rule, question), arguments)


def _arguments(given: tuple[str, ...] | None, allowed: frozenset[str]) -> Qualified:
    if given is None:
        return Qualified(Answer.UNKNOWN, "the event does not tell all arguments", Reason.ARGUMENTS_UNKNOWN)
    if not given:
        return Qualified(Answer.FORBIDS, "it has no arguments")
    unlisted = next((argument for argument in given if argument not in allowed), None)
    if unlisted is None:
        return PERMITTED
    return Qualified(Answer.FORBIDS, f"the argument {shown(unlisted)} is not listed")


def _source_program(event: ProcessEvent) -> Executable | None:
    """Who executed it: what the sensor says, else the parent's program."""
    if event.source is None and event.ancestors:
        return event.ancestors[0].executable
    return event.source


PROCESS = Section(
    name="process",
    events=(ProcessEvent,),
    rules_of=rules_of,
    index_of=ProcessRules,
    judge_of=ProcessJudge,
)
