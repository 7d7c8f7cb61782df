"""The process section: what may be executed, by whom, and how."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from policy.documents import Document
from policy.documents.sections import Labelled, ProcessDirectory, ProcessPath, ProcessPattern
from policy.events import Executable, ProcessEvent
from policy.memo import Memo
from policy.posture import Standing
from policy.rule import Rule, labels_of, reference_to, source_paths
from policy.ruling import Answer, Finding, Matter, badness, rule_on
from policy.script import arguments_of_script, script_path
from policy.sections.section import JudgeEvent, Section
from policy.target import (
    SeenPath,
    Target,
    TargetIndex,
    directory_target,
    execname_target,
    path_target,
    pattern_target,
)
from policy.text import as_seen, shown
from policy.verdict import Reason, Verdict

MEMO_CAPACITY = 4096
"""Answers kept per workload: a hostile one chooses its paths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRule(Rule):
    """A compiled rule of the process section."""

    target: Target
    owner_only: bool = False
    without_terminal: bool = False
    """`pts: false`."""
    allowed_args: frozenset[str] = frozenset()


def rules_of(document: Document) -> tuple[ProcessRule, ...]:
    """The process rules of a document, in its order."""
    spec = document.policy.spec
    section = spec.process

    def base(rule: Labelled, place: str, sources: tuple[str, ...] = ()) -> dict[str, Any]:
        labels = labels_of(rule, section, spec)
        return {
            "reference": reference_to(document, f"spec.process.{place}", labels.action),
            "severity": labels.severity,
            "tags": labels.tags,
            "message": labels.message,
            "sources": sources,
        }

    def of_path(place: str, rule: ProcessPath) -> ProcessRule:
        return ProcessRule(
            **base(rule, place, source_paths(rule.from_source)),
            target=path_target(rule.path) if rule.path else execname_target(rule.execname or ""),
            owner_only=rule.owner_only,
            without_terminal=not rule.pts,
            allowed_args=frozenset(map(as_seen, rule.allowed_args)),
        )

    def of_directory(place: str, rule: ProcessDirectory) -> ProcessRule:
        return ProcessRule(
            **base(rule, place, source_paths(rule.from_source)),
            target=directory_target(rule.dir, recursive=rule.recursive),
            owner_only=rule.owner_only,
            without_terminal=not rule.pts,
        )

    def of_pattern(place: str, rule: ProcessPattern) -> ProcessRule:
        return ProcessRule(
            **base(rule, place), target=pattern_target(rule.pattern), owner_only=rule.owner_only
        )

    return (
        *(of_path(f"matchPaths[{i}]", rule) for i, rule in enumerate(section.match_paths)),
        *(of_directory(f"matchDirectories[{i}]", rule) for i, rule in enumerate(section.match_directories)),
        *(of_pattern(f"matchPatterns[{i}]", rule) for i, rule in enumerate(section.match_patterns)),
    )


class ProcessRules:
    """All process rules that select a workload, and what of an event can matter to them."""

    __slots__ = ("allow_list", "by_arguments", "by_owner", "by_source", "by_terminal", "index")

    def __init__(self, rules: Sequence[ProcessRule]) -> None:
        """`rules` in the order in which their policies were applied."""
        self.index = TargetIndex(rules)
        self.allow_list = any(rule.action == "Allow" for rule in rules)
        self.by_source = any(rule.sources for rule in rules)
        self.by_owner = any(rule.owner_only for rule in rules)
        self.by_terminal = any(rule.without_terminal for rule in rules)
        self.by_arguments = any(rule.allowed_args for rule in rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Execution:
    """One event as one of the two things that a script's exec is judged as."""

    path: SeenPath
    source: SeenPath | None
    is_owner: bool | None
    """None where the event does not tell."""
    terminal: bool
    arguments: tuple[str, ...] | None
    """Those after argv[0]; None where they are not all known."""


class ProcessJudge:
    """Judges the executions of one workload, and remembers its answers."""

    __slots__ = ("_by_arguments", "_memo", "_more", "_rules", "_standing")

    def __init__(self, rules: ProcessRules, standing: Standing) -> None:
        """`rules` may be shared between workloads."""
        self._rules = rules
        self._standing = standing
        self._by_arguments = rules.by_arguments and standing.match_args
        self._more = rules.by_source or rules.by_owner or rules.by_terminal or self._by_arguments
        self._memo: Memo[tuple[Any, ...], Verdict] = Memo(MEMO_CAPACITY)

    def judge(self, event: ProcessEvent) -> Verdict:
        """The verdict on one execution; equal questions get the same object."""
        if self._more:
            key = self._all_that_matters(event)
        else:
            executable = event.executable
            key = (executable.path, event.script, executable.truncated)
        verdict = self._memo.get(key)
        if verdict is None:
            verdict = self._decide(event)
            self._memo.put(key, verdict)
        return verdict

    def _all_that_matters(self, event: ProcessEvent) -> tuple[Any, ...]:
        """The whole question. It is asked for every event, so it is made of what is at hand."""
        rules = self._rules
        executable = event.executable
        source = _source_program(event) if rules.by_source else None
        arguments: tuple[Any, ...] = ()
        if self._by_arguments:
            arguments = (event.args, event.args_truncated, event.args_redacted)
            if event.script:
                arguments += (event.cwd,)
        return (
            executable.path,
            event.script,
            executable.truncated,
            None if source is None else source.path,
            source is not None and source.truncated,
            rules.by_owner and event.uid == event.owner_uid,
            rules.by_terminal and bool(event.tty),
            arguments,
        )

    def _decide(self, event: ProcessEvent) -> Verdict:
        executable = event.executable
        name = f"...{executable.path}" if executable.truncated else executable.path
        subject = shown(name)
        source = _source(event) if self._rules.by_source else None
        if source is not None:
            subject += f", run by {shown(source.text)},"
        early = _without_rules(subject, self._standing)
        if early is not None:
            return early
        known = not (event.args_truncated or event.args_redacted)
        program = _Execution(
            path=SeenPath(executable.path, executable.truncated, exact=not executable.truncated),
            source=source,
            is_owner=event.uid == event.owner_uid,
            terminal=bool(event.tty),
            arguments=event.args[1:] if known else None,
        )
        verdict = self._rule_on(subject, program)
        if not event.script:
            return verdict
        script = replace(
            program,
            path=script_path(event.script),
            is_owner=None,
            arguments=arguments_of_script(event) if known else None,
        )
        # The script was executed first, so that it is credited where both come out the same.
        of_script = self._rule_on(f"The script {shown(event.script)}, run with {subject}", script)
        return max(of_script, verdict, key=badness)

    def _rule_on(self, subject: str, execution: _Execution) -> Verdict:
        standing = self._standing
        matter = Matter(
            subject=subject,
            standing=standing,
            posture=standing.file,
            visible="process",
            allow_list=self._rules.allow_list,
        )
        return rule_on(matter, self._findings(execution))

    def _findings(self, execution: _Execution) -> Iterator[Finding]:
        for order, rule in self._rules.index.matching(execution.path):
            if rule.action == "Allow" and not execution.path.exact:
                continue
            if rule.accepts_source(execution.source):
                yield self._consult(order, rule, execution)

    def _consult(self, order: int, rule: ProcessRule, execution: _Execution) -> Finding:
        """What the rule's qualifiers say: one that forbids decides, then one that cannot tell."""
        allowed = rule.allowed_args if self._standing.match_args else frozenset()
        answer, why, unknown = Answer.UNQUALIFIED, "", Reason.ARGUMENTS_UNKNOWN
        if rule.owner_only or rule.without_terminal or allowed:
            answer = Answer.PERMITS
        if rule.owner_only and execution.is_owner is None:
            answer, why = Answer.UNKNOWN, "the event does not tell who owns the script"
            unknown = Reason.OWNER_UNKNOWN
        if allowed and execution.arguments is None:
            answer, why = Answer.UNKNOWN, "the event does not tell all arguments"
            unknown = Reason.ARGUMENTS_UNKNOWN
        if allowed and execution.arguments is not None and not _listed(execution.arguments, allowed):
            answer, why = Answer.FORBIDS, _unlisted(execution.arguments, allowed)
        if rule.without_terminal and execution.terminal:
            answer, why = Answer.FORBIDS, "a terminal is attached"
        if rule.owner_only and execution.is_owner is False:
            answer, why = Answer.FORBIDS, "the user is not the file's owner"
        return Finding(rule, order, rule.target.specificity, answer, why, unknown)


def _listed(arguments: tuple[str, ...], allowed: frozenset[str]) -> bool:
    return bool(arguments) and allowed.issuperset(arguments)


def _unlisted(arguments: Iterable[str], allowed: frozenset[str]) -> str:
    first = next((argument for argument in arguments if argument not in allowed), None)
    return "it has no arguments" if first is None else f"the argument {shown(first)} is not listed"


def _source_program(event: ProcessEvent) -> Executable | None:
    """Who executed it: what the sensor says, else the parent's program."""
    if event.source is None and event.ancestors:
        return event.ancestors[0].executable
    return event.source


def _source(event: ProcessEvent) -> SeenPath | None:
    program = _source_program(event)
    if program is None:
        return None
    return SeenPath(program.path, program.truncated, exact=not program.truncated)


def _without_rules(subject: str, standing: Standing) -> Verdict | None:
    """The verdict where no rule is asked: identity not complete, or policies switched off."""
    if not standing.complete:
        return Verdict(
            decision="unknown",
            reason=Reason.IDENTITY_INCOMPLETE,
            sentence=f"{subject} cannot be judged yet: the workload's namespace and labels are not known.",
            alert=True,
            action="Audit",
        )
    if standing.mode == "disabled":
        return Verdict(
            decision="allow",
            reason=Reason.DISABLED_WORKLOAD,
            sentence=f"{subject} passes: the pod's annotation kubearmor-policy is disabled.",
        )
    return None


def _judge_of(rules: ProcessRules, standing: Standing) -> JudgeEvent:
    return ProcessJudge(rules, standing).judge


PROCESS = Section(event=ProcessEvent, rules_of=rules_of, index_of=ProcessRules, judge_of=_judge_of)
