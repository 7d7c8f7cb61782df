"""How every section judges: what an event asks, the rules that it meets, one verdict; and why.

A section says what is particular about it: what of an event matters, and which rules match. The rest
is the same for all: memory of answers, sources, qualifiers, precedence, posture and mode.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Generic, Literal, NamedTuple, TypeVar

import msgspec

from policy.events import Event, Executable
from policy.memo import Memo
from policy.posture import Standing
from policy.rule import Rule
from policy.ruling import Finding, Matter, Qualified, Ranked, badness, consulted, rank, verdict_on
from policy.settings import PostureKind, VisibleKind
from policy.target import Placed, SeenPath
from policy.text import shown
from policy.verdict import PostureReference, Reason, Verdict

MEMO_CAPACITY = 4096
"""Answers kept per workload and section: a hostile one chooses its paths."""

E = TypeVar("E", bound=Event)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an event is judged as. Sections add what theirs compare."""

    subject: str
    """How sentences name it, safe to show."""
    source: SeenPath | None
    """The program that rules with `fromSource` are about; None where it is not known."""
    exact: bool = True
    """False where what is asked about is not known whole: no Allow rule is satisfied then."""


Q = TypeVar("Q", bound=Question)
R = TypeVar("R", bound=Rule)


class RuleIndex(Generic[R]):
    """The rules of one section that select a workload. Sections add their look-ups."""

    def __init__(self, rules: Sequence[R]) -> None:
        """`rules` in the order in which their policies were applied."""
        self.placed = [Placed(order, rule) for order, rule in enumerate(rules)]
        self.allow_list = any(rule.action == "Allow" for rule in rules)
        """Whether what no rule is about is a miss."""
        self.by_source = any(rule.by_source for rule in rules)


class Unmet(NamedTuple):
    """A rule that does not match, and what is in the way."""

    rule: Rule
    order: int
    why: Literal["target", "source", "not-exact"]


class Inquiry(NamedTuple):
    """Everything that was considered for one question."""

    question: Question
    matter: Matter
    ranked: Ranked
    unmet: tuple[Unmet, ...]
    verdict: Verdict


Known = Callable[[Hashable], Verdict | None]
"""The verdict kept under a key, or None."""
Find = Callable[[E, Hashable], Verdict]
"""Gives the verdict on an event that is not at hand, and keeps it under the key."""


class SectionJudge(ABC, Generic[E, Q, R]):
    """Judges the events of one workload by the rules of one section, and remembers its answers."""

    posture: ClassVar[PostureKind] = "file"
    """Which default posture decides misses."""
    visible: ClassVar[VisibleKind | None] = None
    """Which visibility its Audit alerts need; None: they are always told."""

    def __init__(self, index: RuleIndex[R], standing: Standing) -> None:
        """`index` may be shared between workloads."""
        self.index = index
        self.standing = standing
        self._memo: Memo[Hashable, Verdict] = Memo(MEMO_CAPACITY)

    @abstractmethod
    def key(self, event: E) -> Hashable:
        """All of an event that its verdict depends on."""

    @abstractmethod
    def questions(self, event: E) -> tuple[Q, ...]:
        """What the event is judged as. The worst verdict stands; of equals the first."""

    @abstractmethod
    def matching(self, question: Q) -> Iterable[Placed[R]]:
        """The rules whose target the question meets, whatever their source, in any order."""

    @abstractmethod
    def deciding(self, question: Q) -> Iterable[Placed[R]]:
        """Those of `matching` that the verdict can depend on, or be credited to; others may be among them."""

    def qualified(self, rule: R, question: Q) -> Iterable[Qualified]:  # noqa: ARG002
        """What each of the rule's qualifiers says; the first to forbid is the one that is told."""
        return ()

    def accepts_source(self, rule: R, question: Q) -> bool:
        """Whether the rule is about what this source does."""
        return rule.accepts_source(question.source)

    def visible_of(self, question: Q) -> VisibleKind | None:  # noqa: ARG002
        """`visible`, unless it depends on the question."""
        return self.visible

    def concerns(self, event: type[Event]) -> bool:  # noqa: ARG002
        """Whether it has anything to say about events of a type that another section judges too."""
        return True

    @property
    def judge(self) -> Callable[[E], Verdict]:
        """Gives the verdict on one event; equal questions get the same object. Take it once, for many."""
        return self.from_memory(self._memo.recent, self._find)

    def from_memory(self, known: Known, find: Find[E]) -> Callable[[E], Verdict]:
        """A function that looks for the verdict on an event where `known` keeps it, and else asks `find`.

        It runs for every event. A section with many events has it do what `key` does in its own body,
        and only what its rules ask for. Keys made in different ways must not be equal.
        """
        key = self.key

        def judge(event: E) -> Verdict:
            asked = key(event)
            return known(asked) or find(event, asked)

        return judge

    def _find(self, event: E, key: Hashable) -> Verdict:
        verdict = self._memo.get(key)
        if verdict is None:
            first, *further = self.questions(event)
            verdict = self._rule_on(first)
            if further:
                verdict = worst([verdict, *map(self._rule_on, further)])
            self._memo.put(key, verdict)
        return verdict

    def inquire(self, event: E) -> tuple[Inquiry, ...]:
        """The same, with every rule that was considered. Nothing is remembered."""
        return tuple(self._inquire(question) for question in self.questions(event))

    def _rule_on(self, question: Q) -> Verdict:
        early = without_rules(question.subject, self.standing)
        return early or verdict_on(
            self._matter(question), rank(self._findings(self.deciding(question), question))
        )

    def _matter(self, question: Q) -> Matter:
        standing = self.standing
        posture: PostureReference = getattr(standing, self.posture)
        # By position: names would be a tenth of what judging costs.
        return Matter(question.subject, standing, posture, self.visible_of(question), self.index.allow_list)

    def _findings(self, rules: Iterable[Placed[R]], question: Q) -> Iterator[Finding]:
        for order, rule in rules:
            if rule.action == "Allow" and not question.exact:
                continue
            if self.accepts_source(rule, question):
                answer, why, unknown = consulted(self.qualified(rule, question))
                yield Finding(rule, order, answer, why, unknown)

    def _inquire(self, question: Q) -> Inquiry:
        matching = tuple(self.matching(question))
        met = {order for order, _ in matching}
        ranked = rank(self._findings(matching, question))
        found = {finding.order for finding in (*ranked.competing, *ranked.audits)}
        unmet = tuple(
            Unmet(rule, order, self._in_the_way(rule, question) if order in met else "target")
            for order, rule in self.index.placed
            if order not in found
        )
        matter = self._matter(question)
        early = without_rules(question.subject, self.standing)
        return Inquiry(question, matter, ranked, unmet, early or verdict_on(matter, ranked))

    def _in_the_way(self, rule: R, question: Q) -> Literal["source", "not-exact"]:
        return "not-exact" if self.accepts_source(rule, question) else "source"


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict that stands where one event is judged as several things; of equals the first."""
    return verdicts[0] if len(verdicts) == 1 else max(verdicts, key=badness)


def worst_of(judges: Sequence[Callable[[Any], Verdict]]) -> Callable[[Any], Verdict]:
    """One judge out of several that judge the same events."""
    if len(judges) == 1:
        return judges[0]
    return lambda event: worst([judge(event) for judge in judges])


def seen_program(program: Executable | None) -> SeenPath | None:
    """A program as rules with `fromSource` see it."""
    if program is None:
        return None
    return SeenPath(program.path, program.truncated, exact=not program.truncated)


def by_whom(source: SeenPath | None) -> str:
    """The end of a subject that names who acts; empty where that is not known or does not matter."""
    return "" if source is None else f" by {shown(source.text)}"


def who(program: Executable | None) -> tuple[str, bool] | None:
    """What of a program a verdict can depend on, as part of a key."""
    return None if program is None else (program.path, program.truncated)


def without_rules(subject: str, standing: Standing) -> Verdict | None:
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
