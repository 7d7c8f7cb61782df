"""What is wrong, or probably not meant, with policies that can be read.

The way: `linted` holds one document with its rules as written and as compiled; the families of findings
look at it: `contents`, `paths`, `symlinks` (by `image_layout`), `selectors`, and with all documents in
view `allow_lists` and `shadowing` (by `reach`, `inclusion`, `precedence` and `rule_groups`); `linter` asks
them all.
"""

from policy.lint.finding import Finding, LintCode, Severity
from policy.lint.image_layout import Layout
from policy.lint.linter import Circumstances, lint

__all__ = ["Circumstances", "Finding", "Layout", "LintCode", "Severity", "lint"]
