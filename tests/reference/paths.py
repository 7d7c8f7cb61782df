"""Which paths a rule is about, and which of two rules says it more exactly."""

import re

from tests.reference.globs import glob_could_match, glob_matches
from tests.reference.world import Rule

KINDS = ["dir", "pattern", "execname", "path"]
"""The more exact, the later."""


def written(text: str) -> str:
    """A path of a document as events show it: slashes single, backslashes doubled."""
    return re.sub("/+", "/", text.replace("\\", "\\\\"))


def covers(rule: Rule, path: str) -> bool:
    """Whether a whole path is what the rule is about."""
    if "path" in rule:
        return path == written(rule["path"])
    if "execname" in rule:
        return path.rsplit("/", maxsplit=1)[-1] == written(rule["execname"])
    if "pattern" in rule:
        return glob_matches(rule["pattern"], path)
    directory = written(rule["dir"])
    if path.rstrip("/") + "/" == directory:
        return True
    if not path.startswith(directory):
        return False
    return rule.get("recursive", False) or "/" not in path[len(directory) :]


def could_cover(rule: Rule, tail: str) -> bool:
    """Whether some path that ends in `tail` is what the rule is about: every front that could matter."""
    if "pattern" in rule:
        return glob_could_match(rule["pattern"], tail)
    text = written(rule.get("path") or rule.get("dir") or "/" + rule["execname"])
    fronts = [text[:end] for end in range(len(text) + 1)] + [text + "x", text + "x/", "/x/"]
    return any(covers(rule, front + tail) for front in fronts if (front + tail).startswith("/"))


def more_exact(one: Rule, other: Rule) -> int:
    """Positive where `one` is more exact than `other`, 0 where they are equals."""
    rank, other_rank = ([kind in rule for kind in KINDS].index(True) for rule in (one, other))
    if rank != other_rank or "dir" not in one:
        return rank - other_rank
    depth, other_depth = (written(rule["dir"]).count("/") for rule in (one, other))
    if depth != other_depth:
        return depth - other_depth
    return int(other.get("recursive", False)) - int(one.get("recursive", False))
