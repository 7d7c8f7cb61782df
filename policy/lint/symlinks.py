"""Rules on symbolic links, which never match what the links lead to."""

from collections.abc import Iterator

from policy.glob import Glob
from policy.lint.finding import Finding, LintCode, Severity
from policy.lint.image_layout import Layout, Link, link_at, link_called
from policy.lint.linted import Linted, WrittenRule
from policy.lint.written_paths import WrittenPath, literal_prefix, paths_of
from policy.target import written_path
from policy.text import shown


def symlinks(one: Linted, layout: Layout) -> Iterator[Finding]:
    """Traps on images of `layout`, in targets and in sources."""
    for written in one.written:
        for path in paths_of(written):
            link = _link(path, layout)
            if link is not None:
                twin = _twin(one, written, path, link)
                yield one.finding(
                    LintCode.SYMLINK_TRAP,
                    _severity(path, link, layout, twin),
                    path.place,
                    _sentence(link, twin),
                )


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


def _severity(path: WrittenPath, link: Link, layout: Layout, twin: str) -> Severity:
    if twin or (link.of_file and not path.program):
        # What is done to a link itself (removed, renamed) is reported by the link's own path.
        return Severity.INFO
    return Severity.ERROR if link.certain and layout is not Layout.UNKNOWN else Severity.WARNING


def _sentence(link: Link, twin: str) -> str:
    if twin:
        return f"{shown(link.why)}; {shown(twin)} is listed as well, so nothing is lost"
    return f"{shown(link.why)}, so this never matches there; write {shown(link.advice)}"


def _twin(one: Linted, written: WrittenRule, path: WrittenPath, link: Link) -> str:
    """What is listed beside `path` that means what it was meant to mean; empty where nothing is."""
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
    wanted = [(instead, Glob(instead)) for instead in link.instead]
    for other in beside:
        text = written_path(other.text)
        for instead, glob in wanted:
            if text == instead or (other.field == "path" and glob.matches(text)):
                return text
    return ""
