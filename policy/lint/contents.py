"""What a document holds: whether anything, whether once, and what its labels leave out."""

from collections.abc import Iterator, Sequence

from policy.documents.problems import Place
from policy.documents.sections import Labelled
from policy.lint.finding import Finding, LintCode, Severity
from policy.lint.linted import WRITTEN_SECTIONS, Linted, WrittenRule


def duplicates(every: Sequence[Linted]) -> Iterator[Finding]:
    """Documents that replace another one of the same identity."""
    first: dict[tuple[str, str, str], Linted] = {}
    for one in every:
        earlier = first.setdefault(one.document.identity, one)
        if earlier is one:
            continue
        same = earlier.document.hash == one.document.hash
        what = "stands already" if same else "is another document"
        yield one.finding(
            LintCode.DUPLICATE_POLICY,
            Severity.WARNING if same else Severity.ERROR,
            ("metadata", "name"),
            f"{one.document.title} {what} at {earlier.where()}, which this one replaces; rename one",
        )


def empties(one: Linted) -> Iterator[Finding]:
    """Nothing where rules, programs or arguments could stand."""
    spec = one.document.policy.spec
    if not one.written:
        sentence = "the policy has no rule, so it does nothing; write one or remove the policy"
        yield one.finding(LintCode.EMPTY_POLICY, Severity.WARNING, ("spec",), sentence, key=True)
    else:
        used = {rule.section for rule in one.written}
        for name in (*WRITTEN_SECTIONS, "presets"):
            if name in spec.model_fields_set and name not in used:
                sentence = f"{name} holds no rule, so it does nothing; write one or leave it out"
                yield one.finding(
                    LintCode.EMPTY_SECTION, Severity.WARNING, ("spec", name), sentence, key=True
                )
    for written in one.written:
        yield from _empty_lists(one, written)


def _empty_lists(one: Linted, written: WrittenRule) -> Iterator[Finding]:
    meanings = {
        "from_source": ("fromSource", "the rule is about every program; name one or leave it out"),
        "allowed_args": ("allowedArgs", "any argument passes; list some or leave it out"),
    }
    for attribute, (alias, meaning) in meanings.items():
        if attribute in written.rule.model_fields_set and not getattr(written.rule, attribute):
            sentence = f"an empty list counts as absent: {meaning}"
            place = (*written.place, alias)
            yield one.finding(LintCode.EMPTY_LIST, Severity.WARNING, place, sentence, key=True)


def labels(one: Linted) -> Iterator[Finding]:
    """Actions that nobody wrote or that count for nothing, and severities that are missing."""
    rules = [rule for rule in one.written if rule.section != "syscalls"]
    silent = [rule for rule in rules if not rule.says_action]
    if silent:
        sentence = (
            f"no action at rule, section or spec means Block{_more(silent)}; "
            "write action: Block, or what is meant"
        )
        yield one.finding(LintCode.IMPLICIT_BLOCK, Severity.WARNING, silent[0].place, sentence)
    unrated = [rule for rule in rules if rule.labels.action == "Block" and rule.labels.severity is None]
    if unrated:
        sentence = (
            f"denials of this Block have no severity{_more(unrated)}; "
            "write severity: 1 to 10 at rule, section or spec"
        )
        yield one.finding(LintCode.BLOCK_WITHOUT_SEVERITY, Severity.WARNING, unrated[0].place, sentence)
    yield from _syscalls(one)


def _syscalls(one: Linted) -> Iterator[Finding]:
    spec = one.document.policy.spec
    rules = [rule for rule in one.written if rule.section == "syscalls"]
    levels: list[tuple[Place, Labelled]] = [(rule.place, rule.rule) for rule in rules]
    if rules:
        levels = [(("spec", "syscalls"), spec.syscalls), *levels]
    for place, level in levels:
        if level.action not in {None, "Audit"}:
            sentence = f"system calls are told and never denied: {level.action} is Audit here; write Audit"
            yield one.finding(
                LintCode.SYSCALLS_ONLY_AUDIT, Severity.WARNING, (*place, "action"), sentence, key=True
            )
    inherited = spec.syscalls.action is None and any(rule.rule.action is None for rule in rules)
    if inherited and spec.action == "Block":
        sentence = (
            "the spec's Block is Audit here: system calls are told and never denied; write action: Audit"
        )
        yield one.finding(
            LintCode.SYSCALLS_ONLY_AUDIT, Severity.INFO, ("spec", "syscalls"), sentence, key=True
        )


def _more(rules: Sequence[WrittenRule]) -> str:
    others = len(rules) - 1
    if not others:
        return ""
    return f" (here and in {others} more rule{'s' if others > 1 else ''} of this policy)"
