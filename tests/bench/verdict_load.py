"""Verdicts for the sink: as the judge makes them, with ids that no other run has."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from dashboards import documents
from tests.fixtures.verdict_records import AUDITED_BY_RULE, BLOCKED_BY_POSTURE, verdict_record
from wire.codec import encode, read_verdict

_PLACEHOLDER = "00c0ffee00c0ffee"
_CONTAINERS = 24
_PROGRAMS = 400


class VerdictLoad:
    """Encoded once; a run's records differ from another's in the sensor's incarnation, and so in every id."""

    def __init__(self, number: int) -> None:
        self._records = [
            (f"node-1/{n % _CONTAINERS:064x}", encode(self._record(n)).decode()) for n in range(number)
        ]

    def __len__(self) -> int:
        return len(self._records)

    @staticmethod
    def _record(number: int) -> object:
        container = f"{number % _CONTAINERS:064x}"
        return verdict_record(
            number,
            verdict=AUDITED_BY_RULE if number % 10 == 0 else BLOCKED_BY_POSTURE,
            incarnation=_PLACEHOLDER,
            event_changes={
                "pid": 2000 + number % 30_000,
                "args": ("/bin/bash", "-c", f"id; uname -a; echo {number}"),
                "cwd": f"/var/www/html/{number % _PROGRAMS}",
            },
            workload_changes={
                "id": f"node-1/{container}",
                "container_id": container,
                "cgroup": f"/docker/{container}",
                "pod": f"dvwa-web-5d8f7c9b6-{number % _CONTAINERS}",
            },
        )

    def records(self) -> list[tuple[str, bytes]]:
        """Keys and values of a run."""
        incarnation = secrets.token_hex(8)
        return [(key, value.replace(_PLACEHOLDER, incarnation).encode()) for key, value in self._records]


def stored(records: list[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """The `_id` and the document of each, as the sink makes them."""
    for _, value in records:
        record = read_verdict(value)
        yield documents.verdict_document_id(record), documents.encode(documents.verdict_document(record))
