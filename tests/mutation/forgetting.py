"""A pytest plugin for mutation runs: nothing is remembered of what the unchanged code answered.

mutmut forks its workers from a process that has run the tests once. What `functools.lru_cache` kept there
would stand in for a mutant, which then is never asked.
"""

import gc
from functools import _lru_cache_wrapper


def pytest_sessionstart() -> None:
    """Empty the caches of `policy/`."""
    for one in gc.get_objects():
        if isinstance(one, _lru_cache_wrapper) and one.__module__.startswith("policy."):
            one.cache_clear()
