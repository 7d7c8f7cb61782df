"""`lictor sensor`, `streams`, `enforcer` and `sink`: each service alone, against any Kafka.

Each command imports its own service, so that `lictor policy get` starts fast and works where bcc or
Faust is not installed.
"""
# ruff: noqa: PLC0415

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import structlog
import typer

from lictor import logs
from lictor.cli.context import fail, given
from lictor.exit_codes import USAGE
from lictor.health import HOST, HealthServer
from lictor.runtime.account import find
from lictor.settings import Settings, SettingsError
from wire.privileges import drop_privileges

log = structlog.get_logger(__name__)

MetricsPort = Annotated[
    int | None, typer.Option(help="Port on loopback for /metrics, /healthz, /readyz; 0 picks one.")
]


def streams(context: typer.Context, metrics_port: MetricsPort = None) -> None:
    """Run a stream worker: judge events, publish verdicts and orders."""
    from streams.service import StreamsConfig, run_streams

    settings = _begin(context, metrics_port)
    _drop(settings.run_as)
    ready = threading.Event()
    with tempfile.TemporaryDirectory(prefix="lictor-streams-") as folder, _health(settings, ready.is_set):
        config = StreamsConfig(
            kafka=settings.kafka(f"lictor-streams-{settings.worker}"),
            topics=settings.topics(),
            worker=f"{settings.node}-{settings.worker}",
            node=settings.node,
            instance=settings.worker,
            data_dir=Path(folder),
        )
        code = run_streams(config, ready.set)
    raise typer.Exit(code)


def sink(context: typer.Context, metrics_port: MetricsPort = None) -> None:
    """Run the sink: verdicts, outcomes and health to Elasticsearch, events where `store_events` says so."""
    from dashboards.service import SinkConfig, run_sink

    settings = _begin(context, metrics_port)
    _drop(settings.run_as)
    config = SinkConfig(
        kafka=settings.kafka("lictor-sink"),
        elastic=settings.elastic(),
        topics=settings.topics(),
        group=f"{settings.topic_prefix}-sink",
        store_events=settings.store_events,
        node=settings.node,
    )
    ready = threading.Event()
    with _health(settings, ready.is_set):
        run_sink(config, _stop_on_signal(), ready)


def sensor(
    context: typer.Context,
    metrics_port: MetricsPort = None,
    identity_map: Annotated[Path | None, typer.Option(help="YAML map of cgroups to workloads.")] = None,
) -> None:
    """Run this node's sensor: what processes do, to Kafka. Starts as root, then drops privileges."""
    from sensors.service import SensorConfig, run_sensor

    settings = _begin(context, metrics_port, identity_map=identity_map)
    if os.geteuid() != 0:
        fail("the sensor loads eBPF programs: start it as root; it drops to an unprivileged user", USAGE)
    config = SensorConfig(
        kafka=settings.kafka(f"lictor-sensor-{settings.node}"),
        topics=settings.topics(),
        node=settings.node,
        node_labels=settings.node_labels,
        tick_ms=settings.tick_ms,
        ring_bytes=settings.ring_kib * 1024,
        args=settings.args,
        node_key=_node_key(settings),
        run_as=settings.run_as,
        identity_map=settings.identity_map,
    )
    ready = threading.Event()
    # The health server's thread must not exist yet when privileges are dropped: they are a thread's.
    with _health_later(settings, ready.is_set) as start:

        def started() -> None:
            ready.set()
            start()

        run_sensor(config, _stop_on_signal(), started)


def enforcer(
    context: typer.Context,
    metrics_port: MetricsPort = None,
    identity_map: Annotated[Path | None, typer.Option(help="YAML map of cgroups to workloads.")] = None,
) -> None:
    """Run this node's enforcer. It signals through `lictor signaller`, which must run beside it."""
    from enforcer.service import EnforcerConfig, run_enforcer
    from workloads.cgroup_paths import CgroupPaths, find_cgroup2
    from workloads.identity_map import IdentityMap, NoIdentities, Watched
    from workloads.resolver import Resolver

    settings = _begin(context, metrics_port, identity_map=identity_map)
    key = _node_key(settings)
    _drop(settings.enforcer_user)
    provider = (
        NoIdentities() if settings.identity_map is None else Watched(IdentityMap(settings.identity_map))
    )
    config = EnforcerConfig(
        kafka=settings.kafka(f"lictor-enforcer-{settings.node}"),
        topics=settings.topics(),
        node=settings.node,
        key=key,
        signaller_socket=settings.signaller_socket,
        workloads=Resolver(settings.node, settings.node_labels, CgroupPaths(find_cgroup2()), provider),
    )
    ready = threading.Event()
    with _health(settings, ready.is_set):
        run_enforcer(config, _stop_on_signal(), ready.set)


def signaller(context: typer.Context) -> None:
    """Run this node's signaller: all that may signal. Starts as root, keeps two capabilities."""
    settings = given(context).settings()
    if os.geteuid() != 0:
        fail("the signaller keeps CAP_KILL and CAP_SYS_PTRACE: start it as root; it drops the rest", USAGE)
    # Its own interpreter, without this command's libraries: it can be read, and held small.
    arguments = signaller_arguments(settings)
    os.execv(sys.executable, (sys.executable, "-m", *arguments))  # noqa: S606


def signaller_arguments(settings: Settings) -> tuple[str, ...]:
    """The module that is the signaller, and its arguments.

    Raises:
        SettingsError: there is no user to serve.
    """
    account = find(settings.enforcer_user)
    if account is None:
        raise SettingsError(
            f"enforcer_user: there is no user {settings.enforcer_user}; `make setup` makes it"
        )
    return (
        "enforcer.signaller",
        *("--socket", str(settings.signaller_socket)),
        *("--enforcer-uid", str(account.uid)),
        *("--user", settings.enforcer_user),
        *("--kills-per-minute", str(settings.kills_per_minute)),
        *(word for path in settings.protected for word in ("--protect", path)),
        *(("--own-pids-file", str(settings.own_pids_file)) if settings.own_pids_file else ()),
    )


def _begin(context: typer.Context, metrics_port: int | None, **more: object) -> Settings:
    settings = given(context).settings(metrics_port=metrics_port, **more)
    logs.configure(settings.log_level, settings.log_format)
    return settings


def _drop(user: str) -> None:
    """A service that needs no privileges gives them up where it was started with them."""
    if os.geteuid() == 0:
        drop_privileges(user)


def _node_key(settings: Settings) -> bytes | None:
    try:
        return settings.node_key()
    except SettingsError as error:
        fail(str(error), USAGE)


@contextmanager
def _health(settings: Settings, ready: Callable[[], bool]) -> Iterator[None]:
    with _health_later(settings, ready) as start:
        start()
        yield


@contextmanager
def _health_later(settings: Settings, ready: Callable[[], bool]) -> Iterator[Callable[[], None]]:
    """Where a port is set: a health server that answers once what is given here has been called."""
    if settings.metrics_port is None:
        yield lambda: None
        return
    server = HealthServer(settings.metrics_port, ready)
    log.info("health", address=f"http://{HOST}:{server.port}/metrics")
    try:
        yield server.start
    finally:
        server.stop()


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
