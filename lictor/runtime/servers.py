"""The broker and Elasticsearch of one state folder, found, prepared and started together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lictor.runtime import artifacts, java
from lictor.runtime.elasticsearch import Elasticsearch
from lictor.runtime.kafka import Broker
from lictor.runtime.state import default_cache

if TYPE_CHECKING:
    from pathlib import Path

    from lictor.runtime.child import Child
    from lictor.runtime.state import LocalState
    from lictor.runtime.supervisor import Supervisor


@dataclass(frozen=True, kw_only=True, slots=True)
class Servers:
    """What is run here; None for a server that somebody else runs."""

    broker: Broker | None
    elasticsearch: Elasticsearch | None

    @property
    def bootstrap(self) -> str | None:
        """The broker's `host:port`."""
        return None if self.broker is None else self.broker.bootstrap

    @property
    def kafka_secured(self) -> bool:
        """Whether a broker runs here that asks for names."""
        return self.broker is not None and self.broker.secured

    @property
    def elasticsearch_secured(self) -> bool:
        """Whether an Elasticsearch runs here that asks for names."""
        return self.elasticsearch is not None and self.elasticsearch.secured

    @property
    def url(self) -> str | None:
        """Elasticsearch's base URL."""
        return None if self.elasticsearch is None else self.elasticsearch.url

    async def prepare(self) -> list[Child]:
        """Settings and, the first time, the data folders; the children for a supervisor."""
        children: list[Child] = []
        if self.broker is not None:
            await self.broker.prepare()
            children.append(self.broker.child())
        if self.elasticsearch is not None:
            await asyncio.to_thread(self.elasticsearch.prepare)
            children.append(self.elasticsearch.child())
        return children

    async def start(self, supervisor: Supervisor, state: LocalState) -> None:
        """Prepare, start both beside each other, and publish where they are once both are ready."""
        await supervisor.start_all(await self.prepare())
        state.publish(
            bootstrap=self.bootstrap,
            elasticsearch=self.url,
            pids=supervisor.pids(),
            kafka_secured=self.kafka_secured,
            elasticsearch_secured=self.elasticsearch_secured,
        )


def find_servers(
    state: LocalState,
    *,
    kafka: bool = True,
    elasticsearch: bool = True,
    cache: Path | None = None,
    secured: bool = True,
) -> Servers:
    """The servers to run on this state folder, from the cache that setup filled.

    `secured`: whether they ask for names and passwords, and keep to what each name may do.

    Raises NoJdkError and ArtifactError, whose messages say what to do.
    """
    kafka_jdk = java.find(java.KAFKA) if kafka else None
    elasticsearch_jdk = java.find(java.ELASTICSEARCH) if elasticsearch else None
    found = artifacts.locate(cache or default_cache())
    return Servers(
        broker=None if kafka_jdk is None else Broker(state, found.kafka, kafka_jdk, secured=secured),
        elasticsearch=(
            None
            if elasticsearch_jdk is None
            else Elasticsearch(state, found.elasticsearch, elasticsearch_jdk, secured=secured)
        ),
    )
