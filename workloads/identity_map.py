"""Identities from a small YAML file, for nodes without an orchestrator, and for tests.

```yaml
workloads:
- cgroup: /lictor-sample/dvwa-web
  container_id: dvwa-web        # the last component of cgroup where absent
  namespace: dvwa
  pod: dvwa-web-0
  container: web
  image: lictor-sample/dvwa-web
  labels: {app: dvwa-web, tier: frontend}
  annotations: {}
```

An entry stands for its cgroup and for everything below it; of several, the deepest decides. The file is
looked at once a second. An edit that cannot be used changes nothing: the last good map stays in force,
and what is wrong is logged with its line and counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import structlog
import yaml
from prometheus_client import Counter, Gauge
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationError,
    model_validator,
)

from wire.errors import OperatorError
from wire.text import decode
from workloads.identity import Identity

log = structlog.get_logger(__name__)

_POLL_S = 1.0
_MAX_BYTES = 4 * 1024 * 1024

_refused = Counter(
    "lictor_identity_map_refused_total", "Edits of the identity map that could not be used, or its absence."
)
_entries = Gauge("lictor_identity_map_workloads", "Workloads in the identity map in force.")


class IdentityMapError(OperatorError):
    """The map cannot be used. `problems` are sentences that begin with `file:line: `."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _is_cgroup(path: str) -> str:
    if not path.startswith("/") or path == "/":
        raise ValueError("a cgroup path begins with / and is not the root itself")
    if any(component in ("", ".", "..") for component in path[1:].split("/")):
        raise ValueError("a cgroup path has no empty, . or .. component and no / at its end")
    return path


_Cgroup = Annotated[str, AfterValidator(_is_cgroup)]
_ContainerId = Annotated[str, StringConstraints(pattern=r"^[^/\s]+$")]
_Name = Annotated[str, StringConstraints(min_length=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    cgroup: _Cgroup
    container_id: _ContainerId | None = None
    namespace: _Name
    pod: str = ""
    container: str = ""
    image: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}

    def identity(self) -> Identity:
        return Identity(
            cgroup=decode(self.cgroup.encode())[0],
            container_id=self.container_id or self.cgroup.rpartition("/")[2],
            namespace=self.namespace,
            pod=self.pod,
            container=self.container,
            image=self.image,
            labels=self.labels,
            annotations=self.annotations,
        )


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    workloads: list[_Entry] = []

    @model_validator(mode="after")
    def _each_once(self) -> _Document:
        seen: set[str] = set()
        for entry in self.workloads:
            if entry.cgroup in seen:
                raise ValueError(f"cgroup {entry.cgroup} stands twice")
            seen.add(entry.cgroup)
        return self


def read_identity_map(text: str, name: str) -> dict[str, Identity]:
    """Identities by cgroup. `name` is the file's, for the errors.

    Raises:
        IdentityMapError: with every problem of the text.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        document = _Document.model_validate(yaml.safe_load(text) or {})
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise IdentityMapError((f"{name}:{line}: not YAML: {error.problem}",)) from error
    except yaml.YAMLError as error:
        raise IdentityMapError((f"{name}:1: not YAML: {error}",)) from error
    except ValidationError as error:
        raise IdentityMapError(
            tuple(
                f"{name}:{_line(node, problem['loc'])}: {_field(problem['loc'])}{problem['msg']}"
                for problem in error.errors(include_url=False, include_context=False)
            )
        ) from error
    return {identity.cgroup: identity for identity in (entry.identity() for entry in document.workloads)}


def _field(location: tuple[int | str, ...]) -> str:
    return f"{'.'.join(map(str, location))}: " if location else ""


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """The line of the innermost part of `location` that stands in the text."""
    line = node.start_mark.line + 1 if node is not None else 1
    for step in location:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == step), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
            continue
        else:
            break
        line = node.start_mark.line + 1
    return line


class IdentityMap:
    """An `IdentityProvider` over a file that is watched."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Read the file.

        Raises:
            IdentityMapError: it is not there or cannot be used; only here, later edits are refused.
        """
        self._path = path
        self._clock = clock
        self._next_poll = clock() + _POLL_S
        self._stamp = _stamp(path)
        self._generation = 1
        self._identities = self._read()
        _entries.set(len(self._identities))

    @property
    def generation(self) -> int:
        """Grows with every edit that came into force."""
        return self._generation

    def by_cgroup(self, cgroup: str) -> Identity | None:
        """The deepest entry that `cgroup` is or lies below."""
        return deepest(self._identities, cgroup)

    def poll(self) -> None:
        """Take an edit in, if there is one. Cheap: looks at the file once a second at most."""
        now = self._clock()
        if now < self._next_poll:
            return
        self._next_poll = now + _POLL_S
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            identities = self._read()
        except IdentityMapError as error:
            _refused.inc()
            log.error("identity map refused", file=str(self._path), problems=error.problems)
            return
        if identities != self._identities:
            self._identities = identities
            self._generation += 1
        _entries.set(len(identities))
        log.info("identity map read", file=str(self._path), workloads=len(identities))

    def _read(self) -> dict[str, Identity]:
        try:
            with self._path.open("rb") as file:
                raw = file.read(_MAX_BYTES + 1)
            text = raw.decode()
        except OSError as error:
            raise IdentityMapError((f"{self._path}:1: cannot be read: {error.strerror}",)) from error
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise IdentityMapError((f"{self._path}:{line}: not UTF-8",)) from error
        if len(raw) > _MAX_BYTES:
            raise IdentityMapError((f"{self._path}:1: larger than {_MAX_BYTES} bytes",))
        return read_identity_map(text, str(self._path))


class Watched:
    """An `IdentityMap` that looks at its file whenever it is asked: for callers without a tick."""

    def __init__(self, identities: IdentityMap) -> None:
        self._identities = identities

    @property
    def generation(self) -> int:
        """As of now."""
        self._identities.poll()
        return self._identities.generation

    def by_cgroup(self, cgroup: str) -> Identity | None:
        """As of the last look."""
        return self._identities.by_cgroup(cgroup)


class NoIdentities:
    """An `IdentityProvider` that knows no container."""

    @property
    def generation(self) -> int:
        """Never changes."""
        return 0

    def by_cgroup(self, cgroup: str) -> Identity | None:  # noqa: ARG002  the protocol's
        """Nothing is known."""
        return None

    def poll(self) -> None:
        """Nothing to look at."""


def deepest(identities: Mapping[str, Identity], cgroup: str) -> Identity | None:
    """The identity of `cgroup` or of its nearest ancestor that has one."""
    while cgroup:
        found = identities.get(cgroup)
        if found is not None:
            return found
        cgroup = cgroup.rpartition("/")[0]
    return None


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
