"""The orders of one node, from record to outcome: `plan` decides, the signaller acts, this waits.

Single-threaded: `take` and `collect` are called by one loop. What leaves goes through `publish`, a
callable that queues a record and settles the order's offset once it is stored.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import msgspec
import structlog

from enforcer import metrics
from enforcer.glimpse import Workloads, glimpse
from enforcer.plan import Facts, Look, Node, NotOurs, Now, Recall, Repeated, Report, plan
from enforcer.protocol import Answer, NeverAsked, Request, Signal
from enforcer.protocol import Recall as AskRecall
from enforcer.signaller_link import SignallerError, SignallerLink
from policy.policy_set import PolicySet
from wire.records import Order, Outcome, Result

log = structlog.get_logger(__name__)

ANSWER_S = 5.0
"""How long the signaller may take to answer; it gives up on a process after 2 s by itself."""

HOLD_S = 2.0
"""How long an order waits for a signaller that is away: a restart takes a fraction of it."""

REMEMBERED = 10_000
"""Final outcomes remembered. The oldest go first; their orders have expired long before."""

_POLICY_WAIT_S = 0.5
_POLICY_WAIT_SHARE = 0.1
_POLICY_STEP_S = 0.001


class Policies(Protocol):
    """What is in force, as far as this process knows: `wire.policy_log.PolicyFollower`."""

    @property
    def current(self) -> PolicySet:
        """The latest known set."""


class Clock(Protocol):
    """This node's clocks."""

    def now(self) -> Now:
        """Both, now."""


class NodeClock:
    """The real ones."""

    def now(self) -> Now:
        """CLOCK_BOOTTIME and CLOCK_REALTIME."""
        return Now(boot_ns=time.clock_gettime_ns(time.CLOCK_BOOTTIME), wall_ns=time.time_ns())


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    order: Order
    offset: int
    deadline: float
    otherwise: Report | None = None
    """What to report where the signaller was never asked to signal."""


class _Held(msgspec.Struct, frozen=True, kw_only=True):
    order: Order
    offset: int
    deadline: float


Publish = Callable[[Outcome, int], None]
"""Queue an outcome; the order's offset is settled when it is stored."""

Settle = Callable[[int], None]
"""Nothing comes of the order at this offset."""


class Orders:
    """Everything that is under way for one node."""

    def __init__(
        self,
        *,
        node: Node,
        policies: Policies,
        workloads: Workloads,
        link: SignallerLink,
        publish: Publish,
        settle: Settle,
        clock: Clock | None = None,
    ) -> None:
        """`publish` and `settle` are called from within `take` and `collect`."""
        self._node = node
        self._policies = policies
        self._workloads = workloads
        self._link = link
        self._publish = publish
        self._settle = settle
        self._clock = clock or NodeClock()
        self._done: OrderedDict[str, None] = OrderedDict()
        self._asked: dict[str, _Asked] = {}
        self._held: dict[str, _Held] = {}
        self._patience = _Patience()

    @property
    def waiting(self) -> bool:
        """Whether answers of the signaller are due, or the signaller itself."""
        return bool(self._asked) or bool(self._held)

    def take(self, order: Order, offset: int, *, hold_until: float | None = None) -> None:
        """One order: it is refused, or the signaller is asked, before this returns.

        Where no signaller is there it is held for `HOLD_S`, or until `hold_until` where that began
        earlier (time.monotonic).
        """
        began = time.perf_counter()
        facts = Facts(
            node=self._node, now=self._clock.now(), done=self._done, policies=self._policies.current
        )
        instruction = plan(order, facts)
        if isinstance(instruction, Look):
            self._patience.wait_for(order.record.policies.offset, self._policies)
            seen = glimpse(instruction, self._workloads)
            facts = msgspec.structs.replace(
                facts, now=self._clock.now(), seen=seen, policies=self._policies.current
            )
            instruction = plan(order, facts)
        match instruction:
            case Signal():
                self._ask(instruction, order, offset, None, hold_until)
            case Recall():
                self._ask(AskRecall(id=instruction.id), order, offset, instruction.otherwise, hold_until)
            case Report():
                self._report(order, offset, instruction)
            case Repeated():
                metrics.repeats.inc()
                self._settle(offset)
            case NotOurs():
                self._settle(offset)
            case Look():
                raise AssertionError("asked to look twice")
        metrics.order_seconds.observe(time.perf_counter() - began)

    def collect(self) -> None:
        """Take the answers that have come, and give up on those that are overdue. Never waits."""
        try:
            answers = self._link.answers()
        except SignallerError as error:
            log.error("signaller lost", error=str(error), unanswered=len(self._asked))
            for asked in list(self._asked.values()):
                self._unanswered(asked, f"went away ({error})")
            answers = []
        metrics.signaller_up.set(self._link.connected)
        for answer in answers:
            if answer.id in self._asked:  # else it was overdue, and reported as such
                self._answered(self._asked.pop(answer.id), answer)
        self._take_held()
        now = time.monotonic()
        for asked in [asked for asked in self._asked.values() if now >= asked.deadline]:
            self._unanswered(asked, f"did not answer within {ANSWER_S:g} s")

    def _take_held(self) -> None:
        """Orders that found no signaller, once more from the beginning if there is one now."""
        if self._held and self._link.reach():
            held, self._held = list(self._held.values()), {}
            for one in held:
                self.take(one.order, one.offset, hold_until=one.deadline)
            return
        now = time.monotonic()
        for one in [one for one in self._held.values() if now >= one.deadline]:
            del self._held[one.order.id]
            sentence = f"The process was not signalled: no signaller was there for {HOLD_S:g} s."
            self._report(one.order, one.offset, _failed(sentence))

    def _ask(
        self, request: Request, order: Order, offset: int, otherwise: Report | None, hold_until: float | None
    ) -> None:
        if order.id in self._asked or order.id in self._held:
            # The same order while the first is under way: the first one's outcome is its outcome.
            metrics.repeats.inc()
            self._settle(offset)
            return
        try:
            self._link.ask(request)
        except SignallerError as error:
            log.error("signaller not reached", error=str(error))
            if otherwise is not None:
                self._report(order, offset, otherwise)
                return
            deadline = time.monotonic() + HOLD_S if hold_until is None else hold_until
            self._held[order.id] = _Held(order=order, offset=offset, deadline=deadline)
            return
        deadline = time.monotonic() + ANSWER_S
        self._asked[order.id] = _Asked(order=order, offset=offset, deadline=deadline, otherwise=otherwise)

    def _unanswered(self, asked: _Asked, reason: str) -> None:
        del self._asked[asked.order.id]
        self._report(asked.order, asked.offset, asked.otherwise or _lost(reason))

    def _answered(self, asked: _Asked, answer: Answer) -> None:
        if isinstance(answer, NeverAsked):
            self._report(asked.order, asked.offset, asked.otherwise or _lost("does not know of it"))
            return
        if answer.exec_to_kill_ns is not None and answer.result == "terminated":
            metrics.exec_to_kill_seconds.observe(answer.exec_to_kill_ns / 1e9)
        final = answer.result not in ("failed", "capped")
        report = Report(result=answer.result, sentence=answer.sentence, final=final)
        self._report(asked.order, asked.offset, report, answer.exec_to_kill_ns)

    def _report(self, order: Order, offset: int, report: Report, exec_to_kill_ns: int | None = None) -> None:
        if report.final:
            self._done[order.id] = None
            if len(self._done) > REMEMBERED:
                self._done.popitem(last=False)
        metrics.outcomes.labels(report.result).inc()
        self._publish(
            Outcome(
                id=outcome_id(order, report.result),
                node=self._node.name,
                result=report.result,
                sentence=report.sentence,
                exec_to_kill_ns=exec_to_kill_ns,
                carried_out_ns=self._clock.now().wall_ns,
                record=order.record,
            ),
            offset,
        )


def outcome_id(order: Order, result: Result) -> str:
    """The verdict's id and `/outcome`; for a forgery one of its own, so that it takes no verdict's place."""
    return f"{order.id}/outcome/unverified" if result == "unverified" else f"{order.id}/outcome"


class _Patience:
    """Waits for policies that the judge had and this process has not seen yet.

    Whoever forges an order may name an offset that will never come, so no more than a tenth of the
    time goes into waiting.
    """

    def __init__(self) -> None:
        self._budget_s = _POLICY_WAIT_S
        self._since = time.monotonic()

    def wait_for(self, offset: int, policies: Policies) -> None:
        if policies.current.offset >= offset:
            return
        began = time.monotonic()
        earned = (began - self._since) * _POLICY_WAIT_SHARE
        self._budget_s = min(_POLICY_WAIT_S, self._budget_s + earned)
        self._since = began
        while policies.current.offset < offset and time.monotonic() - began < self._budget_s:
            time.sleep(_POLICY_STEP_S)
        self._budget_s -= time.monotonic() - began
        metrics.policy_waits.labels("yes" if policies.current.offset >= offset else "no").inc()


def _failed(sentence: str) -> Report:
    return Report(result="failed", sentence=sentence)


def _lost(reason: str) -> Report:
    return _failed(f"Whether the process was signalled is not known: the signaller was asked and {reason}.")
