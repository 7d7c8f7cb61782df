"""Records that nobody of ours wrote: put aside with a reason, refused, never obeyed; the rest goes on."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING

import msgspec
import pytest

from enforcer.plan import Living
from policy.changes import NamespaceChanged, PolicyApplied
from tests.fixtures.stacks import LiveStack
from tests.fixtures.tenants import PYTHON, Tenant
from wire import codec
from wire.records import Order, VerdictRecord
from wire.seal import KEY_BYTES, seal
