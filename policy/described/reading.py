"""How descriptions are read, be they part of a file or made of a command's flags."""

from policy.documents.lists import Part
from policy.documents.locate import Located
from policy.documents.problems import Problem
from policy.documents.tree import Mark, Tree, Value


class DescriptionError(Exception):
    """A description cannot be used. `str()` has a line for each problem."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """`problems` has all that is wrong, at least one, in the order written."""
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def alone(value: Value) -> Part:
    """A value that stands in no file, as a part of one."""
    return Part(Located("", Tree(value, {}, {}, Mark(0, 0), ())), value, ())
