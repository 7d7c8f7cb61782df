"""Kubernetes lists: a `List`, or one of a kind such as `KubeArmorPolicyList`, as the documents in it.

A `List` is what `kubectl get -o yaml` writes, and its items say what they are. A list of one kind is what
an API server answers, and leaves that out of its items.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from pydantic import Field

from policy.documents.fields import Text
from policy.documents.kinds import API_VERSION, KINDS
from policy.documents.locate import Located
from policy.documents.problems import Problem
from policy.documents.sections import Written
from policy.documents.tree import Value


class DocumentList(Written):
    """Documents of any of the three kinds."""

    api_version: Literal["v1"]
    kind: Literal["List"]
    metadata: dict[Text, Any] = Field(default_factory=dict)
    items: tuple[Any, ...]


class ListOfKind(Written):
    """Documents of one kind."""

    api_version: Literal["security.kubearmor.com/v1"]
    kind: str
    metadata: dict[Text, Any] = Field(default_factory=dict)
    items: tuple[Any, ...]


KIND_OF_ITEMS: dict[str, str] = {f"{kind}List": kind for kind in KINDS}
"""The lists that hold documents of one kind."""
LISTS: dict[str, type[DocumentList | ListOfKind]] = {
    "List": DocumentList,
    **dict.fromkeys(KIND_OF_ITEMS, ListOfKind),
}


class Part(NamedTuple):
    """A document of a tree, not checked yet, or what stands around the documents of a list."""

    located: Located
    value: Value
    problems: tuple[Problem, ...]
    """Those of the tree that are about this part."""
    model: type[DocumentList | ListOfKind] | None = None
    """For what stands around a list's items, which are left out of `value`."""
    kind: str = ""
    """The kind that the list around it asks for; empty where any will do."""


def parts_of(located: Located) -> Iterator[Part]:
    """The documents of `located`: itself, or what stands around a list's items and then each of them."""
    tree = located.tree
    kind = tree.value.get("kind") if isinstance(tree.value, dict) else None
    model = LISTS.get(kind) if isinstance(kind, str) else None
    if model is None or not isinstance(tree.value, dict):
        yield Part(located, tree.value, tree.problems)
        return
    by_item: defaultdict[int | None, list[Problem]] = defaultdict(list)
    for problem in tree.problems:
        by_item[_item_of(problem)].append(problem)
    items = tree.value.get("items")
    around: dict[str, Value] = tree.value | ({"items": []} if isinstance(items, list) else {})
    yield Part(located, around, tuple(by_item[None]), model=model)
    wanted = KIND_OF_ITEMS.get(str(kind), "")
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if wanted and isinstance(item, dict):
            item = {"apiVersion": API_VERSION, "kind": wanted, **item}  # noqa: PLW2901  # the same, made whole
        yield Part(Located(located.file, tree, ("items", index)), item, tuple(by_item[index]), kind=wanted)


def _item_of(problem: Problem) -> int | None:
    """The item that a problem is within."""
    found = re.match(r"items\[(\d+)\]", problem.field)
    return int(found[1]) if found else None
