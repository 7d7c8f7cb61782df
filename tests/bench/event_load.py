"""Batches as busy sensors send them: several workloads, paths by Zipf, one event in a hundred denied."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator

import msgspec

from policy.changes import Change, NamespaceChanged, PolicyApplied
from policy.events import Executable, Namespaces, Process, ProcessEvent
from policy.workload import Workload
from sensors.batches import Batch, BatchAssembler
from wire.records import Source

BATCH = 64
WORKLOADS = 24
PATHS = 400
DENIED_SHARE = 0.01
NAMESPACE = "bench"
_NODE = "node-1"
_KEY = bytes(32)
_SOURCE = Source(node=_NODE, boot_id="8f4a2c1e-5d0b-4e7a-9c33-1a2b3c4d5e6f", incarnation="00112233445566aa")


def policies() -> list[Change]:
    """An allow-list with a source in it, as `lictor learn` would write one; what is in no rule is denied."""
    document = {
        "apiVersion": "security.kubearmor.com/v1",
        "kind": "KubeArmorPolicy",
        "metadata": {"name": "allow-known", "namespace": NAMESPACE},
        "spec": {
            "selector": {"matchLabels": {"tier": "load"}},
            "action": "Allow",
            "severity": 1,
            "process": {
                "matchDirectories": [
                    {"dir": "/usr/bin/", "recursive": True},
                    {"dir": "/opt/service/", "recursive": True},
                ],
                "matchPaths": [
                    {"path": "/usr/sbin/apache2"},
                    {"path": "/usr/bin/tool-0001", "fromSource": [{"path": "/usr/bin/dash"}]},
                ],
            },
        },
    }
    return [
        PolicyApplied(document=msgspec.Raw(msgspec.json.encode(document)), by="bench"),
        NamespaceChanged(
            namespace=NAMESPACE,
            annotations={"kubearmor-file-posture": "block"},
            enforcement="terminate",
            by="bench",
        ),
    ]


def batches(count: int) -> Iterator[Batch]:
    """`count` records of `BATCH` events each, sealed and encoded by the sensor's own code."""
    chance = random.Random(0)  # noqa: S311  reproducible, not secret
    assembler = BatchAssembler(_SOURCE, _KEY, max_events=BATCH)
    workloads = [_workload(number) for number in range(WORKLOADS)]
    weights = [1 / rank for rank in range(1, PATHS + 1)]
    sequence = 0
    for number in range(count):
        workload = workloads[number % WORKLOADS]
        made: tuple[Batch, ...] = ()
        for rank in chance.choices(range(PATHS), weights, k=BATCH):
            denied = chance.random() < DENIED_SHARE
            path = f"/tmp/.cache/{rank:x}" if denied else f"/usr/bin/tool-{rank:04}"
            made += assembler.add(workload, _event(sequence, path, chance))
            sequence += 1
        yield from made


def _workload(number: int) -> Workload:
    container = f"{number:064x}"
    return Workload(
        id=f"{_NODE}/{container}",
        node=_NODE,
        kind="container",
        complete=True,
        cgroup=f"/kubepods/burstable/pod-{number}/{container}",
        container_id=container,
        namespace=NAMESPACE,
        pod=f"web-{number}-7d4b9c6f5-x{number:04}",
        container="web",
        image="registry.example/shop/web:1.4.2",
        labels={"tier": "load", "app": f"web-{number}", "pod-template-hash": "7d4b9c6f5"},
    )


def _event(sequence: int, path: str, chance: random.Random) -> ProcessEvent:
    boot_ns = 98_765_432_100 + sequence * 250_000
    pid = 1000 + sequence % 30_000
    shell, server = _program("/usr/bin/dash", 1002), _program("/usr/sbin/apache2", 1003)
    shim, init = (
        _program("/usr/bin/containerd-shim-runc-v2", 1004),
        _program("/usr/lib/systemd/systemd", 1005),
    )
    return ProcessEvent(
        cpu=sequence % 2,
        sequence=sequence,
        time_ns=1_795_000_000_123_456_789 + boot_ns,
        boot_ns=boot_ns,
        pid=pid,
        start_ns=boot_ns - 400_000,
        namespace_pid=pid % 500,
        executable=_program(path, 10_000 + zlib.crc32(path.encode()) % 5000),
        source=shell,
        ancestors=(
            Process(pid=pid - 1, start_ns=boot_ns - 9_000_000, executable=shell),
            Process(pid=300, start_ns=9_000_000_000, executable=server),
            Process(pid=290, start_ns=8_900_000_000, executable=server),
            Process(pid=270, start_ns=8_700_000_000, executable=shim),
            Process(pid=1, start_ns=246_000_000, executable=init),
        ),
        args=(path, "--input", f"/var/lib/app/{chance.randrange(10**6)}.json", "-v"),
        cwd="/var/www/html",
        uid=33,
        gid=33,
        cgroup_id=7777,
        namespaces=Namespaces(
            mnt=4026532001,
            pid=4026532002,
            net=4026532003,
            user=4026531837,
            uts=4026532004,
            ipc=4026532005,
            cgroup=4026532006,
        ),
    )


def _program(path: str, inode: int) -> Executable:
    return Executable(path=path, device=64769, inode=inode, filesystem=0xEF53)
