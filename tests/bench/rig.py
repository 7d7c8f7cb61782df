"""The real pipeline with a load of its own: a state folder, a cgroup, programs, a policy."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from lictor import settings as settings_module
from lictor.pipeline.stack import Stack
from lictor.settings import Settings
from policy.changes import Change, Enforcement, NamespaceChanged, PolicyApplied
from tests.fixtures.cgroups import path_of
from wire.policy_log import append_change
from workloads.cgroup_paths import find_cgroup2

NAMESPACE = "bench"
KILLS_PER_MINUTE = 1_000_000
_OURS = ("LICTOR_CACHE", "LICTOR_JAVA_HOME")
_KNOWN_S = 10.0
_EMPTY_S = 5.0


@contextmanager
def private_state(**environment: str) -> Iterator[Path]:
    """A folder that the unprivileged user can enter, with the state in it and no other setting in force."""
    folder = Path(tempfile.mkdtemp(prefix="lictor-bench-"))
    folder.chmod(0o755)
    before = dict(os.environ)
    try:
        for name in [name for name in os.environ if name.startswith("LICTOR_") and name not in _OURS]:
            del os.environ[name]
        os.environ |= {"LICTOR_STATE": str(folder / "state"), **environment}
        yield folder
    finally:
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder)


@contextmanager
def cgroup_for_load() -> Iterator[Path]:
    """A cgroup2 directory. Whatever still runs in it when the context ends is killed."""
    outer = find_cgroup2() / f"lictor-bench-{os.getpid()}"
    outer.mkdir()
    inner = outer / "load"
    try:
        inner.mkdir()
        try:
            yield inner
        finally:
            _empty(inner)
            inner.rmdir()
    finally:
        outer.rmdir()


def _empty(cgroup: Path) -> None:
    """After an interruption the load may still run."""
    (cgroup / "cgroup.kill").write_text("1")
    deadline = time.monotonic() + _EMPTY_S
    while "populated 1" in (cgroup / "cgroup.events").read_text() and time.monotonic() < deadline:
        time.sleep(0.01)


class Rig:
    """An asynchronous context: everything is up, and the load's namespace has a policy and posture block.

    Programs in `denied` are misses of its allow-list. Enforcement is `off` until `enforce`.
    """

    def __init__(self) -> None:
        self._contexts = AsyncExitStack()
        self.settings: Settings
        self.stack: Stack
        self.cgroup: Path
        self.denied: Path
        self.workload_id = ""

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._contexts.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._contexts.aclose()

    async def enforce(self, enforcement: Enforcement) -> None:
        """Set how denials are carried out, and wait until every service knows."""
        await self._put_in_force(NamespaceChanged(namespace=NAMESPACE, enforcement=enforcement, by="bench"))

    def program(self, source: Path, name: str) -> str:
        """A copy of a program, under a name that the policy denies; its path."""
        target = self.denied / name
        shutil.copyfile(source.resolve(), target)
        target.chmod(0o755)
        return str(target)

    async def _open(self) -> None:
        contexts: ExitStack = self._contexts.enter_context(ExitStack())
        folder = contexts.enter_context(private_state(LICTOR_KILLS_PER_MINUTE=str(KILLS_PER_MINUTE)))
        self.cgroup = contexts.enter_context(cgroup_for_load())
        self.denied = folder / "denied"
        self.denied.mkdir()
        self.settings = settings_module.load(None, {})
        cgroup = path_of(self.cgroup)
        container = f"load-{os.getpid()}"
        self.workload_id = f"{self.settings.node}/{container}"
        identities = folder / "workloads.yaml"
        entry = {"cgroup": cgroup, "container_id": container, "namespace": NAMESPACE, "pod": "load-0"}
        # JSON is YAML.
        identities.write_text(json.dumps({"workloads": [{**entry, "labels": {"app": "load"}}]}))
        identities.chmod(0o644)
        self.stack = await self._contexts.enter_async_context(
            Stack(self.settings, live=True, identity_map=identities)
        )
        document = {
            "apiVersion": "security.kubearmor.com/v1",
            "kind": "KubeArmorPolicy",
            "metadata": {"name": "load", "namespace": NAMESPACE},
            "spec": {
                "selector": {"matchLabels": {"app": "load"}},
                "process": {"matchDirectories": [{"dir": f"{folder}/allowed/", "recursive": True}]},
                "action": "Allow",
            },
        }
        await self._put_in_force(
            PolicyApplied(document=msgspec.Raw(json.dumps(document).encode()), by="bench"),
            NamespaceChanged(
                namespace=NAMESPACE,
                annotations={"kubearmor-file-posture": "block"},
                enforcement="off",
                by="bench",
            ),
        )

    async def _put_in_force(self, *changes: Change) -> None:
        offset = -1
        for change in changes:
            offset = await asyncio.to_thread(append_change, self.stack.kafka, self.stack.topics, change)
        await self.stack.wait_until_known(offset, _KNOWN_S)
