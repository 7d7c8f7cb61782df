"""Exec to verdict and exec to kill, hop by hop, beside bare Kafka and a bare Faust relay."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable
from pathlib import Path

import msgspec

from policy.events import ProcessEvent
from sensors.boot_clock import BootClock
from tests.bench import baselines, chart, load
from tests.bench.figures import Distribution, distribution, median_ms
from tests.bench.recorder import Arrival, Recorder
from tests.bench.rig import Rig
from wire.codec import read_batch, read_order, read_outcome, read_verdict
from wire.records import event_id

RATE = 100.0
WARM_UP = 50
"""Starts at the beginning of each measurement that are not counted."""

AIM_P50_MS = 10.0
AIM_SHARE_MS = 3.0

_ARRIVE_S = 10.0
_SLEEP_S = "20"
_LINGER_S = 2.0

Hops = dict[str, list[int]]


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """The project's own part of a way: p50 of the way - p50 of the bare relay - half a tick, by round."""

    median_ms: float
    by_round_ms: tuple[float, ...]


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """What the section measured. The first of each list of hops is the headline."""

    rate_per_s: float
    started: int
    """Programs, each for verdict and kill, without the warm-up."""
    tick_ms: float
    bare_kafka: Distribution
    bare_relay: Distribution
    to_verdict: dict[str, Distribution]
    to_kill: dict[str, Distribution]
    verdict_share: Share
    kill_share: Share
    outcomes: dict[str, int]

    def text(self) -> str:
        verdict, kill = self.to_verdict["exec -> verdict at a consumer"], self.to_kill["exec -> kill"]
        return "\n".join(
            (
                chart.title(f"Latency at {self.rate_per_s:g} denied execs/s through the whole chain"),
                chart.hops(
                    [
                        ("bare Kafka, produce -> consume", self.bare_kafka),
                        ("bare Faust relay", self.bare_relay),
                        *self.to_verdict.items(),
                    ]
                ),
                "\nUnder terminate, the same rate of programs that would live for 20 s:",
                chart.hops(self.to_kill.items()),
                f"\nOutcomes: {', '.join(f'{name} {count}' for name, count in self.outcomes.items())}",
                f"\nexec -> verdict, {self._headline(verdict)}, aim {AIM_P50_MS:g} ms:",
                chart.histogram(verdict),
                f"\nexec -> kill, {self._headline(kill)}:",
                chart.histogram(kill),
                f"\nThe project's own share beyond Kafka, Faust and half a tick, aim {AIM_SHARE_MS:g} ms:",
                "p50 of the way - p50 of the bare relay - tick / 2, by round:",
                _said("to the verdict", self.verdict_share),
                _said("to the kill", self.kill_share),
            )
        )

    def _headline(self, one: Distribution) -> str:
        return f"{one.count} of {self.started} came through, p50 {one.p50_ms:.2f} ms"


def _said(name: str, share: Share) -> str:
    rounds = ", ".join(f"{one:.2f}" for one in share.by_round_ms)
    return f"  {name:<15} median {share.median_ms:5.2f} ms  (rounds: {rounds})"


async def measure(rig: Rig, *, seconds: float, rounds: int, say: Callable[[str], None]) -> Latency:
    """Each round measures the four, one after another, for `seconds` / `rounds` each."""
    kafka, topics = rig.stack.kafka, rig.stack.topics
    await asyncio.to_thread(baselines.make_topics, kafka)
    short, long = rig.program(Path("/bin/true"), "short"), rig.program(Path("/bin/sleep"), "long")
    value = await _example(rig, short)
    tick_ms = rig.settings.tick_ms
    bare_kafka: list[list[int]] = []
    bare_relay: list[list[int]] = []
    to_verdict: list[Hops] = []
    to_kill: list[Hops] = []
    outcomes: dict[str, int] = {}
    started = 0
    with baselines.relay(kafka, rig.stack.state.root / "relay.log"):
        for number in range(rounds):
            at_ns = load.schedule(RATE, seconds / rounds + WARM_UP / RATE, seed=number)
            started += len(at_ns) - WARM_UP
            say(f"latency, round {number + 1} of {rounds}")
            ways = (
                (bare_kafka, baselines.KAFKA_TOPIC, baselines.KAFKA_TOPIC),
                (bare_relay, baselines.RELAY_SOURCE, baselines.RELAY_TARGET),
            )
            for results, source, target in ways:
                all_of_them = await asyncio.to_thread(
                    baselines.latencies, kafka, source, target, value, at_ns
                )
                results.append(all_of_them[WARM_UP:])
            await rig.enforce("off")
            with Recorder(kafka, [topics.events.name, topics.verdicts.name]) as recorder:
                await _run(rig, (short,), at_ns)
                recorder.wait_for(topics.verdicts.name, len(at_ns), _ARRIVE_S)
            to_verdict.append(_hops_to_verdict(rig, recorder, short))
            await rig.enforce("terminate")
            names = [topics.events.name, topics.orders.name, topics.outcomes.name]
            with Recorder(kafka, names) as recorder:
                await _run(rig, (long, _SLEEP_S), at_ns)
                recorder.wait_for(topics.outcomes.name, len(at_ns), _ARRIVE_S)
            to_kill.append(_hops_to_kill(rig, recorder, long, outcomes))
    await rig.enforce("off")
    half_a_tick = tick_ms / 2
    return Latency(
        rate_per_s=RATE,
        started=started,
        tick_ms=tick_ms,
        bare_kafka=distribution(_all(bare_kafka)),
        bare_relay=distribution(_all(bare_relay)),
        to_verdict=_distributions(to_verdict),
        to_kill=_distributions(to_kill),
        verdict_share=_share(to_verdict, "exec -> verdict at a consumer", bare_relay, half_a_tick),
        kill_share=_share(to_kill, "exec -> kill", bare_relay, half_a_tick),
        outcomes=outcomes,
    )


async def _run(rig: Rig, argv: tuple[str, ...], at_ns: list[int]) -> list[load.Ran]:
    return await asyncio.to_thread(load.run, rig.cgroup, [argv] * len(at_ns), at_ns, _LINGER_S)


async def _example(rig: Rig, program: str) -> bytes:
    """A record of the events topic as the load makes them, for the baselines to carry."""
    topic = rig.stack.topics.events.name
    with Recorder(rig.stack.kafka, [topic]) as recorder:
        await _run(rig, (program,), load.schedule(RATE, 0.5, seed=0))
        await asyncio.sleep(0.5)
    ours = [one.value for one in recorder.arrivals[topic] if one.key == rig.workload_id.encode()]
    return sorted(ours, key=len)[len(ours) // 2]


def _hops_to_verdict(rig: Rig, recorder: Recorder, program: str) -> Hops:
    topics = rig.stack.topics
    seen = _seen(rig, recorder.arrivals[topics.events.name], program)
    offset = BootClock().wall(0)
    hops: Hops = {
        "exec -> event at a consumer": [],
        "exec -> judged": [],
        "judged -> verdict at a consumer": [],
        "exec -> verdict at a consumer": [],
    }
    for arrival in recorder.arrivals[topics.verdicts.name]:
        record = read_verdict(arrival.value)
        if record.event_id not in seen:
            continue
        exec_ns, judged_ns = record.event.boot_ns, record.judged_ns - offset
        hops["exec -> event at a consumer"].append(seen[record.event_id] - exec_ns)
        hops["exec -> judged"].append(judged_ns - exec_ns)
        hops["judged -> verdict at a consumer"].append(arrival.at_ns - judged_ns)
        hops["exec -> verdict at a consumer"].append(arrival.at_ns - exec_ns)
    return hops


def _hops_to_kill(rig: Rig, recorder: Recorder, program: str, results: dict[str, int]) -> Hops:
    topics = rig.stack.topics
    seen = _seen(rig, recorder.arrivals[topics.events.name], program)
    orders = {read_order(one.value).id: one.at_ns for one in recorder.arrivals[topics.orders.name]}
    offset = BootClock().wall(0)
    hops: Hops = {
        "exec -> event at a consumer": [],
        "exec -> judged": [],
        "judged -> order at a consumer": [],
        "judged -> kill": [],
        "exec -> kill": [],
        "kill -> outcome at a consumer": [],
    }
    for arrival in recorder.arrivals[topics.outcomes.name]:
        outcome = read_outcome(arrival.value)
        record = outcome.record
        if record.event_id not in seen:
            continue
        results[outcome.result] = results.get(outcome.result, 0) + 1
        if outcome.exec_to_kill_ns is None:
            continue
        exec_ns, judged_ns = record.event.boot_ns, record.judged_ns - offset
        hops["exec -> event at a consumer"].append(seen[record.event_id] - exec_ns)
        hops["exec -> judged"].append(judged_ns - exec_ns)
        hops["judged -> order at a consumer"].append(orders[record.id] - judged_ns)
        hops["judged -> kill"].append(exec_ns + outcome.exec_to_kill_ns - judged_ns)
        hops["exec -> kill"].append(outcome.exec_to_kill_ns)
        hops["kill -> outcome at a consumer"].append(arrival.at_ns - exec_ns - outcome.exec_to_kill_ns)
    return hops


def _seen(rig: Rig, arrivals: list[Arrival], program: str) -> dict[str, int]:
    """When the event of each start of `program` came, by its id; without those of the warm-up."""
    seen: dict[str, int] = {}
    for arrival in arrivals:
        if arrival.key != rig.workload_id.encode():
            continue
        batch = read_batch(arrival.value)
        for event in batch.events:
            if isinstance(event, ProcessEvent) and event.executable.path == program:
                seen[event_id(batch.source, event)] = arrival.at_ns
    return dict(list(seen.items())[WARM_UP:])


def _all(rounds: list[list[int]]) -> list[int]:
    return [value for one in rounds for value in one]


def _distributions(rounds: list[Hops]) -> dict[str, Distribution]:
    return {name: distribution(_all([one[name] for one in rounds])) for name in rounds[0]}


def _share(rounds: list[Hops], hop: str, relay: list[list[int]], half_a_tick_ms: float) -> Share:
    by_round = tuple(
        round(median_ms(way[hop]) - median_ms(bare) - half_a_tick_ms, 3)
        for way, bare in zip(rounds, relay, strict=True)
    )
    return Share(median_ms=statistics.median(by_round), by_round_ms=by_round)
