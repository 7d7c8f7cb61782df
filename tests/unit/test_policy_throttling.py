"""Alerts throttled by workload and rule: what must be told is told, and every alert is accounted for."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.throttling import (
    KEYS_KEPT,
    Key,
    Limits,
    Ruling,
    Summary,
    Suppressed,
    Throttling,
    Told,
    drained,
    ended,
    throttle,
    throttle_all,
)
from policy.verdict import Decision, PostureReference, Reason, RuleReference, Verdict

SECOND = 10**9
NOW = 1_800_000_000 * SECOND


def rule(number: int, namespace: str = "shop") -> RuleReference:
    place = f"spec.process.matchPaths[{number}]"
    return RuleReference(
        kind="KubeArmorPolicy", namespace=namespace, policy="p", hash="0", place=place, action="Audit"
    )


POSTURE = PostureReference(posture="file", mode="audit", origin="namespace")
KEYS = tuple(
    Key(f"node-1/{workload}", kind, decided_by)
    for workload in "ab"
    for kind, decided_by in (
        ("process", rule(0)),
        ("process", rule(1)),
        ("process", POSTURE),
        ("file", POSTURE),
    )
)
KEY = KEYS[0]


def verdict(decision: Decision = "audit", *, alert: bool = True) -> Verdict:
    return Verdict(decision=decision, reason=Reason.RULE_AUDIT, sentence="so it is", alert=alert)


AUDIT = verdict()
VERDICTS = (AUDIT, AUDIT, AUDIT, AUDIT, verdict("block"), verdict("unknown"), verdict("allow", alert=False))

Step = tuple[Key, Verdict, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(KEYS),
        st.sampled_from(VERDICTS),
        st.sampled_from([0, 1, SECOND // 3, SECOND, 2 * SECOND, 5 * SECOND]),
    ),
    max_size=60,
)
limits = st.builds(
    Limits, alerts_per_second=st.integers(1, 3), silence_ns=st.sampled_from([SECOND, 3 * SECOND])
)
states = st.builds(Throttling, limits=limits, capacity=st.integers(1, 6))
roomy = st.builds(Throttling, limits=limits)


def run(state: Throttling, taken: list[Step]) -> tuple[Throttling, list[Ruling]]:
    now, rulings = NOW, []
    for key, one, later in taken:
        now += later
        state, ruling = throttle(state, key, one, now)
        rulings.append(ruling)
    return state, rulings


def at_once(
    state: Throttling, number: int, now: int = NOW, key: Key = KEY
) -> tuple[Throttling, list[Ruling]]:
    rulings = []
    for _ in range(number):
        state, ruling = throttle(state, key, AUDIT, now)
        rulings.append(ruling)
    return state, rulings


@given(states, steps)
def test_what_is_denied_or_unknown_is_always_told(state: Throttling, taken: list[Step]) -> None:
    _, rulings = run(state, taken)
    for (_, one, _), ruling in zip(taken, rulings, strict=True):
        if one.decision in {"block", "unknown"} or not one.alert:
            assert isinstance(ruling, Told)


@given(states, steps)
def test_told_and_suppressed_are_all_by_key(state: Throttling, taken: list[Step]) -> None:
    state, rulings = run(state, taken)
    state, rest = drained(state)
    said = [summary for ruling in rulings for summary in ruling.said] + list(rest)
    suppressed: Counter[Key] = Counter()
    for (key, _, _), ruling in zip(taken, rulings, strict=True):
        suppressed[key] += isinstance(ruling, Suppressed)
    counted: Counter[Key] = Counter()
    for summary in said:
        assert summary.count >= 1
        assert NOW <= summary.first_ns <= summary.last_ns
        counted[summary.key] += summary.count
    assert +counted == +suppressed
    assert not state.counting
    assert not state.silenced


@given(roomy, steps)
def test_no_workload_and_no_rule_ever_feels_another(state: Throttling, taken: list[Step]) -> None:
    now, absolute = NOW, []
    for key, one, later in taken:
        now += later
        absolute.append((key, one, now))
    _, together = run(state, taken)
    for alone in KEYS:
        apart, expected = state, []
        for key, one, at in absolute:
            if key == alone:
                apart, ruling = throttle(apart, key, one, at)
                expected.append(ruling)
        assert [r for (key, _, _), r in zip(taken, together, strict=True) if key == alone] == expected


@given(states, steps, st.integers(0, 5 * SECOND))
def test_a_batch_is_the_same_as_one_after_another(state: Throttling, taken: list[Step], later: int) -> None:
    batch = [(key, one) for key, one, _ in taken]
    state, _ = run(state, taken[:20])
    singly, rulings = state, []
    for key, one in batch:
        singly, ruling = throttle(singly, key, one, NOW + later)
        rulings.append(ruling)
    assert throttle_all(state, batch, NOW + later) == (singly, tuple(rulings))


@given(states, steps)
def test_a_state_is_never_changed(state: Throttling, taken: list[Step]) -> None:
    before, _ = run(state, taken[: len(taken) // 2])
    seen = (dict(before.counting), dict(before.silenced), before.evicted)
    first = run(before, taken)
    ended(before, NOW + 100 * SECOND)
    drained(before)
    assert (dict(before.counting), dict(before.silenced), before.evicted) == seen
    assert run(before, taken) == first


@given(states, steps)
def test_memory_is_bounded_and_who_made_room_is_counted(state: Throttling, taken: list[Step]) -> None:
    for step in taken:
        before = state.evicted
        state, (ruling,) = run(state, [step])
        assert len(state.counting) + len(state.silenced) <= state.capacity
        assert len(ruling.said) <= 1 + state.evicted - before


@given(roomy, steps)
def test_no_more_is_told_in_a_second_than_allowed_and_nothing_in_a_silence(
    state: Throttling, taken: list[Step]
) -> None:
    now, silent_until, told = NOW, dict.fromkeys(KEYS, 0), {key: [] for key in KEYS}
    for key, one, later in taken:
        now += later
        state, ruling = throttle(state, key, one, now)
        if one is not AUDIT:
            continue
        if isinstance(ruling, Told):
            assert now >= silent_until[key]
            told[key].append(now)
        elif ruling.begins:
            silent_until[key] = now + state.limits.silence_ns
    # Windows do not slide: a second may see the end of one and the beginning of the next.
    for times in told.values():
        for since in times:
            within = sum(since <= at < since + SECOND for at in times)
            assert within <= 2 * state.limits.alerts_per_second


def test_kubearmors_figures_are_the_defaults() -> None:
    state, rulings = at_once(Throttling(), 13)
    assert [type(ruling) for ruling in rulings] == [Told] * 10 + [Suppressed] * 3
    assert [ruling.begins for ruling in rulings[10:] if isinstance(ruling, Suppressed)] == [
        True,
        False,
        False,
    ]
    _, still = throttle(state, KEY, AUDIT, NOW + 30 * SECOND - 1)
    assert isinstance(still, Suppressed)
    _, after = throttle(state, KEY, AUDIT, NOW + 30 * SECOND)
    assert after == Told((Summary(key=KEY, count=3, first_ns=NOW, last_ns=NOW),))


def test_ten_a_second_may_go_on_for_ever() -> None:
    state = Throttling()
    for second in range(5):
        state, rulings = at_once(state, 10, NOW + second * SECOND)
        assert rulings == [Told()] * 10


def test_a_denial_takes_nothing_from_what_may_be_told() -> None:
    state = Throttling(limits=Limits(alerts_per_second=1))
    for _ in range(100):
        state, _ = throttle(state, KEY, verdict("block"), NOW)
    assert at_once(state, 1)[1] == [Told()]
    assert state == Throttling(limits=Limits(alerts_per_second=1))


def test_silences_that_are_over_are_said_without_another_alert() -> None:
    state, _ = at_once(Throttling(), 15)
    state, _ = at_once(state, 12, NOW + SECOND, KEYS[1])
    assert ended(state, NOW + 29 * SECOND) == (state, ())
    state, said = ended(state, NOW + 30 * SECOND)
    assert [(one.key, one.count) for one in said] == [(KEY, 5)]
    state, said = ended(state, NOW + 31 * SECOND)
    assert [(one.key, one.count) for one in said] == [(KEYS[1], 2)]
    assert ended(state, NOW + 99 * SECOND) == (state, ())


def test_the_oldest_makes_room_and_a_silent_one_is_said() -> None:
    state = Throttling(limits=Limits(alerts_per_second=1), capacity=2)
    state, _ = at_once(state, 3, key=KEYS[0])
    state, _ = at_once(state, 1, key=KEYS[1])
    state, rulings = at_once(state, 1, key=KEYS[2])
    assert rulings == [Told()]
    assert (state.counting.keys(), state.silenced.keys(), state.evicted) == ({KEYS[2]}, {KEYS[0]}, 1)
    state, _ = at_once(state, 2, key=KEYS[2])
    state, rulings = at_once(state, 1, key=KEYS[3])
    assert rulings == [Told((Summary(key=KEYS[0], count=2, first_ns=NOW, last_ns=NOW),))]
    assert (state.counting.keys(), state.silenced.keys(), state.evicted) == ({KEYS[3]}, {KEYS[2]}, 2)


@pytest.mark.parametrize("back", [1, 3600 * SECOND])
def test_a_clock_that_was_set_back_ends_the_silence(back: int) -> None:
    state, _ = at_once(Throttling(), 14)
    state, (ruling,) = at_once(state, 1, NOW - back)
    assert ruling == Told((Summary(key=KEY, count=4, first_ns=NOW, last_ns=NOW),))
    _, rulings = at_once(state, 10, NOW - back)
    assert [type(one) for one in rulings] == [Told] * 9 + [Suppressed]


def test_other_limits_hold_from_the_next_alert_and_keep_silences() -> None:
    state, _ = at_once(Throttling(), 11)
    wider = state.under(Limits(alerts_per_second=100, silence_ns=SECOND))
    assert isinstance(at_once(wider, 1, NOW + 29 * SECOND)[1][0], Suppressed)
    assert at_once(wider, 20, NOW + SECOND, KEYS[1])[1] == [Told()] * 20
    assert state.under(Limits()) is state


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (
            KEY,
            (
                "2 further process alerts were suppressed in node-1/a, by spec.process.matchPaths[0] of "
                "KubeArmorPolicy shop/p, within 2.5 s."
            ),
        ),
        (
            KEYS[3],
            "2 further file alerts were suppressed in node-1/a, by the file posture, within 2.5 s.",
        ),
        (
            Key("node-1/host", "process", rule(2, namespace="")),
            (
                "2 further process alerts were suppressed in node-1/host, by spec.process.matchPaths[2] of "
                "KubeArmorPolicy p, within 2.5 s."
            ),
        ),
        (Key("w", "dns", None), "2 further dns alerts were suppressed in w, by no rule, within 2.5 s."),
    ],
)
def test_a_summary_names_workload_rule_count_and_time(key: Key, sentence: str) -> None:
    summary = Summary(key=key, count=2, first_ns=NOW, last_ns=NOW + 5 * SECOND // 2)
    assert summary.sentence == sentence


def test_one_alert_is_one() -> None:
    assert Summary(key=KEY, count=1, first_ns=NOW, last_ns=NOW).sentence.startswith(
        "1 further process alert was suppressed"
    )


def test_a_change_of_the_policy_begins_anew() -> None:
    changed = Key(KEY.workload, KEY.kind, RuleReference(**{**_fields(rule(0)), "hash": "1"}))
    state, _ = at_once(Throttling(), 11)
    assert at_once(state, 1, key=changed)[1] == [Told()]


def _fields(reference: RuleReference) -> dict[str, str]:
    return {name: getattr(reference, name) for name in reference.__struct_fields__}


def test_thousands_of_rules_fit() -> None:
    keys = [Key(f"node-1/{number}", "process", rule(0)) for number in range(KEYS_KEPT + 1)]
    state, rulings = throttle_all(Throttling(), [(key, AUDIT) for key in keys], NOW)
    assert rulings == (Told(),) * len(keys)
    assert (len(state.counting), state.evicted) == (KEYS_KEPT, 1)
