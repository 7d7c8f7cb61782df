"""Which rules no case was decided by: the part of a policy that nothing is expected of."""

from collections.abc import Iterable

from policy.documents import Document
from policy.expectations.running import CaseResult
from policy.sections import SECTIONS
from policy.verdict import RuleReference


def rules_of(document: Document) -> tuple[RuleReference, ...]:
    """The rules of a document, section by section; a comma list is one."""
    rules = (rule for section in SECTIONS for rule in section.rules_of(document))
    return tuple(dict.fromkeys(rule.reference for rule in rules))


def rules_never_credited(
    documents: Iterable[Document], results: Iterable[CaseResult]
) -> tuple[RuleReference, ...]:
    """The rules of `documents` that decided no case, in their order.

    A rule that only stands aside, such as an Allow that a Block outranks in every case, is among them.
    """
    credited = {result.verdict.decided_by for result in results}
    rules = dict.fromkeys(rule for document in documents for rule in rules_of(document))
    return tuple(rule for rule in rules if rule not in credited)
