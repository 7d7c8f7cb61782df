"""A compiled rule in words: what it is about, whose doing, and on which conditions. Safe to show."""

from functools import singledispatch

from policy.rule import Rule
from policy.sections import SectionName
from policy.sections.capabilities import CapabilityRule
from policy.sections.dns import DomainRule
from policy.sections.file import FileRule
from policy.sections.network import ALL, ProtocolRule
from policy.sections.paths import PathRule
from policy.sections.presets import PresetRule
from policy.sections.process import ProcessRule
from policy.sections.syscalls import SyscallRule
from policy.target import Target
from policy.text import shown

WITH_POSTURE: frozenset[SectionName] = frozenset({"process", "file", "network", "dns", "capabilities"})
"""Sections whose misses go to a default posture."""


@singledispatch
def target_of(rule: Rule) -> str:
    """What the rule is about, such as `/etc/ and all below`."""
    raise TypeError(f"no words for {type(rule).__name__}")


@target_of.register
def _(rule: PathRule) -> str:
    return in_words(rule.target)


@target_of.register
def _(rule: ProtocolRule) -> str:
    return "all sockets" if rule.protocol == ALL else f"sockets for {rule.protocol}"


@target_of.register
def _(rule: DomainRule) -> str:
    return f"{shown(rule.domain)} and its subdomains"


@target_of.register
def _(rule: CapabilityRule) -> str:
    return f"the capability {shown(rule.capability)}"


@target_of.register
def _(rule: SyscallRule) -> str:
    calls = shown(", ".join(sorted(rule.syscalls)))
    return calls if rule.target is None else f"{calls} on {in_words(rule.target)}"


@target_of.register
def _(rule: PresetRule) -> str:
    return f"the preset {rule.preset}"


def in_words(target: Target) -> str:
    """A target on its own: a path, a name, a pattern or a directory."""
    if target.kind == "directory":
        folder = shown(f"{target.text}/")
        return f"{folder} and all below" if target.recursive else f"{folder} and what is directly in it"
    if target.kind == "execname":
        return f"any program named {shown(target.text)}"
    return f"the pattern {shown(target.text)}" if target.kind == "pattern" else shown(target.text)


def sources_of(rule: Rule) -> tuple[str, ...]:
    """The programs that the rule is about; empty where it is about any."""
    programs = tuple(map(shown, rule.sources))
    if isinstance(rule, SyscallRule):
        programs += tuple(map(in_words, rule.source_directories))
    return programs


def conditions_of(rule: Rule, *, match_args: bool = True) -> tuple[str, ...]:
    """What a rule's qualifiers permit, each in words that follow "if".

    `match_args` as the setting: where it is off, `allowedArgs` is no condition.
    """
    if not isinstance(rule, PathRule):
        return ()
    said = []
    if rule.owner_only:
        said.append("the user owns the file")
    if rule.without_terminal:
        said.append("no terminal is attached")
    if isinstance(rule, FileRule) and rule.read_only:
        said.append("it is only read")
    if isinstance(rule, ProcessRule) and rule.allowed_args and match_args:
        listed = ", ".join(map(shown, sorted(rule.allowed_args)))
        said.append(f"every argument is one of {listed}")
    return tuple(said)
