"""Which programs are faster than `terminate`: by lifetime, how many ran to their end."""

from __future__ import annotations

import asyncio
import random
import shutil
import statistics
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec

from policy.events import ExitEvent, ProcessEvent
from tests.bench import chart, load
from tests.bench.recorder import Recorder
from tests.bench.rig import Rig
from wire.codec import read_batch, read_outcome

LIFETIMES_US = (30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
RATE = 25.0
SOURCE = Path(__file__).with_name("lives.c")
_ARRIVE_S = 10.0
_LINGER_S = 4.0


class Escape(msgspec.Struct, frozen=True, kw_only=True):
    """The programs of one lifetime. `escaped` ran to their end; `terminated` were killed, by wait status."""

    lifetime_us: int
    lived_us: float | None
    """Median from exec to exit in the kernel, of those that ran to their end."""
    started: int
    escaped: int
    terminated: int
    outcomes: dict[str, int]


class Escapes(msgspec.Struct, frozen=True, kw_only=True):
    """What the section measured."""

    rate_per_s: float
    programs: str
    """What stood for the programs."""
    by_lifetime: tuple[Escape, ...]

    def text(self) -> str:
        rows = [
            (
                f"{_duration(one.lifetime_us)}",
                "-" if one.lived_us is None else _duration(one.lived_us),
                f"{one.escaped / one.started:.0%}",
                f"{one.terminated / one.started:.0%}",
                ", ".join(f"{name} {count}" for name, count in sorted(one.outcomes.items())),
            )
            for one in self.by_lifetime
        ]
        return "\n".join(
            (
                chart.title("Escapes under terminate: programs that were faster"),
                f"{self.by_lifetime[0].started} of each, {self.rate_per_s:g} starts/s; {self.programs}",
                "",
                chart.table(("lifetime", "lived", "ran to its end", "terminated", "outcomes"), rows),
            )
        )


async def measure(rig: Rig, *, each: int, say: Callable[[str], None]) -> Escapes:
    """Start `each` of every lifetime in a random order."""
    programs, what = await asyncio.to_thread(_programs, rig)
    order = [lifetime for lifetime in LIFETIMES_US for _ in range(each)]
    random.Random(0).shuffle(order)  # noqa: S311  reproducible, not secret
    at_ns = load.schedule(RATE, len(order) / RATE, seed=1)
    say(f"escapes, {len(order)} programs")
    await rig.enforce("terminate")
    topics = rig.stack.topics
    with Recorder(rig.stack.kafka, [topics.events.name, topics.outcomes.name]) as recorder:
        argv = [programs[lifetime] for lifetime in order]
        ran = await asyncio.to_thread(load.run, rig.cgroup, argv, at_ns, _LINGER_S)
        recorder.wait_for(topics.outcomes.name, len(order), _ARRIVE_S)
    await rig.enforce("off")
    lived = _lived(rig, recorder)
    results: dict[str, dict[str, int]] = {}
    for arrival in recorder.arrivals[topics.outcomes.name]:
        outcome = read_outcome(arrival.value)
        if outcome.record.workload.id == rig.workload_id:
            of_program = results.setdefault(outcome.record.event.executable.path, {})
            of_program[outcome.result] = of_program.get(outcome.result, 0) + 1
    return Escapes(
        rate_per_s=RATE,
        programs=what,
        by_lifetime=tuple(
            _escape(lifetime, [one for one in ran if one.argv == argv], lived, results.get(argv[0], {}))
            for lifetime, argv in programs.items()
        ),
    )


def _escape(lifetime_us: int, ran: list[load.Ran], lived: dict[int, int], outcomes: dict[str, int]) -> Escape:
    escaped = [one for one in ran if one.to_its_end]
    killed = sum(one.killed for one in ran)
    if len(escaped) + killed != len(ran):
        others = sorted({str(one.status) for one in ran if not (one.to_its_end or one.killed)})
        raise RuntimeError(
            f"programs of {lifetime_us} us ended in other ways: wait status {', '.join(others)}"
        )
    durations = [lived[one.pid] for one in escaped if one.pid in lived]
    return Escape(
        lifetime_us=lifetime_us,
        lived_us=round(statistics.median(durations) / 1e3, 1) if durations else None,
        started=len(ran),
        escaped=len(escaped),
        terminated=killed,
        outcomes=outcomes,
    )


def _lived(rig: Rig, recorder: Recorder) -> dict[int, int]:
    """ns from exec to exit by pid, which none of so few processes shares with another."""
    began: dict[int, int] = {}
    lived: dict[int, int] = {}
    for arrival in recorder.arrivals[rig.stack.topics.events.name]:
        if arrival.key != rig.workload_id.encode():
            continue
        for event in read_batch(arrival.value).events:
            if isinstance(event, ProcessEvent):
                began[event.pid] = event.boot_ns
            elif isinstance(event, ExitEvent) and event.pid in began:
                lived[event.pid] = event.boot_ns - began[event.pid]
    return lived


def _programs(rig: Rig) -> tuple[dict[int, tuple[str, ...]], str]:
    compiler = shutil.which("cc")
    if compiler is None:
        return {
            lifetime: (rig.program(Path("/bin/sleep"), f"sleep-{lifetime}us"), f"{lifetime / 1e6:.6f}")
            for lifetime in LIFETIMES_US
        }, "copies of sleep(1), which takes a while to start: there is no C compiler here"
    made: dict[int, tuple[str, ...]] = {}
    for lifetime in LIFETIMES_US:
        target = rig.denied / f"lives-{lifetime}us"
        flags = ("-O2", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector")
        command = [compiler, *flags, f"-DLIFETIME_NS={lifetime * 1000}L", "-o", str(target), str(SOURCE)]
        subprocess.run(command, check=True, timeout=60)
        made[lifetime] = (str(target),)
    return made, "static programs without a C library"


def _duration(us: float) -> str:
    if us >= 1e6:
        return f"{us / 1e6:g} s"
    return f"{us / 1e3:.3g} ms" if us >= 1e3 else f"{us:.3g} us"
