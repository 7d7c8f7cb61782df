"""How each service runs as a child: its command, its user, and how to see that it is ready."""

import asyncio
import os
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from lictor.health import HOST
from lictor.pipeline.reach import launch
from lictor.runtime import kafka_credentials, ports
from lictor.runtime.account import Account
from lictor.runtime.child import Child
from lictor.runtime.leashed import Command
from lictor.runtime.state import LocalState
from lictor.settings import Settings
from wire import access

SINK = "sink"
ELASTICSEARCH = "elasticsearch"

_SETTING_UP = ("LICTOR_ELASTICSEARCH_USER", "LICTOR_ELASTICSEARCH_PASSWORD")

_READY_S = 90.0
_STOP_S = 20.0
"""A stream worker takes up to 15 s where its brokers are silent; killed, it would lose nothing either."""
_PROBE_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the services find the servers, and whose processes they judge."""

    state: LocalState
    settings: Settings
    bootstrap: str
    elasticsearch: str
    identity_map: Path | None
    node_key: Path | None
    enforcer: Account | None = None
    """Whom the enforcer runs as; None as oneself."""
    own_kafka: bool = False
    """Whether the broker is this state folder's, with a credential for each service."""
    sink_key: Path | None = None
    """File with the sink's API key, where Elasticsearch is this state folder's."""
    servers: frozenset[str] = frozenset()
    """The servers that run here as children. Services start after those they use and stop before them."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """A child, and the port on loopback where it answers for its health; None where it has none."""

    child: Child
    port: int | None = None


def judge(place: Place) -> Service:
    """The stream worker, unprivileged."""
    return _service(place, "streams", account=place.state.account)


def sensor(place: Place) -> Service:
    """The sensor: root until its programs are loaded, then it drops by itself."""
    return _service(place, "sensor", account=None)


def signaller(place: Place) -> Service:
    """What holds the right to signal: root until it has kept CAP_KILL and CAP_SYS_PTRACE only."""
    socket = signaller_socket(place.state)

    async def listens() -> bool:
        return _listens(socket)

    return Service(child=_child(place, "signaller", {}, probe=listens, account=None))


def enforcer(place: Place) -> Service:
    """The enforcer, under a user of its own; it needs the signaller's socket."""
    return _service(place, "enforcer", account=place.enforcer, after=("signaller",))


def sink(place: Place) -> Service:
    """The Elasticsearch sink, unprivileged."""
    return _service(place, SINK, account=place.state.account, uses=("kafka", ELASTICSEARCH))


def signaller_socket(state: LocalState) -> Path:
    """Where enforcer and signaller of this state meet."""
    return state.sockets / "signaller.sock"


def own_pids_file(state: LocalState) -> Path:
    """Where the stack says which processes are its own, for the signaller to leave alone."""
    return state.root / "own-pids"


def _service(
    place: Place,
    name: str,
    *,
    account: Account | None,
    after: tuple[str, ...] = (),
    uses: tuple[str, ...] = ("kafka",),
) -> Service:
    (port,) = ports.choose()

    async def is_ready() -> bool:
        return await asyncio.to_thread(_answers, f"http://{HOST}:{port}/readyz")

    child = _child(
        place,
        name,
        {"LICTOR_METRICS_PORT": str(port)},
        probe=is_ready,
        account=account,
        after=after,
        uses=uses,
    )
    return Service(child=child, port=port)


def _child(
    place: Place,
    name: str,
    extra: dict[str, str],
    *,
    probe: Callable[[], Awaitable[bool]],
    account: Account | None,
    after: tuple[str, ...] = (),
    uses: tuple[str, ...] = (),
) -> Child:
    mount_point = place.state.root / "program"
    how = launch(("lictor", name), become=account, reader=place.state.account, mount_point=mount_point)
    needed = (*after, *(server for server in uses if server in place.servers))
    return Child(
        name=name,
        command=Command(
            argv=how.argv,
            env=_environment(place, name) | extra,
            cwd=how.cwd,
            account=how.account,
            log=place.state.logs / f"{name}.log",
            stop_grace=_STOP_S,
        ),
        probe=probe,
        ready_timeout=_READY_S,
        after=needed,
    )


def _environment(place: Place, name: str) -> dict[str, str]:
    """The settings as a child reads them. Nothing of ours goes by argv, where anybody could see it."""
    found = _settings_of(place)
    if place.own_kafka or name not in access.PRINCIPALS:
        found = {key: value for key, value in found.items() if not key.startswith("LICTOR_KAFKA_")}
    if place.sink_key is not None or name != SINK:
        found = {key: value for key, value in found.items() if not key.startswith("LICTOR_ELASTICSEARCH_")}
    elif any(key.startswith("LICTOR_ELASTICSEARCH_API_KEY") for key in found):
        # Who may set up may more than a sink needs.
        found = {key: value for key, value in found.items() if not key.startswith(_SETTING_UP)}
    if place.sink_key is not None and name == SINK:
        found["LICTOR_ELASTICSEARCH_API_KEY_FILE"] = str(place.sink_key)
    if place.own_kafka and name in access.PRINCIPALS:
        security = kafka_credentials.read(place.state.root, name)
        found |= {
            "LICTOR_KAFKA_PROTOCOL": security.protocol,
            "LICTOR_KAFKA_MECHANISM": security.mechanism,
            "LICTOR_KAFKA_USER": security.user or "",
            "LICTOR_KAFKA_PASSWORD": security.password or "",
        }
    return found


def _settings_of(place: Place) -> dict[str, str]:
    settings = place.settings
    chosen = {
        "LICTOR_BOOTSTRAP": place.bootstrap,
        "LICTOR_ELASTICSEARCH": place.elasticsearch,
        "LICTOR_NODE": settings.node,
        "LICTOR_STATE": str(place.state.root),
        "LICTOR_SIGNALLER_SOCKET": str(signaller_socket(place.state)),
        "LICTOR_OWN_PIDS_FILE": str(own_pids_file(place.state)),
        "LICTOR_LOG_FORMAT": "text",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": os.environ.get("PATH", os.defpath),
    }
    if place.identity_map is not None:
        chosen["LICTOR_IDENTITY_MAP"] = str(place.identity_map)
    if place.node_key is not None:
        chosen["LICTOR_NODE_KEY_FILE"] = str(place.node_key)
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("LICTOR_") or name in {"LANG", "TZ", "HOME"}
    }
    return inherited | settings.environment() | chosen


def _listens(socket: Path, sockets: Path = Path("/proc/net/unix")) -> bool:
    """Whether a process listens there: a killed one leaves its file behind.

    proc(5): flags, the fourth field, have __SO_ACCEPTCON (1 << 16) set; the path is the last one. Connecting
    would tell as well, and look to the signaller like an intruder.
    """
    name = os.fsencode(socket)
    for line in sockets.read_bytes().splitlines()[1:]:
        fields = line.split(maxsplit=7)
        if fields[7:] == [name] and int(fields[3], 16) & 1 << 16:
            return True
    return False


def _answers(url: str) -> bool:
    try:
        read(url)
    except OSError:
        return False
    return True


def read(url: str) -> bytes:
    """What a service of ours answers.

    Raises:
        OSError: it does not, or not with 200.
    """
    with urllib.request.urlopen(url, timeout=_PROBE_S) as answer:  # noqa: S310  # loopback, our own
        return bytes(answer.read())
