"""Rules and events to measure the judge by: the same mix at every size, paths and workloads by Zipf."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec

from policy.changes import NamespaceChanged, PolicyApplied
from policy.events import AnyEvent, Executable, FileEvent, Process, ProcessEvent
from policy.policy_set import PolicySet
from policy.workload import Workload
from wire.records import EventBatch, Source

BATCH = 64
WORKLOADS = 24
PATHS = 400
RULES_A_DOCUMENT = 100
_GROUP = 10
"""Rules that are made together: a mix of kinds, for one application."""
_APPLICATIONS = 1000
_NAMESPACE = "bench"
_SOURCE = Source(
    node="node-1", boot_id="8f4a2c1e-5d0b-4e7a-9c33-1a2b3c4d5e6f", incarnation="00112233445566aa"
)
_SHELL, _SERVER = "/usr/bin/dash", "/usr/sbin/apache2"

Spec = dict[str, Any]


def rule_set(rules: int) -> PolicySet:
    """A set of so many rules, a multiple of ten, all of which select every workload of the load."""
    current = PolicySet.empty()
    for offset, document in enumerate(documents(rules)):
        current = current.apply(PolicyApplied(document=document), offset)
    annotations: dict[str, str | None] = {"kubearmor-file-posture": "audit"}
    return current.apply(NamespaceChanged(namespace=_NAMESPACE, annotations=annotations), rules)


def documents(rules: int, each: int = RULES_A_DOCUMENT) -> Iterator[msgspec.Raw]:
    """Documents of `each` rules, as the policy log holds them; the last may be shorter."""
    for number, first in enumerate(range(0, rules, each)):
        spec = _spec(range(first // _GROUP, min(first + each, rules) // _GROUP))
        yield document(f"policy-{number:05}", spec)


def document(name: str, spec: Spec) -> msgspec.Raw:
    """A policy that selects every workload of the load."""
    policy = {
        "kind": "KubeArmorPolicy",
        "metadata": {"name": name, "namespace": _NAMESPACE},
        "spec": {"selector": {"matchLabels": {"tier": "load"}}, "action": "Allow", "severity": 3} | spec,
    }
    return msgspec.Raw(msgspec.json.encode(policy))


def _spec(groups: range) -> Spec:
    """Ten rules each: four on paths, three on directories, two on patterns, one on a protocol or capability.

    Group 0 has what most containers share, so that the same events are allowed at every size.
    """
    process: Spec = {"matchPaths": [], "matchDirectories": [], "matchPatterns": []}
    file: Spec = {"matchPaths": [], "matchDirectories": [], "matchPatterns": []}
    network, capabilities = [], []
    for group in groups:
        home = f"/opt/app-{group:04}" if group else "/usr"
        run = f"{home}/bin/run"
        process["matchPaths"] += [
            {"path": run},
            {"path": f"{home}/bin/worker", "fromSource": [{"path": run}, {"path": _SHELL}]},
            {"path": f"{home}/local/bin/debug", "action": "Block"},
        ]
        process["matchDirectories"].append({"dir": f"{home}/bin/", "recursive": True})
        process["matchPatterns"].append({"pattern": f"{home}/plugins/*/hook-?"})
        file["matchPaths"].append({"path": f"{home}/etc/config.yaml", "readOnly": True})
        file["matchDirectories"] += [
            {"dir": f"{home}/data/", "recursive": True},
            {"dir": f"{home}/keys/", "ownerOnly": True, "fromSource": [{"path": run}]},
        ]
        file["matchPatterns"].append({"pattern": f"{home}/cache/**/*.tmp"})
        if group % 2:
            source = {"fromSource": [{"path": run}]}
            capabilities.append({"capability": "net_bind_service"} | source)
        else:
            network.append({"protocol": "tcp", "fromSource": [{"path": run}]})
    spec: Spec = {"process": process, "file": file}
    if network:
        spec["network"] = {"matchProtocols": network}
    if capabilities:
        spec["capabilities"] = {"matchCapabilities": capabilities}
    return spec


def batches(kind: str, count: int) -> list[bytes]:
    """Encoded batches of `process` or `file` events that repeat, as a busy node sends them."""
    chance = random.Random(0)  # noqa: S311  reproducible, not secret
    known = [_path(kind, chance) for _ in range(PATHS)]
    chosen = chance.choices(range(WORKLOADS), _zipf(WORKLOADS), k=count)
    weights = _zipf(PATHS)
    return [
        _encode(
            workload(str(owner)),
            [_event(kind, path, chance) for path in chance.choices(known, weights, k=BATCH)],
        )
        for owner in chosen
    ]


def distinct(kind: str, count: int, name: str) -> list[bytes]:
    """Batches without any repetition, for workloads that were never seen: no answer is remembered."""
    chance = random.Random(name)  # noqa: S311
    return [
        _encode(
            workload(f"{name}-{number // 30}"),
            [_event(kind, f"{_path(kind, chance)}{number:x}-{one:x}", chance) for one in range(BATCH)],
        )
        for number in range(count)
    ]


def workload(name: str) -> Workload:
    """A container of the load."""
    return Workload(
        id=f"node-1/{name}",
        node="node-1",
        kind="container",
        complete=True,
        namespace=_NAMESPACE,
        pod=f"web-{name}",
        container="web",
        labels={"tier": "load", "app": "web"},
    )


def _zipf(count: int) -> list[float]:
    return [1 / rank for rank in range(1, count + 1)]


def _path(kind: str, chance: random.Random) -> str:
    home = f"/opt/app-{chance.randrange(_APPLICATIONS):04}"
    leaf = f"{chance.randrange(16**6):06x}"
    if kind == "process":
        places = ("/usr/bin", f"{home}/bin", f"{home}/plugins/x", "/usr/bin/vendor", "/tmp/.cache")
    else:
        places = ("/usr/data/a/b", f"{home}/data", f"{home}/keys", f"{home}/cache/y/z", "/var/lib/other")
    return f"{chance.choices(places, (6, 2, 1, 1, 1))[0]}/{leaf}"


def _encode(owner: Workload, events: list[AnyEvent]) -> bytes:
    return msgspec.json.encode(EventBatch(source=_SOURCE, workload=owner, events=tuple(events)))


def _event(kind: str, path: str, chance: random.Random) -> AnyEvent:
    sequence = chance.randrange(10**9)
    program = _program(_SERVER if chance.random() < 0.1 else _SHELL)
    stated: dict[str, Any] = {
        "cpu": sequence % 2,
        "sequence": sequence,
        "time_ns": 1_795_000_000_123_456_789 + sequence,
        "boot_ns": 98_765_432_100 + sequence,
        "pid": 1000 + sequence % 30_000,
        "start_ns": 98_765_000_000 + sequence,
        "ancestors": (Process(pid=300, start_ns=9_000_000_000, executable=_program(_SERVER)),),
        "uid": 33,
        "gid": 33,
        "cgroup_id": 7777,
    }
    if kind == "file":
        access = chance.choice(("read", "read", "write"))
        return FileEvent(**stated, actor=program, access=access, path=path, owner_uid=33, mode=0o100644)
    args = (path, "--input", f"/var/lib/app/{sequence:x}.json")
    return ProcessEvent(**stated, source=program, executable=_program(path), args=args, cwd="/var/www")


def _program(path: str) -> Executable:
    return Executable(path=path, device=64769, inode=4711, filesystem=0xEF53)
