"""Bare `async_bulk`: `python -m tests.bench.bare_bulk URL STREAM FILE TASKS`.

FILE has a JSON line `[id, document]` for each document. They are decoded before the clock starts; then
each of TASKS tasks gives its share to the client's own helper, as its documentation shows it. Prints one
JSON line: `documents`, `seconds` and `cpu_seconds`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elasticsearch import AsyncElasticsearch
from elasticsearch.helpers import async_bulk

_CHUNK = 1000


async def run(url: str, stream: str, lines: list[Any], tasks: int) -> int:
    client = AsyncElasticsearch(url, request_timeout=60)

    def share(number: int) -> Iterator[dict[str, Any]]:
        for identifier, document in lines[number::tasks]:
            yield {"_op_type": "create", "_index": stream, "_id": identifier, "_source": document}

    try:
        done = await asyncio.gather(
            *(async_bulk(client, share(number), chunk_size=_CHUNK) for number in range(tasks))
        )
    finally:
        await client.close()
    return sum(stored for stored, _ in done)


def main(url: str, stream: str, path: str, tasks: str) -> None:
    with Path(path).open() as file:
        lines = [json.loads(line) for line in file]
    gc.collect()
    gc.freeze()
    began, cpu_began = time.perf_counter(), time.process_time()
    stored = asyncio.run(run(url, stream, lines, int(tasks)))
    ended, cpu_ended = time.perf_counter(), time.process_time()
    print(json.dumps({"documents": stored, "seconds": ended - began, "cpu_seconds": cpu_ended - cpu_began}))


main(*sys.argv[1:])
