"""Where the parts of a document stand in the text that it was read from."""

import re
from typing import NamedTuple

from policy.documents.problems import Place
from policy.documents.tree import Mark, Tree


class Located(NamedTuple):
    """One document of a text."""

    file: str
    """As it was given to the reader."""
    tree: Tree
    within: Place = ()
    """Where in `tree` the document stands: `("items", 2)` for the third of a Kubernetes List."""

    def mark(self, place: Place, *, key: bool = False) -> Mark:
        """Where the value (or its key) at `place` of the document stands, else the nearest around it."""
        return self.tree.mark((*self.within, *place), key=key)


def place_of(path: str) -> Place:
    """The place that a rule's reference names: `spec.process.matchPaths[1]` as keys and indices."""
    steps = re.findall(r"([^.\[\]]+)|\[(\d+)\]", path)
    return tuple(int(index) if index else key for key, index in steps)
