"""Paths and globs that no resolved path ever looks like, and those that mean less than they seem to."""

from collections.abc import Iterator

from policy.documents.fields import comma_list
from policy.documents.sections import ProtocolRule, SyscallPathRule
from policy.glob import alternatives_of
from policy.lint.finding import Finding, LintCode, Severity
from policy.lint.linted import Linted, WrittenRule
from policy.lint.written_paths import WrittenPath, paths_of
from policy.target import written_path
from policy.text import shown

_GLOB_CHARACTERS = frozenset("*?{")


def paths(one: Linted) -> Iterator[Finding]:
    """Of every rule and source."""
    for written in one.written:
        for path in paths_of(written):
            yield from (_pattern(one, path) if path.field == "pattern" else _plain(one, path))
        if isinstance(written.rule, SyscallPathRule):
            yield from _directory_alone(one, written, written.rule)
        if isinstance(written.rule, ProtocolRule):
            yield from _protocols(one, written, written.rule)


def _plain(one: Linted, path: WrittenPath) -> Iterator[Finding]:
    components = path.text.split("/")
    dots = next((part for part in components if part in {".", ".."}), "")
    if dots:
        sentence = f"a resolved path never has {dots} in it, so this matches nothing; write the path without"
        yield one.finding(LintCode.UNREACHABLE_PATH, Severity.ERROR, path.place, sentence)
    if not _GLOB_CHARACTERS.isdisjoint(path.text):
        sentence = (
            f"{path.field} is compared as it is, *, ? and {{ included; for a glob write matchPatterns: "
            f"[{{pattern: {shown(_as_pattern(path))}}}]"
        )
        if path.source:
            sentence = "a source is compared as it is, *, ? and { included; list each program"
        yield one.finding(LintCode.GLOB_IN_PATH, Severity.WARNING, path.place, sentence)
    if "//" in path.text:
        sentence = f"a doubled slash counts once; write {shown(written_path(path.text))}"
        yield one.finding(LintCode.DOUBLED_SLASH, Severity.INFO, path.place, sentence)


def _as_pattern(path: WrittenPath) -> str:
    if path.field == "execname":
        return f"/**/{path.text}"
    return f"{path.text}**" if path.field == "dir" else path.text


def _pattern(one: Linted, path: WrittenPath) -> Iterator[Finding]:
    alternatives = list(alternatives_of(path.text))
    reasons = [_unreachable(alternative) for alternative in alternatives]
    dead = [reason for reason in reasons if reason]
    if not dead:
        return
    if len(dead) == len(alternatives):
        # What is told first is what still matches something.
        reason = next((some for some in dead if some.startswith("but ")), dead[0])
        sentence = f"this matches nothing{_after(reason)}"
        yield one.finding(LintCode.UNREACHABLE_PATH, Severity.ERROR, path.place, sentence)
    else:
        which = next(text for text, reason in zip(alternatives, reasons, strict=True) if reason)
        sentence = f"its alternative {shown(which)} matches nothing{_after(dead[0])}"
        yield one.finding(LintCode.UNREACHABLE_PATH, Severity.WARNING, path.place, sentence)


def _after(reason: str) -> str:
    return f" {reason}" if reason.startswith("but ") else f": {reason}"


def _unreachable(pattern: str) -> str:
    """Why no path can match a glob without braces; empty where one may."""
    if not pattern:
        return ""  # the root itself, whose path is compared without its slash
    if pattern == "*" or pattern.startswith("*/"):
        rest = pattern[1:]
        return f"but {shown(rest) or '/'}, since * stays within one component; write {shown(f'**{rest}')}"
    if not pattern.startswith(("/", "**", "\\/")):
        return f"paths begin with /; write {shown(f'/{pattern}')} or {shown(f'/**/{pattern}')}"
    if pattern.endswith("/"):
        return f"no path ends in /; write {shown(f'{pattern}**')} for what is below"
    # A slash in brackets separates nothing.
    parts = [] if "[" in pattern else pattern.split("/")[1:]
    odd = next((part for part in parts if part in {"", ".", ".."}), None)
    if odd is None:
        return ""
    return f"a resolved path never has {odd or 'a doubled slash'} in it; write it without"


def _directory_alone(one: Linted, written: WrittenRule, rule: SyscallPathRule) -> Iterator[Finding]:
    if rule.path.endswith("/") and not rule.recursive:
        sentence = "without recursive this is the directory itself; for what is in it write recursive: true"
        yield one.finding(LintCode.DIRECTORY_ALONE, Severity.WARNING, (*written.place, "path"), sentence)


_NARROW = {
    "stream": ("tcp", "stream is a socket made without a protocol; programs that ask for TCP by name escape"),
    "dgram": ("udp", "dgram is a socket made without a protocol; programs that ask for UDP by name escape"),
    "raw": ("icmp", "a raw socket for ICMP is icmp and not raw"),
}


def _protocols(one: Linted, written: WrittenRule, rule: ProtocolRule) -> Iterator[Finding]:
    beside = {
        name.lower()
        for other in one.written
        if isinstance(other.rule, ProtocolRule) and other.labels.action == written.labels.action
        for name in comma_list(other.rule.protocol)
    }
    for name in dict.fromkeys(one_name.lower() for one_name in comma_list(rule.protocol)):
        wider, why = _NARROW.get(name, ("", ""))
        if wider and wider not in beside and "all" not in beside:
            severity = Severity.INFO if name == "raw" else Severity.WARNING
            sentence = f"{why}; write {wider}{' as well' if name == 'raw' else ''} if it is meant"
            yield one.finding(LintCode.NARROW_PROTOCOL, severity, (*written.place, "protocol"), sentence)
