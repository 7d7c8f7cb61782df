"""One stack for all tests that only use it; those that start and end one of their own do so beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fixtures.stacks import LiveStack, live_stack
from tests.fixtures.tenants import Tenant


@pytest.fixture(scope="session")
def live() -> Iterator[LiveStack]:
    """The whole pipeline, from the kernel to Elasticsearch."""
    with live_stack() as stack:
        yield stack


@pytest.fixture
def tenant(live: LiveStack) -> Iterator[Tenant]:
    """A namespace of the test's own, with nothing in force."""
    tenant = live.tenant()
    yield tenant
    tenant.remove()
