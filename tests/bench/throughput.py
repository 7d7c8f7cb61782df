"""Judged events a second on one core, beside bare consume and decode of the same records."""

from __future__ import annotations

import asyncio
import os
import statistics
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from lictor import settings as settings_module
from lictor.runtime.servers import find_servers
from lictor.runtime.state import LocalState
from lictor.runtime.supervisor import Supervisor
from tests.bench import chart, event_load
from tests.bench.one_core import OneCore, Rate
from tests.bench.rig import private_state

AIM = 0.5


class Throughput(msgspec.Struct, frozen=True, kw_only=True):
    """By round, and the medians' ratio. `cores_apart`: the broker had another core than what is measured."""

    events: int
    batch: int
    denied_share: float
    record_bytes: int
    cores_apart: bool
    bare: tuple[Rate, ...]
    judged: tuple[Rate, ...]
    verdicts: int
    orders: int
    ratio: float
    cpu_ratio: float

    def text(self) -> str:
        rows = [
            (f"round {n + 1}", *(f"{rate:,.0f}" for rate in rates))
            for n, rates in enumerate(
                zip(
                    (one.events_per_s for one in self.bare),
                    (one.events_per_s for one in self.judged),
                    (one.events_per_cpu_s for one in self.bare),
                    (one.events_per_cpu_s for one in self.judged),
                    strict=True,
                )
            )
        ]
        what = (
            f"{self.events:,} events in batches of {self.batch} ({self.record_bytes:,} bytes a record), "
            f"{self.denied_share:.0%} denied;\n"
            f"{self.verdicts:,} verdicts and {self.orders:,} orders delivered, all offsets committed\n"
        )
        ratios = (
            f"\njudged / bare, medians: {self.ratio:.2f} (aim: at least {AIM:g}); "
            f"by CPU seconds {self.cpu_ratio:.2f}"
        )
        if not self.cores_apart:
            ratios += "\none CPU only: the broker shares it with what is measured"
        head = ("events/s", "bare", "judged", "bare by CPU", "judged by CPU")
        return "\n".join(
            (chart.title("Judged events a second on one core"), what, chart.table(head, rows), ratios)
        )


async def measure(*, quick: bool, say: Callable[[str], None]) -> Throughput:
    """Rounds of one bare and one judged run, each over fresh topics with the same records."""
    rounds, distinct, copies = (1, 500, 10) if quick else (3, 1000, 16)
    core, *others = sorted(os.sched_getaffinity(0))
    say(f"throughput, encoding {distinct * event_load.BATCH:,} events")
    with confined_to(set(others or [core])), private_state():
        records = await asyncio.to_thread(lambda: list(event_load.batches(distinct)))
        settings = settings_module.load(None, {})
        with LocalState.at() as state:
            async with Supervisor(hold=state.guardians) as supervisor:
                servers = find_servers(state, kafka=True, elasticsearch=False, secured=False)
                await servers.start(supervisor, state)
                bench = OneCore(
                    core,
                    state=state,
                    settings=settings,
                    supervisor=supervisor,
                    bootstrap=servers.bootstrap or "",
                    records=records,
                    copies=copies,
                )
                done = []
                for number in range(rounds):
                    say(f"throughput, round {number + 1} of {rounds}")
                    done.append(await bench.round(number))
    bare, judged = tuple(one[0] for one in done), tuple(one[1] for one in done)
    return Throughput(
        events=distinct * copies * event_load.BATCH,
        batch=event_load.BATCH,
        denied_share=event_load.DENIED_SHARE,
        record_bytes=round(statistics.mean(len(one.value) for one in records)),
        cores_apart=bool(others),
        bare=bare,
        judged=judged,
        verdicts=done[-1][2],
        orders=done[-1][3],
        ratio=round(_median(judged, "events_per_s") / _median(bare, "events_per_s"), 3),
        cpu_ratio=round(_median(judged, "events_per_cpu_s") / _median(bare, "events_per_cpu_s"), 3),
    )


@contextmanager
def confined_to(cpus: set[int]) -> Iterator[None]:
    """Keep this process, the broker among its children, off the core that something is measured on."""
    before = os.sched_getaffinity(0)
    _confine(cpus)
    try:
        yield
    finally:
        _confine(before)


def _confine(cpus: set[int]) -> None:
    """Every thread that there is; later ones and children inherit it."""
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it ended in between
            os.sched_setaffinity(int(thread.name), cpus)


def _median(rates: Iterable[Rate], name: str) -> float:
    return float(statistics.median(getattr(one, name) for one in rates))
