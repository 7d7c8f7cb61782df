"""One Kafka broker that is its own controller (KRaft), on loopback, with its data under the state folder.

Other users of the machine reach loopback too. So both listeners ask for a password, the broker's and the
controller's, and nobody may do more than the access table says (`wire.access`).
"""

from __future__ import annotations

import asyncio
import base64
import logging
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from lictor.runtime import kafka_credentials, ports
from lictor.runtime.child import Child
from lictor.runtime.errors import CannotFormatError
from lictor.runtime.kafka_credentials import BROKER
from lictor.runtime.leashed import Command, log_tail, rotate, run
from lictor.runtime.state import write_atomically
from wire.access import ADMIN
from wire.kafka import ClientConfig
from wire.security import PLAIN_TEXT, Security

if TYPE_CHECKING:
    from lictor.runtime.java import Jdk
    from lictor.runtime.state import LocalState

HEAP = "256m"
FORMAT_TIMEOUT_S = 60.0
READY_TIMEOUT_S = 60.0
METADATA_TIMEOUT_S = 2.0
STOP_GRACE_S = 10.0
NODE_ID = 1
SILENT = logging.getLogger("lictor.runtime.kafka.probe")
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False

# Start fast (C1 alone, one GC thread, no perf data file), stay small, and let the class archive fall away
# silently when it does not fit this JDK.
JVM_FLAGS = (
    f"-Xmx{HEAP}",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Xshare:auto",
    "-Xlog:disable",
    "-Xlog:all=error:stderr",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
)

SETTINGS = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={node}@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=CLIENT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=CLIENT://127.0.0.1:{port}
listener.security.protocol.map=CLIENT:{protocol},CONTROLLER:{protocol}
inter.broker.listener.name=CLIENT
log.dirs={data}

# topics are made by `lictor topics create`, never by accident
auto.create.topics.enable=false

# one node: nothing to replicate to, few partitions to open at start
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1

# quick to start and to rejoin
group.initial.rebalance.delay.ms=0
log.initial.task.delay.ms=1000
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
num.recovery.threads.per.data.dir=2

# small
num.network.threads=2
num.io.threads=4
background.threads=2
log.cleaner.dedupe.buffer.size=16777216
"""

# PLAIN, because the users are then known when the broker starts and no password is ever in an argv, where
# `kafka-storage --add-scram` would have to have them. On loopback there is nobody on the way to listen.
SECURED = f"""\

# everybody says who they are
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.mechanism.controller.protocol=PLAIN
listener.name.client.plain.sasl.jaas.config={{client_jaas}}
listener.name.controller.plain.sasl.jaas.config={{controller_jaas}}

# and may do what the access table says
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{BROKER};User:{ADMIN}
allow.everyone.if.no.acl.found=false
"""


class Broker:
    """The broker of one state folder; `jars` is the folder of Kafka's jars.

    `secured`: whether it asks for names and keeps to the access table. A folder may be used either way, and
    what is in it stays.
    """

    def __init__(self, state: LocalState, jars: Path, jdk: Jdk, *, secured: bool = True) -> None:
        self.state = state
        self.secured = secured
        self.jars = jars
        self.jdk = jdk
        self.home = state.home_of("kafka")
        self.data = state.folder("kafka", "data")
        self.scratch = state.folder("kafka", "tmp", fresh=True)
        self.port, self.controller_port = ports.remembered(self.home / "ports", 2)

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients; the same across restarts of the broker."""
        return f"127.0.0.1:{self.port}"

    @property
    def security(self) -> Security:
        """How the one who makes topics enters. Only after `prepare`."""
        return kafka_credentials.read(self.state.root, ADMIN) if self.secured else PLAIN_TEXT

    @property
    def class_archive(self) -> Path:
        """Where setup leaves the class archive for this JDK, with the classes of a secured broker."""
        return self.jars / f"secured-{self.jdk.full_version}.jsa"

    def java(self, *arguments: str, log: Path, archive_to: Path | None = None) -> Command:
        """Run one of Kafka's programs as the unprivileged user."""
        archive: tuple[str, ...] = ()
        if archive_to is not None:
            archive = (f"-XX:ArchiveClassesAtExit={archive_to}",)
        elif self.class_archive.is_file():
            archive = (f"-XX:SharedArchiveFile={self.class_archive}",)
        classpath = ":".join(str(jar) for jar in sorted(self.jars.glob("*.jar")))
        scratch = f"-Djava.io.tmpdir={self.scratch}"
        return Command(
            argv=(str(self.jdk.java), *archive, *JVM_FLAGS, scratch, "-cp", classpath, *arguments),
            env={"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"},
            cwd=self.scratch,
            account=self.state.account,
            log=log,
            stop_grace=STOP_GRACE_S,
        )

    def settings(self) -> str:
        """The content of server.properties, with a new password for the broker itself."""
        content = SETTINGS.format(
            node=NODE_ID,
            port=self.port,
            controller_port=self.controller_port,
            data=self.data,
            protocol="SASL_PLAINTEXT" if self.secured else "PLAINTEXT",
        )
        if not self.secured:
            return content
        own = kafka_credentials.broker_password()
        users = kafka_credentials.make(self.state) | {BROKER: own}
        return content + SECURED.format(
            client_jaas=kafka_credentials.jaas(BROKER, own, users),
            controller_jaas=kafka_credentials.jaas(BROKER, own, {BROKER: own}),
        )

    async def prepare(self) -> None:
        """Write the settings; format the data folder the first time. Raises CannotFormatError."""
        settings = self.home / "server.properties"
        # Everybody's password is in it: the broker alone may read it, and not its group either.
        write_atomically(settings, self.settings(), 0o400)
        if self.state.account is not None:
            self.state.account.own(settings)
        if (self.data / "meta.properties").exists():
            return
        # One id in 64 begins with a hyphen, hence the equals sign below.
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        log = self.state.logs / "kafka-format.log"
        rotate(log)
        tool = ("kafka.tools.StorageTool", "format", "--config", str(settings), f"--cluster-id={cluster}")
        done = await run(self.java(*tool, log=log), FORMAT_TIMEOUT_S, self.state.guardians)
        if done.code != 0:
            msg = f"Kafka's data folder {self.data} could not be formatted:\n{log_tail(log)}"
            raise CannotFormatError(msg)

    def child(self, *, archive_to: Path | None = None) -> Child:
        """The broker, for a supervisor, after `prepare`."""
        settings = str(self.home / "server.properties")
        log = self.state.logs / "kafka.log"
        return Child(
            name="kafka",
            command=self.java("kafka.Kafka", settings, log=log, archive_to=archive_to),
            probe=self.is_ready,
            ready_timeout=READY_TIMEOUT_S,
        )

    async def is_ready(self) -> bool:
        """Whether the broker is registered and every partition has a leader: a produce is acknowledged."""
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except ConnectionRefusedError:
            return False
        writer.close()
        return await asyncio.to_thread(serves, self.bootstrap, self.security)


def serves(bootstrap: str, security: Security) -> bool:
    """Ask for metadata once, blocking, at most METADATA_TIMEOUT_S."""
    config: ClientConfig = {"bootstrap.servers": bootstrap, "socket.timeout.ms": 2000}
    admin = AdminClient(config | security.client(), logger=SILENT)
    try:
        metadata = admin.list_topics(timeout=METADATA_TIMEOUT_S)
    except KafkaException:
        return False
    leaders = (
        partition.leader for topic in metadata.topics.values() for partition in topic.partitions.values()
    )
    return bool(metadata.brokers) and all(leader >= 0 for leader in leaders)
