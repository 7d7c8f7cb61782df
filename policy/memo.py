"""A bounded memory of answers, cheap enough for the hot path."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memo(Generic[K, V]):
    """Keeps at least the last `capacity` / 2 answers used, and never more than `capacity`.

    Two generations: when the young one is full it becomes the old one, and what was in the old one and
    was not asked for since is forgotten. A hit in the young generation is one dictionary look-up; no
    list is kept in order, which is what makes an exact LRU slow.

    Used by several threads at once it may forget, or be over `capacity` for a moment, but never gives an
    answer to another question: each step is one operation on a dictionary.
    """

    __slots__ = ("_half", "_old", "_young", "recent")

    def __init__(self, capacity: int) -> None:
        """`capacity` is a number of answers, at least 2."""
        self._half = capacity // 2
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self.recent = self._young.get
        """As `get`, of the young generation alone: the short way, before `get` is asked."""

    def __len__(self) -> int:
        """Answers kept now."""
        return len(self._young) + len(self._old)

    def get(self, key: K) -> V | None:
        """The answer to `key`, or None where it was never put or is forgotten."""
        found = self._young.get(key)
        if found is None:
            found = self._old.pop(key, None)
            if found is not None:
                self.put(key, found)
        return found

    def age(self) -> None:
        """Forget what was not asked for since the last time, as if the young generation were full."""
        # It stays the same object, since `recent` is bound to it.
        self._old = self._young.copy()
        self._young.clear()

    def put(self, key: K, value: V) -> None:
        """Keep an answer."""
        if len(self._young) >= self._half:
            self.age()
        self._young[key] = value
