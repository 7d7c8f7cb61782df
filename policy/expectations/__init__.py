"""What people expect of policies, and whether the judge agrees.

`written` has what a PolicyTest document may hold, `reader` makes `Suite`s of it with every problem,
`running` judges their cases, `coverage` says which rules no case was decided by. docs/policy-tests.md is
for those who write them.
"""

from policy.expectations.coverage import rules_never_credited, rules_of
from policy.expectations.reader import SuiteReadResult, read_suites
from policy.expectations.running import CaseResult, Compared, Difference, run
from policy.expectations.suite import Case, Suite

__all__ = [
    "Case",
    "CaseResult",
    "Compared",
    "Difference",
    "Suite",
    "SuiteReadResult",
    "read_suites",
    "rules_never_credited",
    "rules_of",
    "run",
]
