"""The images, built step by step without an engine, and their services run as the compose file says.

It takes minutes and fetches packages, so it runs where LICTOR_IMAGES is set: to 1, or to a folder in which
images and their layers are kept for the next time.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.fixtures.compose_broker import compose_broker
from tests.fixtures.compose_elasticsearch import compose_elasticsearch
from tests.fixtures.compose_images import TOOLS, Engine, Images
from tests.fixtures.compose_model import ROOT, service
from tests.fixtures.tenants import Tenant
from wire.codec import read_outcome, read_verdict
from wire.records import VerdictRecord, program_of
from workloads.cgroup_paths import find_cgroup2

pytestmark = pytest.mark.timeout(1800)

BASE = "docker.io/library/debian:12.12-slim"
LICTOR, ENFORCER = "10001", "10002"
NO_CAPABILITY = "0" * 16
KILL_AND_PTRACE = f"{1 << 5 | 1 << 19:016x}"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    if not os.environ.get("LICTOR_IMAGES"):
        pytest.skip("builds images for minutes: set LICTOR_IMAGES=1 to have it run")
    if os.geteuid() != 0:
        pytest.skip("building and running containers without an engine needs root")
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        pytest.skip(f"{', '.join(missing)} not installed")
    made = Path(tempfile.mkdtemp(prefix="lictor-images-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def images(folder: Path) -> Iterator[Images]:
    kept = Path(os.environ["LICTOR_IMAGES"])
    images = Images(folder=kept if kept.is_absolute() else folder / "images")
    images.folder.mkdir(exist_ok=True)
    try:
        images.make_base(BASE)
        for target in ("lictor", "node"):
            images.build(target, service("streams" if target == "lictor" else "sensor").parts["image"])
        yield images
    finally:
        images.release()


@pytest.fixture(scope="module")
def engine(images: Images, folder: Path) -> Iterator[Engine]:
    (folder / "containers").mkdir()
    with compose_broker() as broker, compose_elasticsearch(broker.secrets) as node:
        yield Engine(images=images, broker=broker, elasticsearch=node, folder=folder / "containers")


@pytest.fixture(scope="module")
def ready(engine: Engine) -> Engine:
    """After the set-up steps, less Kibana's."""
    assert "created  lictor.events.v1" in engine.finish(service("topics"))
    assert "/var/lib/lictor/keys/sink" in engine.finish(service("indices"))
    return engine


def test_the_image_of_services_is_nobody_s_root_and_has_no_installer(images: Images) -> None:
    tag = service("streams").parts["image"]
    settings = images.settings(tag)
    assert settings["User"] == "10001:10001"
    assert settings["Entrypoint"] == ["/opt/lictor/bin/lictor"]
    assert settings["Labels"]["org.opencontainers.image.version"] == "0.1.0"
    root = images.mount(tag)
    assert not list((root / "opt/lictor").rglob("pip")), "pip is in it"
    assert not list((root / "build").glob("*")) if (root / "build").exists() else True
    assert not (root / "usr/lib/python3/dist-packages/bcc").exists()
    packages = {path.name.partition("-")[0] for path in (root / "opt/lictor").rglob("*.dist-info")}
    assert "lictor" in packages
    assert not packages & {"pytest", "mypy", "ruff", "hypothesis"}
    foreign = [path for path in (root / "opt/lictor").rglob("*") if path.lstat().st_uid != 0]
    assert foreign == [], "the services own a part of their program"


def test_the_load_profile_judges_the_recording_and_stores_it(ready: Engine) -> None:
    with ready.running(service("sink")) as sink, ready.running(service("streams")) as streams:
        status = streams.status()
        assert status["Uid"].split() == [LICTOR] * 4
        assert (status["CapPrm"], status["CapEff"], status["CapBnd"]) == (NO_CAPABILITY,) * 3
        assert status["NoNewPrivs"] == "1"
        ready.finish(service("load-policy"))
        assert "22 recorded events sent" in ready.finish(service("load"))
        verdicts = _verdicts(ready)
        status = sink.status()
        assert status["Uid"].split() == [LICTOR] * 4
        assert (status["CapPrm"], status["CapEff"], status["CapBnd"]) == (NO_CAPABILITY,) * 3
        _await_stored(ready, {record.id for record in verdicts})
    assert [one.process.returncode for one in (sink, streams)] == [0, 0]
    assert [(record.event.executable.path, record.verdict.decision) for record in verdicts] == [
        ("/usr/bin/bash", "block"),
        ("/usr/bin/id", "block"),
        ("/usr/bin/bash", "block"),
        ("/usr/bin/id", "block"),
    ]


@pytest.fixture
def tenant(ready: Engine, folder: Path) -> Iterator[Tenant]:
    """A workload of this machine that the node's services know, and that may not run one program."""
    mount = find_cgroup2()
    tenant = Tenant(
        namespace="denied",
        cgroup=mount / f"lictor-images-{uuid.uuid4().hex[:8]}",
        programs=folder / "programs",
    )
    tenant.cgroup.mkdir()
    try:
        workloads = folder / "workloads.yaml"
        workloads.write_text(yaml.safe_dump({"workloads": [tenant.identity(mount)]}), encoding="utf-8")
        ready.outside["LICTOR_WORKLOADS"] = str(workloads)
        yield tenant
    finally:
        ready.outside.clear()
        tenant.remove()


def test_the_node_s_services_have_what_they_need_and_no_more(
    ready: Engine, tenant: Tenant, folder: Path
) -> None:
    program = tenant.program("denied")
    (folder / "policy.yaml").write_bytes(bytes(tenant.deny(program).document))
    _command(ready, "policy", "apply", str(folder / "policy.yaml"))
    with (
        ready.running(service("streams")),
        ready.running(service("sensor")) as sensor,
        ready.running(service("signaller")) as signaller,
    ):
        # Its programs are loaded and it has dropped all that it was given.
        status = sensor.status()
        assert status["Uid"].split() == [LICTOR] * 4
        assert (status["CapPrm"], status["CapEff"], status["CapBnd"]) == (NO_CAPABILITY,) * 3
        status = signaller.status()
        assert status["Uid"].split() == [ENFORCER] * 4
        assert (status["CapPrm"], status["CapEff"]) == (KILL_AND_PTRACE, KILL_AND_PTRACE)
        assert status["CapBnd"] == NO_CAPABILITY
        with ready.running(service("enforcer")) as enforcer:
            status = enforcer.status()
            assert status["Uid"].split() == [ENFORCER] * 4
            assert (status["CapPrm"], status["CapEff"], status["CapBnd"]) == (NO_CAPABILITY,) * 3
            with tenant.start([program, "60"]) as denied:
                denied.communicate(timeout=60)
            assert denied.returncode == -signal.SIGKILL
            printed = _command(ready, "outcomes", "--from-beginning", "--limit", "1", "-o", "json")
    outcome = read_outcome(printed.encode())
    assert outcome.result == "terminated"
    done_by = program_of(outcome.record.event)
    assert done_by is not None
    assert done_by.path == program
    assert [one.process.returncode for one in (sensor, signaller, enforcer)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("name", "without"),
    [
        (name, capability)
        for name in ("sensor", "signaller")
        for capability in sorted(service(name).capabilities)
    ],
)
def test_what_starts_as_root_cannot_do_without_any_capability_that_it_is_given(
    ready: Engine, name: str, without: str
) -> None:
    lacking = service(name)
    lacking.parts["cap_add"] = sorted(lacking.capabilities - {without})
    running = ready.start(lacking)
    try:
        assert running.process.wait(60) != 0, running.said
        assert "runc run failed" not in running.said, "it was not even started"
    finally:
        running.stop()


def _verdicts(engine: Engine) -> list[VerdictRecord]:
    printed = _command(engine, "verdicts", "--from-beginning", "--no-follow", "-o", "json")
    records = [read_verdict(line.encode()) for line in printed.splitlines()]
    assert all(record.source.recorded for record in records)
    return sorted(records, key=lambda record: record.event.time_ns)


def _await_stored(engine: Engine, ids: set[str]) -> None:
    """Until a document of each id is found, asked as the health check of Elasticsearch asks."""
    where = engine.elasticsearch
    entry = [
        "curl",
        "-s",
        "--config",
        str(where.secrets / "elastic.curl"),
        "--cacert",
        str(where.secrets / "ca.crt"),
    ]
    search = f"{where.url}/logs-lictor.verdicts-default/_search?size=100&_source=false"
    deadline = time.monotonic() + 60
    found: set[str] = set()
    while not ids <= found:
        assert time.monotonic() < deadline, f"stored: {sorted(found)}, wanted: {sorted(ids)}"
        done = subprocess.run([*entry, search], capture_output=True, text=True, timeout=60, check=True)
        found = {hit["_id"] for hit in json.loads(done.stdout)["hits"]["hits"]}
        time.sleep(0.5)


def _command(engine: Engine, *words: str) -> str:
    """The command of this machine, as the operator."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("LICTOR_")}
    given = engine.broker.environment(service("load-policy"))
    done = subprocess.run(
        [sys.executable, "-m", "lictor", *words],
        cwd=ROOT,
        env=inherited | given | {"LICTOR_CONFIG": os.devnull},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
