"""`python -m tests.bench [SECTION ...] [--quick] [-o json]`: measure, print, and keep it in .bench/."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import time
from pathlib import Path

import msgspec

from lictor.runtime.errors import LocalRuntimeError
from lictor.runtime.interrupt import until_interrupted
from tests.bench import escapes, judge, latency, load, memory, sink, throughput
from tests.bench.rig import Rig

SECTIONS = ("judge", "latency", "escapes", "memory", "throughput", "sink")
FOLDER = Path(__file__).parents[2] / ".bench"
_REST_S = 3.0


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where it ran. `load` is the load average before: what else was going on."""

    system: str
    cpus: int
    cpu: str
    python: str
    load: float


class Report(msgspec.Struct, kw_only=True):
    """All that was measured; None for a section that did not run."""

    at: str
    quick: bool
    machine: Machine
    judge: judge.Judging | None = None
    latency: latency.Latency | None = None
    escapes: escapes.Escapes | None = None
    memory: memory.Memory | None = None
    throughput: throughput.Throughput | None = None
    sink: sink.SinkThroughput | None = None
    seconds: float = 0.0

    def text(self) -> str:
        sections = (self.judge, self.latency, self.escapes, self.memory, self.throughput, self.sink)
        there = [one for one in sections if one is not None]
        machine = self.machine
        head = (
            f"{self.at}  {machine.cpus} x {machine.cpu}\n"
            f"{machine.system}, Python {machine.python}, load average before: {machine.load:.2f}"
        )
        took = f"\nTook {self.seconds:.0f} s{' (--quick: few samples)' if self.quick else ''}."
        return "\n".join((head, *(one.text() for one in there), took, "The method: docs/benchmarks.md"))


def say(sentence: str) -> None:
    """Progress, beside the result."""
    print(f"bench: {sentence}", file=sys.stderr, flush=True)


async def run(sections: set[str], report: Report) -> None:
    """Fill in the report."""
    began = time.monotonic()
    on_the_stack = sections - {"judge", "throughput", "sink"}
    if on_the_stack and os.geteuid() != 0:
        raise SystemExit(
            "bench: latency, escapes and memory need root and eBPF; judge, throughput and sink do not"
        )
    if "judge" in sections:
        report.judge = await asyncio.to_thread(judge.measure, quick=report.quick, say=say)
    if on_the_stack:
        await _on_the_stack(on_the_stack, report)
    if "throughput" in sections:
        report.throughput = await throughput.measure(quick=report.quick, say=say)
    if "sink" in sections:
        report.sink = await sink.measure(quick=report.quick, say=say)
    report.seconds = round(time.monotonic() - began, 1)


async def _on_the_stack(sections: set[str], report: Report) -> None:
    quick = report.quick
    say("starting the servers and services")
    async with Rig() as rig:
        if "memory" in sections:
            await asyncio.sleep(_REST_S)
            at_rest = memory.footprints(rig)
        if "latency" in sections:
            seconds, rounds = (4.0, 1) if quick else (21.0, 3)
            report.latency = await latency.measure(rig, seconds=seconds, rounds=rounds, say=say)
        if "escapes" in sections:
            report.escapes = await escapes.measure(rig, each=10 if quick else 40, say=say)
        if "memory" in sections:
            if not sections & {"latency", "escapes"}:
                await _some_load(rig)
            report.memory = memory.Memory(at_rest=at_rest, after_load=memory.footprints(rig))


async def _some_load(rig: Rig) -> None:
    at_ns = load.schedule(latency.RATE, 10.0, seed=0)
    program = rig.program(Path("/bin/true"), "load")
    say(f"load: {len(at_ns)} denied programs")
    await asyncio.to_thread(load.run, rig.cgroup, [(program,)] * len(at_ns), at_ns, 1.0)


def main() -> int:
    """Run what was asked for; 0 unless something went wrong. Figures never fail it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("section", nargs="*", choices=[*SECTIONS, []], help="all of them where none is named")
    parser.add_argument("--quick", action="store_true", help="fewer samples: about a minute")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    asked = parser.parse_args()
    report = Report(
        at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), quick=asked.quick, machine=_machine()
    )
    try:
        signalled = asyncio.run(until_interrupted_by_signal(set(asked.section) or set(SECTIONS), report))
    except LocalRuntimeError as error:
        say(str(error))
        return 3
    if signalled:
        say("interrupted: nothing is kept")
        return 3
    encoded, text = msgspec.json.format(msgspec.json.encode(report)), report.text()
    FOLDER.mkdir(exist_ok=True)
    name = report.at.replace(":", "")
    (FOLDER / f"{name}.json").write_bytes(encoded + b"\n")
    (FOLDER / f"{name}.txt").write_text(text + "\n")
    print(encoded.decode() if asked.output == "json" else text)
    say(f"kept as .bench/{name}.json and .txt")
    return 0


async def until_interrupted_by_signal(sections: set[str], report: Report) -> bool:
    """Whether a signal ended it before it was done; everything is cleaned up either way."""
    return await until_interrupted(run(sections, report)) is not None


def _machine() -> Machine:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return Machine(
        system=f"{platform.system()} {platform.release()}",
        cpus=os.cpu_count() or 0,
        cpu=names[0] if names else platform.machine(),
        python=platform.python_version(),
        load=os.getloadavg()[0],
    )


if __name__ == "__main__":
    sys.exit(main())
