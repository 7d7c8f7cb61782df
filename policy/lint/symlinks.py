"""Rules on symbolic links, which never match what the links lead to."""

from collections.abc import Iterator
from typing import NamedTuple

from policy.glob import Glob, GlobError
from policy.lint.finding import Finding, LintCode, Severity
from policy.lint.image_layout import Layout, Link, link_at, link_called
from policy.lint.linted import Linted, WrittenRule
from policy.lint.written_paths import WrittenPath, literal_prefix, paths_of
from policy.target import written_path
from policy.text import shown


class Twin(NamedTuple):
    """What is listed beside a link and is one of the things that it may lead to."""

    text: str
    sure: bool
    """False for bash beside sh, which it is on some images only, and which has uses of its own."""


def symlinks(one: Linted, layout: Layout) -> Iterator[Finding]:
    """Traps on images of `layout`, in targets and in sources."""
    for written in one.written:
        for path in paths_of(written):
            link = _link(path, layout)
            if link is not None:
                twin = _twin(one, written, path, link, layout)
                severity = _severity(path, link, layout, twin)
                yield one.finding(LintCode.SYMLINK_TRAP, severity, path.place, _sentence(link, twin))


def _link(path: WrittenPath, layout: Layout) -> Link | None:
    if path.field == "execname":
        return link_called(path.text, layout)
    text = written_path(path.text)
    if path.field != "pattern":
        return link_at(text, layout, program=path.program)
    prefix = literal_prefix(text)
    if prefix == text:
        return link_at(text, layout, program=path.program)
    # Only whole components of the literal part are known.
    folder = prefix[: prefix.rfind("/") + 1]
    link = link_at(folder, layout, program=False) if folder else None
    if link is None:
        return None
    instead = link.instead[0] + text[len(folder) :]
    return Link(link.why, (instead,), instead, link.certain, link.of_file)


def _severity(path: WrittenPath, link: Link, layout: Layout, twin: Twin | None) -> Severity:
    if (twin and twin.sure) or (link.of_file and not path.program):
        # What is done to a link itself (removed, renamed) is reported by the link's own path.
        return Severity.INFO
    known = link.certain and layout is not Layout.UNKNOWN and twin is None
    return Severity.ERROR if known else Severity.WARNING


def _sentence(link: Link, twin: Twin | None) -> str:
    if twin and twin.sure:
        return f"{shown(link.why)}; {shown(twin.text)} is listed as well, so nothing is lost"
    return f"{shown(link.why)}, so this never matches there; write {shown(link.advice)}"


def _twin(one: Linted, written: WrittenRule, path: WrittenPath, link: Link, layout: Layout) -> Twin | None:
    if path.source:
        beside = [other for other in paths_of(written) if other.source]
    else:
        beside = [
            other
            for rule in one.written
            if rule.section == written.section and rule.labels.action == written.labels.action
            for other in paths_of(rule)
            if not other.source
        ]
    found = [
        written_path(other.text)
        for other in beside
        if any(_is(written_path(other.text), instead) for instead in link.instead)
        and _link(other, layout) is None
    ]
    is_shell = written_path(path.text).rpartition("/")[2] == "sh"
    twins = [Twin(text, not (is_shell and text.rpartition("/")[2] == "bash")) for text in found]
    return max(twins, key=lambda twin: twin.sure, default=None)


def _is(path: str, instead: str) -> bool:
    """Whether a path is what should be written, which may be a glob."""
    try:
        return path == instead or Glob(instead).matches(path)
    except GlobError:
        return False  # it holds a path as it was written, which need not be a glob
