"""Too many alerts of one rule in one workload, and what is told of them. A stage of its own after judging.

State in, state out: nothing here is changed in place, and no clock is read. What is counted is one rule
(or posture) and one kind of event in one workload; another workload's alerts, or another rule's, never
count. It works as KubeArmor's `alertThrottling` does, which counts whole containers: the first alerts of a
second are told, and the one after them begins a silence. What a silence suppressed is counted, and said
once: when the next alert after it comes, when somebody asks (`ended`), or when room is needed.

A denial and an unknown are always told, whatever else happens, and take nothing from what may be told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec

from policy.verdict import Decision, PostureReference, RuleReference, Verdict

KEYS_KEPT = 4096
"""How many rules in workloads are counted at a time."""

NEVER_DROPPED: frozenset[Decision] = frozenset({"block", "unknown"})

_SECOND_NS = 1_000_000_000


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much is told. The defaults are KubeArmor's for `maxAlertPerSec` and `throttleSec`."""

    alerts_per_second: int = 10
    """At least 1."""
    silence_ns: int = 30 * _SECOND_NS


_KUBEARMORS = Limits()


class Key(NamedTuple):
    """What is counted together."""

    workload: str
    """The workload's id."""
    kind: str
    """Of the events. A posture covers several kinds, and one must not silence another."""
    decided_by: RuleReference | PostureReference | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What one silence suppressed."""

    key: Key
    count: int
    """At least 1."""
    first_ns: int
    last_ns: int
    """As `now_ns` was at the first and the last of them."""

    @property
    def rule(self) -> str:
        """Whose alerts they were: a rule's place and policy, or the posture's name."""
        match self.key.decided_by:
            case RuleReference() as rule:
                policy = f"{rule.namespace}/{rule.policy}" if rule.namespace else rule.policy
                return f"{rule.place} of {rule.kind} {policy}"
            case PostureReference() as posture:
                return f"the {posture.posture} posture"
            case None:
                return "no rule"

    @property
    def sentence(self) -> str:
        """One sentence for people."""
        alerts = "alert was" if self.count == 1 else "alerts were"
        return (
            f"{self.count} further {self.key.kind} {alerts} suppressed in {self.key.workload}, "
            f"by {self.rule}, within {(self.last_ns - self.first_ns) / _SECOND_NS:.1f} s."
        )


class Told(msgspec.Struct, frozen=True):
    """The verdict is told as if there were no throttling."""

    said: tuple[Summary, ...] = ()
    """Besides: what was suppressed before and is to be said now."""


class Suppressed(msgspec.Struct, frozen=True):
    """The alert is not told; it is counted, and a summary will have it."""

    said: tuple[Summary, ...] = ()
    """As in `Told`."""
    begins: bool = False
    """Whether the silence begins with it."""


Ruling = Told | Suppressed
_TOLD = Told()
_SUPPRESSED = Suppressed()


class _Window(NamedTuple):
    since_ns: int
    told: int


class _Silence(NamedTuple):
    since_ns: int
    until_ns: int
    alerts: int
    last_ns: int

    def holds(self, now_ns: int) -> bool:
        # A clock that was set back ends a silence: it could last for hours otherwise.
        return self.since_ns <= now_ns < self.until_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttling:
    """What is remembered. `Throttling(limits=...)` is the beginning."""

    limits: Limits = _KUBEARMORS
    capacity: int = KEYS_KEPT
    """How many keys are kept, at least 1. The oldest make room: first those that are not silent, of which
    only more is told then; a silent one's summary is said."""
    evicted: int = 0
    """How many keys made room so far."""
    counting: Mapping[Key, _Window] = field(default_factory=dict)
    silenced: Mapping[Key, _Silence] = field(default_factory=dict)

    def under(self, limits: Limits) -> "Throttling":
        """The same under other limits. Silences under way end when they would have ended."""
        return self if limits == self.limits else replace(self, limits=limits)


def throttle(state: Throttling, key: Key, verdict: Verdict, now_ns: int) -> tuple[Throttling, Ruling]:
    """Whether one verdict is told. What is no alert is none of its business and counts as told.

    `now_ns` is the wall clock.
    """
    state, (ruling,) = throttle_all(state, ((key, verdict),), now_ns)
    return state, ruling


def throttle_all(
    state: Throttling, verdicts: Iterable[tuple[Key, Verdict]], now_ns: int
) -> tuple[Throttling, tuple[Ruling, ...]]:
    """The same as one after another, at the price of one copy of the state."""
    desk = _Desk(state)
    rulings = tuple(
        desk.rule(key, now_ns) if verdict.alert and verdict.decision not in NEVER_DROPPED else _TOLD
        for key, verdict in verdicts
    )
    return desk.state, rulings


def ended(state: Throttling, now_ns: int) -> tuple[Throttling, tuple[Summary, ...]]:
    """What the silences that are over have suppressed. Ask now and then: no alert may ever come again."""
    over = {key: silence for key, silence in state.silenced.items() if not silence.holds(now_ns)}
    if not over:
        return state, ()
    silenced = {key: silence for key, silence in state.silenced.items() if key not in over}
    return replace(state, silenced=silenced), tuple(map(_summary, over, over.values()))


def drained(state: Throttling) -> tuple[Throttling, tuple[Summary, ...]]:
    """What all silences have suppressed, and the state that forgot every key."""
    said = tuple(map(_summary, state.silenced, state.silenced.values()))
    return replace(state, counting={}, silenced={}), said


def _summary(key: Key, silence: _Silence) -> Summary:
    return Summary(key=key, count=silence.alerts, first_ns=silence.since_ns, last_ns=silence.last_ns)


class _Desk:
    """A copy of a state, made at the first change, that becomes the next state."""

    def __init__(self, state: Throttling) -> None:
        self._before = state
        self._changed = False
        self._counting: dict[Key, _Window] = {}
        self._silenced: dict[Key, _Silence] = {}
        self._evicted = state.evicted

    @property
    def state(self) -> Throttling:
        if not self._changed:
            return self._before
        return replace(self._before, counting=self._counting, silenced=self._silenced, evicted=self._evicted)

    def rule(self, key: Key, now_ns: int) -> Ruling:
        if not self._changed:
            self._counting, self._silenced = dict(self._before.counting), dict(self._before.silenced)
            self._changed = True
        said: tuple[Summary, ...] = ()
        silence = self._silenced.get(key)
        if silence is not None:
            if silence.holds(now_ns):
                since_ns, until_ns, alerts, last_ns = silence
                self._silenced[key] = _Silence(since_ns, until_ns, alerts + 1, max(now_ns, last_ns))
                return _SUPPRESSED
            del self._silenced[key]
            said = (_summary(key, silence),)
        window = self._counting.pop(key, None)
        if window is None or not window.since_ns <= now_ns < window.since_ns + _SECOND_NS:
            window = _Window(now_ns, 0)
        limits = self._before.limits
        if window.told >= limits.alerts_per_second:
            self._silenced[key] = _Silence(now_ns, now_ns + limits.silence_ns, 1, now_ns)
            return Suppressed(said, begins=True)
        self._counting[key] = _Window(window.since_ns, window.told + 1)
        said += self._make_room()
        return Told(said) if said else _TOLD

    def _make_room(self) -> tuple[Summary, ...]:
        """Take keys out until they fit, but not the newest as long as there is another."""
        said: list[Summary] = []
        while len(self._counting) + len(self._silenced) > self._before.capacity:
            self._evicted += 1
            if len(self._counting) > 1 or not self._silenced:
                del self._counting[next(iter(self._counting))]
            else:
                oldest = next(iter(self._silenced))
                said.append(_summary(oldest, self._silenced.pop(oldest)))
        return tuple(said)
