"""Resident memory of each service and server, at rest and after the load."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.bench import chart
from tests.bench.rig import Rig

SERVERS = ("kafka", "elasticsearch")


class Footprint(msgspec.Struct, frozen=True, kw_only=True):
    """A process and all below it, in MiB. `pss` counts what is shared with others by its share."""

    rss_mib: float
    pss_mib: float


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """By service."""

    at_rest: dict[str, Footprint]
    after_load: dict[str, Footprint]

    def text(self) -> str:
        ours = sorted(name for name in self.at_rest if name not in SERVERS)
        rows = [self._row(name, [name]) for name in ours]
        rows.append(self._row("all services", ours))
        rows += [self._row(name, [name]) for name in SERVERS if name in self.at_rest]
        head = ("MiB", "at rest: RSS", "PSS", "after the load: RSS", "PSS")
        return "\n".join((chart.title("Resident memory"), chart.table(head, rows)))

    def _row(self, title: str, names: list[str]) -> tuple[str, ...]:
        figures = [title]
        for when in (self.at_rest, self.after_load):
            figures.append(f"{sum(when[name].rss_mib for name in names):.0f}")
            figures.append(f"{sum(when[name].pss_mib for name in names):.0f}")
        return tuple(figures)


def footprints(rig: Rig) -> dict[str, Footprint]:
    """Of every child of the stack, now."""
    children = _children()
    return {name: _footprint(pid, children) for name, pid in rig.stack.supervisor.pids().items()}


def _footprint(pid: int, children: dict[int, list[int]]) -> Footprint:
    rss = pss = 0
    todo = [pid]
    while todo:
        one = todo.pop()
        todo += children.get(one, ())
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            name, *rest = line.split()
            if name == "Rss:":
                rss += int(rest[0])
            elif name == "Pss:":
                pss += int(rest[0])
    return Footprint(rss_mib=round(rss / 1024, 1), pss_mib=round(pss / 1024, 1))


def _children() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    return children
