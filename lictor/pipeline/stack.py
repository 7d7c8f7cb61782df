"""Bring the whole pipeline up on this machine, in the order that its parts need, and down again."""

import asyncio
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

from dashboards.elastic import Elastic
from enforcer.protected import write_own_pids
from lictor.health import HOST
from lictor.pipeline import services
from lictor.pipeline.provisioned import elastic_of, key_file_of, provisioned
from lictor.pipeline.services import ELASTICSEARCH, Place
from lictor.runtime.account import unprivileged
from lictor.runtime.child import Change
from lictor.runtime.elasticsearch import Elasticsearch
from lictor.runtime.elasticsearch_credentials import netrc_of
from lictor.runtime.kafka import Broker
from lictor.runtime.servers import Servers, find_servers
from lictor.runtime.state import LocalState, write_atomically
from lictor.runtime.supervisor import Supervisor
from lictor.settings import Settings
from wire import access_admin, topic_admin
from wire.kafka import Kafka
from wire.policy_log import POLICY_OFFSET
from wire.seal import KEY_BYTES
from wire.topics import Topics


class Stack:
    """The pipeline as an asynchronous context. Entering it returns once every part is ready.

    Servers that the settings name are used as they are; the others are run here. Without
    `enforcement` neither sensor nor enforcer runs, and what is judged is what somebody else sends.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        live: bool,
        identity_map: Path | None = None,
        identities: str | None = None,
        on_change: Callable[[Change], None] | None = None,
    ) -> None:
        """`live`: watch and enforce on this machine, which needs root and eBPF.

        `identity_map` must be readable by the services' users; `identities` is the text of one that is
        kept in the state folder, where it is.
        """
        self._settings = settings
        self._live = live
        self._identity_map = identity_map or settings.identity_map
        self._identities = identities
        self._state = LocalState.at()
        self._enforcer = unprivileged(settings.enforcer_user) if live else None
        self.supervisor = Supervisor(self._changed, hold=self._state.guardians)
        self._on_change = on_change
        self._ports: dict[str, int] = {}
        self._servers: Servers | None = None
        """Once all is up."""
        self._broker: Broker | None = None
        self._node: Elasticsearch | None = None
        self.bootstrap = ""
        self.elasticsearch = ""

    @property
    def elastic(self) -> Elastic:
        """Where Elasticsearch is and who one is there: as admin where it is run here."""
        if self._node is not None:
            return elastic_of(self._node)
        return self._settings.elastic()

    @property
    def netrc(self) -> Path | None:
        """The file for `curl --netrc-file` of who may read; None where Elasticsearch is not run here."""
        return None if self._node is None else netrc_of(self._state.root)

    @property
    def kafka(self) -> Kafka:
        """Where the broker is, for a client of this process: as admin where it is run here."""
        security = self._settings.kafka_security() if self._broker is None else self._broker.security
        return Kafka(bootstrap=self.bootstrap, client_id="lictor-up", security=security)

    @property
    def topics(self) -> Topics:
        """The topics that the services use."""
        return self._settings.topics()

    @property
    def state(self) -> LocalState:
        """The state folder that is held while the stack is up."""
        return self._state

    async def __aenter__(self) -> Self:
        """Start everything.

        Raises:
            LocalRuntimeError, TopicError: with a sentence that says what to do.
        """
        self._state.__enter__()
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop everything, services before servers."""
        await self._stop()

    async def wait_until_known(self, offset: int, timeout_s: float) -> None:
        """Wait until every service that judges has the policy set of `offset` or a later one.

        Raises:
            TimeoutError: not within `timeout_s`.
        """
        judging = [name for name in ("streams", "enforcer") if name in self._ports]
        async with asyncio.timeout(timeout_s):
            for name in judging:
                while await asyncio.to_thread(self._policy_offset, name) < offset:
                    await asyncio.sleep(0.05)

    def _policy_offset(self, name: str) -> float:
        metrics = services.read(f"http://{HOST}:{self._ports[name]}/metrics").decode()
        return next(
            sample.value
            for family in text_string_to_metric_families(metrics)
            for sample in family.samples
            if sample.name == POLICY_OFFSET
        )

    async def _start(self) -> None:
        settings = self._settings
        servers = find_servers(
            self._state, kafka=settings.bootstrap is None, elasticsearch=settings.elasticsearch is None
        )
        children = {child.name: child for child in await servers.prepare()}
        self._broker, self._node = servers.broker, servers.elasticsearch
        if self._node is not None:
            children[ELASTICSEARCH] = provisioned(self._node, children[ELASTICSEARCH])
        self.bootstrap = settings.bootstrap or servers.bootstrap or ""
        self.elasticsearch = settings.elasticsearch or servers.url or ""
        if self._identities is not None:
            self._identity_map = self._state.root / "workloads.yaml"
            write_atomically(self._identity_map, self._identities)
        place = Place(
            state=self._state,
            settings=settings,
            bootstrap=self.bootstrap,
            elasticsearch=self.elasticsearch,
            identity_map=self._identity_map,
            node_key=self._node_key() if self._live else None,
            enforcer=self._enforcer,
            servers=frozenset(children),
            own_kafka=servers.kafka_secured,
            sink_key=None if self._node is None else key_file_of(self._node),
        )
        # The broker is up long before Elasticsearch is, and only the sink needs the latter.
        broker = children.pop("kafka", None)
        if broker is not None:
            await self.supervisor.start(broker)
        topic_admin.create(self.kafka, self.topics, settings.replication)
        if servers.kafka_secured:
            access_admin.create(self.kafka, self.topics, store_events=settings.store_events)
        ours = [services.judge(place), services.sink(place)]
        if self._live:
            ours += [services.sensor(place), services.signaller(place), services.enforcer(place)]
        self._ports = {one.child.name: one.port for one in ours if one.port is not None}
        await self.supervisor.start_all([*children.values(), *(one.child for one in ours)])
        self._servers = servers
        self._publish(servers)

    def _publish(self, servers: Servers) -> None:
        """Tell other commands what is live."""
        self._state.publish(
            bootstrap=self.bootstrap,
            elasticsearch=self.elasticsearch,
            pids=self.supervisor.pids(),
            kafka_secured=servers.kafka_secured,
            elasticsearch_secured=servers.elasticsearch_secured,
        )

    def _changed(self, change: Change) -> None:
        if self._servers is not None:
            self._publish(self._servers)
        if self._live:
            write_own_pids(
                services.own_pids_file(self._state), (os.getpid(), *self.supervisor.pids().values())
            )
        if self._on_change is not None:
            self._on_change(change)

    async def _stop(self) -> None:
        try:
            await self.supervisor.stop_all()
        finally:
            self._state.__exit__(None, None, None)

    def _node_key(self) -> Path:
        """The key that sensor and enforcer share: made once, readable by root and the enforcer alone."""
        path = self._state.keys / "node.key"
        if not path.exists():
            fresh = path.with_suffix(".new")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
            fresh.replace(path)
        path.chmod(0o400)
        if self._enforcer is not None:
            # The folder is closed to all but root; the enforcer must reach this one file in it.
            self._enforcer.own(path)
            self._state.keys.chmod(0o710)
            os.chown(self._state.keys, 0, self._enforcer.gid)
        return path
