import msgspec
import pytest

from policy.events import Executable, JudgedEvent, ProcessEvent
from tests.fixtures.records import ACTS, BATCH, EVENT, SOURCE
from wire.codec import encode, read_batch
from wire.records import EventBatch, Source, kind_of
from wire.seal import is_sealed, seal

KEY = bytes(range(32))
WORKLOAD = "node-1/dvwa-web"
SEALED = seal(KEY, SOURCE, WORKLOAD, msgspec.structs.replace(EVENT, seal=""))


def test_a_seal_survives_the_wire() -> None:
    batch: EventBatch = msgspec.structs.replace(BATCH, events=(SEALED,))
    (event,) = read_batch(encode(batch)).events
    assert is_sealed(KEY, SOURCE, WORKLOAD, event)


@pytest.mark.parametrize(
    "forged",
    [
        msgspec.structs.replace(SEALED, pid=1),
        msgspec.structs.replace(SEALED, source=Executable(path="/usr/bin/nc")),
        msgspec.structs.replace(SEALED, boot_ns=SEALED.boot_ns + 1),
        msgspec.structs.replace(SEALED, sequence=SEALED.sequence + 1),
        msgspec.structs.replace(SEALED, ancestors=()),
        msgspec.structs.replace(SEALED, seal=""),
        msgspec.structs.replace(SEALED, seal=SEALED.seal[:-1] + "é"),
    ],
)
def test_any_change_breaks_it(forged: ProcessEvent) -> None:
    assert not is_sealed(KEY, SOURCE, WORKLOAD, forged)


@pytest.mark.parametrize("act", ACTS, ids=kind_of)
def test_every_kind_of_event_is_sealed_alike(act: JudgedEvent) -> None:
    sealed = seal(KEY, SOURCE, WORKLOAD, act)
    (event,) = read_batch(encode(msgspec.structs.replace(BATCH, events=(sealed,)))).events
    assert is_sealed(KEY, SOURCE, WORKLOAD, event)
    assert not is_sealed(KEY, SOURCE, WORKLOAD, msgspec.structs.replace(event, uid=0))


def test_it_holds_for_one_workload_one_source_and_one_key_only() -> None:
    other = Source(node="node-2", boot_id=SOURCE.boot_id, incarnation=SOURCE.incarnation)
    assert is_sealed(KEY, SOURCE, WORKLOAD, SEALED)
    assert not is_sealed(KEY, SOURCE, "node-1/other", SEALED)
    assert not is_sealed(KEY, other, WORKLOAD, SEALED)
    assert not is_sealed(bytes(32), SOURCE, WORKLOAD, SEALED)
