"""What each service tells Prometheus, asked of the registry of a process that has loaded the service."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

LOADS = {
    "sensor": "import sensors.service",
    "streams": "import streams.app",
    "enforcer": "import enforcer.service, workloads.resolver, workloads.identity_map",
    "sink": "import dashboards.service",
}
"""What `lictor.cli.services` loads for each service."""

_ASK = """
import json
from prometheus_client import REGISTRY
{loads}
print(json.dumps([
    (metric.name, metric.type, list(getattr(collector, "_labelnames", ())), metric.documentation)
    for collector in list(REGISTRY._collector_to_names)
    if hasattr(collector, "describe")
    for metric in collector.describe()
    if metric.name.startswith("lictor")
]))
"""


class Metric(NamedTuple):
    """One family, by the name that is exposed."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


@cache
def of(service: str) -> tuple[Metric, ...]:
    """The families of a service, by name."""
    asked = subprocess.run(
        (sys.executable, "-c", _ASK.format(loads=LOADS[service])),
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    found = [
        Metric(f"{name}_total" if kind == "counter" else name, kind, tuple(labels), meaning)
        for name, kind, labels, meaning in json.loads(asked.stdout)
    ]
    return tuple(sorted(found))


def rows(service: str) -> list[list[str]]:
    """A table of a service's metrics."""
    return [
        [f"`{one.name}`", one.kind, ", ".join(f"`{label}`" for label in one.labels), one.meaning]
        for one in of(service)
    ]
