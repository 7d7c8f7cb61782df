"""What an Allow brings with it: allow-list mode, and what such a list leaves out."""

from collections.abc import Iterator, Mapping, Sequence

from policy.lint.finding import Finding, LintCode, Severity
from policy.lint.linted import Linted
from policy.lint.reach import covers, described
from policy.sections import SectionName
from policy.sections.network import ALL, ProtocolRule
from policy.sections.process import ProcessRule
from policy.settings import PostureKind
from policy.target import SeenPath, TargetIndex
from policy.text import shown
from policy.verdict import Mode

POSTURES: Mapping[SectionName, PostureKind] = {
    "process": "file",
    "file": "file",
    "network": "network",
    "dns": "network",
    "capabilities": "capabilities",
}
"""Which default posture backs an allow-list of each section."""
_UNLISTED: Mapping[SectionName, str] = {
    "process": "execution",
    "file": "file access",
    "network": "socket",
    "dns": "name",
    "capabilities": "capability",
}


def allow_lists(one: Linted, every: Sequence[Linted]) -> Iterator[Finding]:
    """`every` document that counts, `one` among them."""
    for section in POSTURES:
        if one.allows(section):
            yield _mode(one, section)
    around = [other for other in every if covers(other.reach, one.reach)]
    yield from _other_list_missing(one, around)
    yield from _names_unresolved(one, around)
    yield from _sources(one, around)


def _first_allow(one: Linted, section: SectionName) -> str:
    return next(rule.reference.place for rule in one.rules[section] if rule.action == "Allow")


def _mode(one: Linted, section: SectionName) -> Finding:
    rules = one.rules[section]
    allows = [rule for rule in rules if rule.action == "Allow"]
    mixed = any(rule.action == "Block" for rule in rules)
    by_source = all(rule.by_source for rule in allows)
    sentence = (
        f"an Allow puts {described(one.reach)} in allow-list mode: any {_UNLISTED[section]} that no "
        f"{section} rule allows is left to {POSTURES[section]} posture"
    )
    if by_source:
        sentence += (
            "; every Allow here has a fromSource, so what others do is a miss too: add Allows for them"
        )
    elif mixed:
        sentence += "; beside Blocks that is seldom meant: if so, write Allow for the rest too"
    severity = Severity.WARNING if by_source or mixed else Severity.INFO
    return one.finding(LintCode.ALLOW_LIST_MODE, severity, _first_allow(one, section), sentence)


_WITHOUT_FILE = (
    "file access stays free here, but KubeArmor's own engines would deny it all under block; "
    "add file: {matchDirectories: [{dir: /, recursive: true}]}, or the files that are needed"
)


def _other_list_missing(one: Linted, around: Sequence[Linted]) -> Iterator[Finding]:
    pairs: tuple[tuple[SectionName, SectionName, LintCode, str], ...] = (
        (
            "process",
            "file",
            LintCode.PROCESS_WITHOUT_FILE,
            _WITHOUT_FILE,
        ),
        (
            "file",
            "process",
            LintCode.FILE_WITHOUT_PROCESS,
            "files are restricted, but any program may run; add the process rules that are needed",
        ),
    )
    for listed, missing, code, sentence in pairs:
        if one.allows(listed) and not any(other.allows(missing) for other in around):
            yield one.finding(code, Severity.WARNING, _first_allow(one, listed), sentence)


def _names_unresolved(one: Linted, around: Sequence[Linted]) -> Iterator[Finding]:
    if not one.allows("network"):
        return
    allowed = {
        rule.protocol
        for other in around
        for rule in other.rules["network"]
        if isinstance(rule, ProtocolRule) and rule.action == "Allow"
    }
    if allowed & {"tcp", "stream"} and not allowed & {"udp", "dgram", ALL}:
        sentence = "no rule allows UDP, over which names are resolved: under block posture none is; allow udp"
        place = _first_allow(one, "network")
        yield one.finding(LintCode.NETWORK_WITHOUT_UDP, Severity.WARNING, place, sentence)


def _sources(one: Linted, around: Sequence[Linted]) -> Iterator[Finding]:
    """`fromSource` of process rules: who executes, which has to be able to run itself."""
    rules = [rule for rule in one.rules["process"] if isinstance(rule, ProcessRule) and rule.sources]
    if not rules:
        return
    every = [rule for other in around for rule in other.rules["process"] if isinstance(rule, ProcessRule)]
    allowed = TargetIndex([rule for rule in every if rule.action == "Allow"])
    told: set[str] = set()
    for rule in rules:
        for number, source in enumerate(rule.sources):
            place = f"{rule.reference.place}.fromSource[{number}].path"
            if rule.target.kind == "path" and rule.sources == (rule.target.text,):
                sentence = (
                    f"this is about {shown(source)} executed by itself: fromSource of a process rule is the "
                    "program that executes it; name that, or leave it out"
                )
                yield one.finding(LintCode.SOURCE_IS_ITSELF, Severity.WARNING, place, sentence)
            elif rule.action == "Allow" and source not in told and not allowed.matching(SeenPath(source)):
                told.add(source)
                sentence = (
                    f"no rule of this allow-list lets {shown(source)} run, so under block posture it never "
                    "starts this; allow it, or name the program that does"
                )
                yield one.finding(LintCode.SOURCE_NOT_ALLOWED, Severity.INFO, place, sentence)


def postures(every: Sequence[Linted], asked: Mapping[str, Mapping[PostureKind, Mode]]) -> Iterator[Finding]:
    """Namespaces whose posture is block where none of `every` document allows anything."""
    for namespace, kinds in asked.items():
        there = [linted for linted in every if _may_reach(linted, namespace)]
        own = next((linted for linted in every if linted.document.namespace == namespace), None)
        for kind, mode in kinds.items():
            sections = [section for section, posture in POSTURES.items() if posture == kind]
            if mode != "block" or any(linted.allows(section) for linted in there for section in sections):
                continue
            sentence = (
                f"kubearmor-{kind}-posture is block in {shown(namespace)}, and no {' or '.join(sections)} "
                f"rule allows anything there, so it denies nothing; write one or use audit"
            )
            code, severity = LintCode.POSTURE_WITHOUT_ALLOW, Severity.WARNING
            if own is None:
                yield Finding(code=code, severity=severity, sentence=sentence)
            else:
                yield own.finding(code, severity, ("metadata", "namespace"), sentence)


def _may_reach(linted: Linted, namespace: str) -> bool:
    condition = linted.reach.namespace
    if linted.reach.kind == "host" or linted.reach.never():
        return False
    if condition.operator is None:
        return True
    return (namespace in condition.values) == (condition.operator == "In")
