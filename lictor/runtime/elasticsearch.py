"""One Elasticsearch node on loopback, as the unprivileged user that it insists on.

Its data are under the state folder. The distribution is the one that Elastic publishes for integration
tests: the real server with fewer modules; `GET /` is missing in it. Other users of the machine reach loopback
too, so whoever asks must say who he is; the nodes' own port trusts one certificate only, this node's.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lictor.runtime import elasticsearch_credentials, elasticsearch_plugin, leash, ports
from lictor.runtime.child import Child
from lictor.runtime.elasticsearch_credentials import ADMIN, ROLES, Credentials
from lictor.runtime.errors import CannotCertifyError
from lictor.runtime.leashed import Command

if TYPE_CHECKING:
    from lictor.runtime.java import Jdk
    from lictor.runtime.state import LocalState

HEAP = "512m"
READY_TIMEOUT_S = 120.0
REQUEST_TIMEOUT_S = 5.0
STOP_GRACE_S = 15.0
CERTIFY_TIMEOUT_S = 60.0

SETTINGS = """\
cluster.name: lictor
node.name: local
path.data: {data}
path.logs: {logs}
network.host: 127.0.0.1
http.port: {port}
transport.port: {transport_port}
discovery.type: single-node
cluster.routing.allocation.disk.threshold_enabled: false
action.destructive_requires_name: true
xpack.security.enabled: {secured}
"""

# Users are in files that are written before each start: no password stands in an argv or waits to be set.
SECURED = """\
xpack.security.enrollment.enabled: false
xpack.security.authc.api_key.enabled: true
xpack.security.authc.reserved_realm.enabled: false
xpack.security.authc.realms.file.local.order: 0
xpack.security.authc.realms.native.unused.enabled: false
xpack.security.transport.ssl.enabled: true
xpack.security.transport.ssl.key: node.key
xpack.security.transport.ssl.certificate: node.pem
xpack.security.transport.ssl.certificate_authorities: node.pem
"""

ENCRYPTED = """\
xpack.security.http.ssl.enabled: true
xpack.security.http.ssl.key: http.key
xpack.security.http.ssl.certificate: http.pem
"""

# one log, on the console, which the guardian bounds
LOGGING = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %marker%m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
# it deletes by query, for which this distribution has no module, and would say so once a day in a stack trace
logger.keys.name = org.elasticsearch.xpack.security.authc.InactiveApiKeysRemover
logger.keys.level = off
"""

# Nobody asks for the roles that Elasticsearch brings, and writing them to its index costs a start.
NO_BUILT_IN_ROLES = "-Des.queryable_built_in_roles_enabled=false"
# The first compiler only, and a small heap: ready with half of the CPU time (7 s, not 13), 0.7 GB resident.
# Under long load both compilers and 1 GB need a third less a document (0.11 ms, not 0.15) and are 1.3 GB.
SERVER_JVM = f"-Xms{HEAP} -Xmx{HEAP} -XX:TieredStopAtLevel=1 -XX:-UsePerfData {NO_BUILT_IN_ROLES}"
LAUNCHER_JVM = "-Xms4m -Xmx48m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData"
SERVER_MODULE = b"org.elasticsearch.bootstrap.Elasticsearch"


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """PEM files of a server's certificate and key, and of the authority that signed it."""

    authority: Path
    certificate: Path
    key: Path


class Elasticsearch:
    """The node of one state folder; `distribution` is the unpacked distribution.

    `secured`: whether it asks for names and keys. A folder may be used either way, and what is in it stays.
    `certificate`: its clients then speak TLS to it.
    """

    def __init__(
        self,
        state: LocalState,
        distribution: Path,
        jdk: Jdk,
        *,
        secured: bool = True,
        certificate: Certificate | None = None,
    ) -> None:
        self.state = state
        self.secured = secured
        self.certificate = certificate
        self.distribution = distribution
        self.jdk = jdk
        self.home = state.home_of("elasticsearch")
        self.data = state.folder("elasticsearch", "data")
        self.logs = state.folder("elasticsearch", "logs", fresh=True)
        self.scratch = state.folder("elasticsearch", "tmp", fresh=True)
        self.config = self.home / "config"
        self.port, self.transport_port = ports.remembered(self.home / "ports", 2)

    @property
    def url(self) -> str:
        """Base URL for clients; the same across restarts of the node."""
        return f"{'http' if self.certificate is None else 'https'}://127.0.0.1:{self.port}"

    @property
    def admin(self) -> Credentials | None:
        """How the one who sets it up enters; None where it lets everybody in. Only after `prepare`."""
        return elasticsearch_credentials.read(self.state.root, ADMIN) if self.secured else None

    def prepare(self) -> None:
        """Write the configuration folder anew and only then give it away.

        The node adds its keystore to it. Raises ArtifactError, CannotCertifyError.
        """
        if self.config.exists():
            shutil.rmtree(self.config)
        shutil.copytree(self.distribution / "config", self.config)
        settings = SETTINGS.format(
            data=self.data,
            logs=self.logs,
            port=self.port,
            transport_port=self.transport_port,
            secured=str(self.secured).lower(),
        )
        if self.secured:
            settings += SECURED
            self._secure()
        if self.certificate is not None:
            settings += ENCRYPTED
            shutil.copyfile(self.certificate.certificate, self.config / "http.pem")
            shutil.copyfile(self.certificate.key, self.config / "http.key")
        (self.config / "elasticsearch.yml").write_text(settings, encoding="utf-8")
        (self.config / "log4j2.properties").write_text(LOGGING, encoding="utf-8")
        options = self.config / "jvm.options"
        kept = [line for line in options.read_text(encoding="utf-8").splitlines() if "gc.log" not in line]
        options.write_text("\n".join(kept) + "\n", encoding="utf-8")
        paths = [self.config, *self.config.rglob("*")]
        for path in paths:
            path.chmod(0o700 if path.is_dir() else 0o600)
            if self.state.account is not None:
                self.state.account.own(path)

    def _secure(self) -> None:
        """The users, the node's own certificate, and what the index of API keys needs."""
        elasticsearch_plugin.ensure(self.distribution, self.jdk)
        known = elasticsearch_credentials.make(self.state)
        users = "".join(f"{name}:{one.hash}\n" for name, one in known.items())
        roles = "".join(f"{role}:{name}\n" for name, role in ROLES.items())
        (self.config / "users").write_text(users, encoding="ascii")
        (self.config / "users_roles").write_text(roles, encoding="ascii")
        certify(self.config / "node.pem", self.config / "node.key")

    def child(self) -> Child:
        """The node, for a supervisor, after `prepare`."""
        return Child(
            name="elasticsearch",
            command=Command(
                argv=(str(self.distribution / "bin" / "elasticsearch"),),
                env={
                    "ES_JAVA_HOME": str(self.jdk.home),
                    "ES_JAVA_OPTS": SERVER_JVM,
                    "CLI_JAVA_OPTS": LAUNCHER_JVM,
                    "ES_PATH_CONF": str(self.config),
                    "ES_TMPDIR": str(self.scratch),
                    "LANG": "C.UTF-8",
                    "PATH": "/usr/bin:/bin",
                },
                cwd=self.scratch,
                account=self.state.account,
                log=self.state.logs / "elasticsearch.log",
                stop_grace=STOP_GRACE_S,
            ),
            probe=self.is_ready,
            ready_timeout=READY_TIMEOUT_S,
        )

    async def is_ready(self) -> bool:
        """Whether the cluster's health is answered and no index of it lacks a primary."""
        admin = self.admin
        named = "" if admin is None else f"Authorization: {admin.authorization}\r\n"
        request = f"GET /_cluster/health HTTP/1.0\r\nHost: 127.0.0.1\r\n{named}\r\n".encode("ascii")
        trusted = None
        if self.certificate is not None:
            trusted = ssl.create_default_context(cafile=self.certificate.authority)
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=trusted)
                try:
                    writer.write(request)
                    await writer.drain()
                    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
                finally:
                    writer.close()
        except (ConnectionRefusedError, ConnectionResetError, TimeoutError):
            return False
        if b" 200 " not in head.partition(b"\r\n")[0]:
            return False
        return json.loads(body)["status"] in ("green", "yellow")


def certify(certificate: Path, key: Path) -> None:
    """A new key and a certificate that it signed itself; raises CannotCertifyError."""
    command = (
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-subj", "/CN=lictor", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "3650"),
        *("-keyout", str(key), "-out", str(certificate)),
    )
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=CERTIFY_TIMEOUT_S, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise CannotCertifyError(f"no certificate can be made: {error}; apt-get install openssl") from error
    if done.returncode != 0:
        raise CannotCertifyError(f"openssl made no certificate: {done.stderr.strip()}")


def server_pid(launcher: int) -> int | None:
    """The server's own pid, a child of the launcher that the supervisor knows; None before it exists."""
    for pid, _ in leash.descendants(launcher):
        if SERVER_MODULE in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    return None
