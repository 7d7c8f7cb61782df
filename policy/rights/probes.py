"""Events to ask two policy sets about: for every rule of either what it is about, near it, and by whom.

Each section says what its rules are about; sources, owners, terminals and arguments are then varied as
far as a rule that matches asks about them. Everything is sorted, so that it does not matter which set
comes first. Paths whose front was cut off are not tried, nor scripts, which are judged as two programs.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, product
from typing import Any

import msgspec

from policy.described.sockets import NAMED
from policy.documents.vocabulary import CAPABILITIES
from policy.events import (
    CapabilityEvent,
    DnsEvent,
    Executable,
    FileEvent,
    JudgedEvent,
    MemoryEvent,
    NetworkEvent,
    ProcessEvent,
    SyscallEvent,
)
from policy.rights.samples import CHILD, FOLDER, paths_of, without_example
from policy.rule import Rule
from policy.rules import Rules
from policy.sections import SectionName
from policy.sections.capabilities import CapabilityRule
from policy.sections.dns import DomainRule
from policy.sections.judging import SectionJudge
from policy.sections.paths import PathRule
from policy.sections.presets import PresetRule
from policy.sections.process import ProcessRule
from policy.sections.syscalls import SyscallRule

MOST_PROBES = 20_000
"""Events per section and group of workloads."""
MOST_VARIANTS = 512
"""Of one event: by whom, with which arguments, and so on."""

ANY_PROGRAM = f"/{FOLDER}/any-program"
ANY_ARGUMENT = "any-argument"
ANY_NAME = "any-name.example"
TERMINAL = "pts0"
_NOWHEN: dict[str, Any] = {"cpu": 0, "sequence": 0, "time_ns": 0, "boot_ns": 0, "pid": 0, "start_ns": 0}
_OWN_PID = 2
"""The pid of who acts in probes of presets, which are about other processes' files."""

AnyJudge = SectionJudge[Any, Any, Any]


class Asked:
    """The probes of one section, and whether they were all."""

    def __init__(self, section: SectionName, rules: Sequence[Rule], either: Sequence[Rules]) -> None:
        """`rules` of all sets; `either` are the workload's rules in each of them."""
        self._judges = [judge for one in either for part, judge in one.sections if part.name == section]
        self._bases = _BASES[section](rules)
        self.complete = True
        self.untried = without_example(
            rule.target for rule in rules if isinstance(rule, PathRule) and rule.target.glob is not None
        )
        """Globs that no event was found for."""

    def __iter__(self) -> Iterator[JudgedEvent]:
        """The events, each once."""
        events = (one for base in self._bases for one in self._variants(base))
        yield from islice(events, MOST_PROBES)
        self.complete = self.complete and next(events, None) is None

    def _variants(self, base: JudgedEvent) -> Iterator[JudgedEvent]:
        matching = [
            placed.rule
            for judge in self._judges
            for question in judge.questions(base)
            for placed in judge.matching(question)
        ]
        varied = product(*(_ways(base, matching)))
        for some in islice(varied, MOST_VARIANTS):
            changes = {field: value for one in some for field, value in one.items()}
            yield msgspec.structs.replace(base, **changes) if changes else base
        self.complete = self.complete and next(varied, None) is None


Way = dict[str, Any]
"""Fields of an event that are set together."""


def _ways(base: JudgedEvent, matching: Sequence[Rule]) -> Iterator[list[Way]]:
    """Of each thing that a matching rule asks about, the ways in which it can be."""
    if any(rule.by_source for rule in matching):
        field = "source" if isinstance(base, ProcessEvent) else "actor"
        programs = sorted({path for rule in matching for path in _programs(rule)})
        yield [{field: Executable(path=path)} for path in (*programs, ANY_PROGRAM)]
    on_paths = [rule for rule in matching if isinstance(rule, PathRule)]
    if any(rule.owner_only for rule in on_paths):
        yield [{"uid": 0, "owner_uid": 0}, {"uid": 1000, "owner_uid": 0}]
    if any(rule.without_terminal for rule in on_paths):
        yield [{"tty": ""}, {"tty": TERMINAL}]
    if isinstance(base, ProcessEvent):
        listed = {rule.allowed_args for rule in on_paths if isinstance(rule, ProcessRule)} - {frozenset()}
        if listed:
            yield list(_arguments(base.executable.path, listed))


def _programs(rule: Rule) -> Iterator[str]:
    yield from rule.sources
    if isinstance(rule, SyscallRule):
        for directory in rule.source_directories:
            yield f"{directory.text}/{CHILD}"
            yield f"{directory.text}/{FOLDER}/{CHILD}"


def _arguments(path: str, listed: Iterable[frozenset[str]]) -> Iterator[Way]:
    each = sorted({argument for one in listed for argument in one})
    lists = [(), *((one,) for one in each), *(tuple(sorted(one)) for one in sorted(listed, key=sorted))]
    for arguments in dict.fromkeys(lists):
        yield {"args": (path, *arguments), "args_redacted": False}
    yield {"args": (path, ANY_ARGUMENT), "args_redacted": False}
    yield {"args": (path,), "args_redacted": True}


def _executions(rules: Sequence[Rule]) -> list[JudgedEvent]:
    targets = [rule.target for rule in rules if isinstance(rule, PathRule)]
    return [_execution(path) for path in paths_of(targets)]


def _execution(path: str, *, entered: bool = False) -> ProcessEvent:
    return ProcessEvent(**_NOWHEN, executable=Executable(path=path), args=(path,), entered=entered)


def _accesses(rules: Sequence[Rule]) -> list[JudgedEvent]:
    targets = [rule.target for rule in rules if isinstance(rule, PathRule)]
    paths = paths_of(targets)
    return [*(_access(path, "read") for path in paths), *(_access(path, "write") for path in paths)]


def _access(path: str, access: Any, namespace_pid: int = 0) -> FileEvent:
    return FileEvent(**_NOWHEN, access=access, path=path, namespace_pid=namespace_pid)


def _sockets(rules: Sequence[Rule]) -> list[JudgedEvent]:  # noqa: ARG001
    return [
        NetworkEvent(**_NOWHEN, family=one.family, type=one.type, protocol=one.protocol)
        for one in NAMED.values()
    ]


def _lookups(rules: Sequence[Rule]) -> list[JudgedEvent]:
    domains = sorted({rule.domain for rule in rules if isinstance(rule, DomainRule)})
    names = [name for domain in domains for name in (domain, f"any.{domain}")]
    return [DnsEvent(**_NOWHEN, name=name) for name in (*names, ANY_NAME)]


def _capabilities(rules: Sequence[Rule]) -> list[JudgedEvent]:
    listed = {rule.capability for rule in rules if isinstance(rule, CapabilityRule)}
    unlisted = [name for name in CAPABILITIES if name not in listed][:1]
    return [CapabilityEvent(**_NOWHEN, capability=name) for name in (*sorted(listed), *unlisted)]


def _calls(rules: Sequence[Rule]) -> list[JudgedEvent]:
    by_call: dict[str, list[SyscallRule]] = {}
    for rule in rules:
        if isinstance(rule, SyscallRule):
            for call in rule.syscalls:
                by_call.setdefault(call, []).append(rule)
    return [
        SyscallEvent(**_NOWHEN, syscall=call, path=path)
        for call, about in sorted(by_call.items())
        for path in ("", *paths_of(rule.target for rule in about if rule.target is not None))
    ]


_SUSPECT: dict[str, tuple[JudgedEvent, ...]] = {
    "filelessExec": (_execution("/memfd:any"), _execution(f"/dev/shm/{CHILD}")),  # noqa: S108
    "exec": (_execution(f"/{FOLDER}/{CHILD}", entered=True),),
    "protectEnv": (_access("/proc/1/environ", "read", _OWN_PID),),
    "protectProc": (
        _access("/proc/1/environ", "read", _OWN_PID),
        _access("/proc/1/maps", "read", _OWN_PID),
    ),
    "anonymousMapExec": (MemoryEvent(**_NOWHEN),),
}


def _suspects(rules: Sequence[Rule]) -> list[JudgedEvent]:
    listed = sorted({rule.preset for rule in rules if isinstance(rule, PresetRule)})
    return [one for preset in listed for one in _SUSPECT[preset]]


_BASES: dict[SectionName, Callable[[Sequence[Rule]], list[JudgedEvent]]] = {
    "process": _executions,
    "file": _accesses,
    "network": _sockets,
    "dns": _lookups,
    "capabilities": _capabilities,
    "syscalls": _calls,
    "presets": _suspects,
}
