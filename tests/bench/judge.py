"""The judge's own speed: decisions a second, beside a plain dictionary; compiling, changing, memory."""

from __future__ import annotations

import gc
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from policy.changes import PolicyApplied
from policy.compiled import Compiled, compiled
from policy.documents import Document, read_document
from policy.events import AnyEvent, FileEvent, ProcessEvent
from policy.judge import judge
from policy.policy_set import PolicySet
from policy.verdict import Verdict
from tests.bench import chart, judging_load
from wire.records import EventBatch

SIZES = (10, 1_000, 10_000)
WARM_SHARE, WARM_RATE, COLD_RATE, MOST_SLOWER = 0.5, 1_000_000, 150_000, 0.2
_decoder: msgspec.json.Decoder[EventBatch] = msgspec.json.Decoder(EventBatch)

Answers = dict[str, dict[Any, Verdict]]


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions a second of CPU for one kind of events; medians of rounds. Lists are by `SIZES`."""

    kind: str
    events: int
    by_path: int
    """A plain loop that looks the path up in a dictionary, and knows nothing else."""
    by_question: int
    """A plain loop that looks up all that these verdicts depend on, as a tuple."""
    warm: tuple[int, ...]
    share_of_path: tuple[float, ...]
    """`warm` / `by_path`, medians of the rounds' own ratios."""
    share_of_question: tuple[float, ...]
    largest_to_smallest: float
    """`warm` with the most rules / with the fewest."""
    cold: tuple[int, ...]


class Preparing(msgspec.Struct, frozen=True, kw_only=True):
    """Times in ms for the most rules, in documents of `rules_a_document`; medians."""

    rules: int
    rules_a_document: int
    read_ms: float
    """JSON to validated documents."""
    compile_ms: float
    """Documents to rules and selectors."""
    index_ms: float
    """The rules that select a workload, made ready."""
    catch_up_ms: float
    """The whole log, change by change, reading and compiling included."""
    change_selected_ms: float
    """One document replaced, and the first event of a workload that it selects judged."""
    change_other_ms: float
    """The same for a workload that it does not select."""
    compiled_bytes_a_rule: int
    indexed_bytes_a_rule: int


class Judging(msgspec.Struct, frozen=True, kw_only=True):
    """All of the section."""

    rounds: int
    speeds: tuple[Speed, ...]
    preparing: tuple[Preparing, ...]

    def text(self) -> str:
        head = ("decisions/s", *(f"{size:,} rules" for size in SIZES))
        parts = [chart.title("The judge, on one core")]
        for one in self.speeds:
            rows = [
                (f"{one.kind}, warm", *(f"{rate:,}" for rate in one.warm)),
                ("  of a look-up by path", *(f"{share:.2f}" for share in one.share_of_path)),
                ("  of a look-up by question", *(f"{share:.2f}" for share in one.share_of_question)),
                (f"{one.kind}, cold", *(f"{rate:,}" for rate in one.cold)),
            ]
            parts += [
                chart.table(head, rows),
                f"plain dictionary: {one.by_path:,}/s by path, {one.by_question:,}/s by question",
                f"{SIZES[-1]:,} rules are {one.largest_to_smallest:.2f} of {SIZES[0]}\n",
            ]
        parts.append(
            f"aims: warm {WARM_SHARE:g} of a look-up and {WARM_RATE:,}/s, cold {COLD_RATE:,}/s; "
            f"at most {MOST_SLOWER:.0%} slower with {SIZES[-1]:,} rules than with {SIZES[0]}\n"
        )
        columns = [f"{one.rules_a_document} a document" for one in self.preparing]
        fields = [name for name in Preparing.__struct_fields__ if not name.startswith("rules")]
        rows = [
            (name.replace("_", " "), *(f"{getattr(one, name):,}" for one in self.preparing))
            for name in fields
        ]
        return "\n".join((*parts, chart.table((f"{SIZES[-1]:,} rules", *columns), rows)))


def measure(*, quick: bool, say: Callable[[str], None]) -> Judging:
    """Everything, in this process; needs neither servers nor root."""
    rounds = 3 if quick else 11
    sets = {}
    for size in SIZES:
        say(f"judge, compiling {size:,} rules")
        sets[size] = judging_load.rule_set(size)
    speeds = tuple(_speed(kind, sets, rounds, quick=quick, say=say) for kind in ("process", "file"))
    preparing = tuple(
        _preparing(each, 1 if quick else 3, say=say) for each in (judging_load.RULES_A_DOCUMENT, 10)
    )
    return Judging(rounds=rounds, speeds=speeds, preparing=preparing)


def _speed(
    kind: str, sets: dict[int, PolicySet], rounds: int, *, quick: bool, say: Callable[[str], None]
) -> Speed:
    encoded = judging_load.batches(kind, 300 if quick else 1000)
    question = _question(kind)
    by_path, by_question = _answers(encoded, _path(kind)), _answers(encoded, question)
    path_loop = _path_loop(kind)
    for current in sets.values():
        for _ in range(2):
            _judge_all(_decoded(encoded), current)
    contenders: dict[str, Callable[[list[EventBatch]], object]] = {
        "path": lambda batches: path_loop(batches, by_path),
        "question": lambda batches: _QUESTION_LOOPS[kind](batches, by_question),
        **{
            f"warm {size}": lambda batches, current=current: _judge_all(batches, current)
            for size, current in sets.items()
        },
    }
    taken: dict[str, list[float]] = {}
    for number in range(rounds):
        say(f"judge, {kind} events, round {number + 1} of {rounds}")
        names = list(contenders)
        for name in (*names[number % len(names) :], *names[: number % len(names)]):
            taken.setdefault(name, []).append(_ns_each(contenders[name], encoded))
        fresh = judging_load.distinct(kind, 60 if quick else 150, f"{kind}-{number}")
        for size, current in sets.items():
            first = _decoded(judging_load.distinct(kind, 1, "index"))
            _judge_all(first, current)
            taken.setdefault(f"cold {size}", []).append(
                _ns_each(lambda batches, current=current: _judge_all(batches, current), fresh)
            )
    warm = [taken[f"warm {size}"] for size in SIZES]
    return Speed(
        kind=kind,
        events=len(encoded) * judging_load.BATCH,
        by_path=_rate(taken["path"]),
        by_question=_rate(taken["question"]),
        warm=tuple(map(_rate, warm)),
        share_of_path=tuple(_ratio(taken["path"], one) for one in warm),
        share_of_question=tuple(_ratio(taken["question"], one) for one in warm),
        largest_to_smallest=_ratio(warm[0], warm[-1]),
        cold=tuple(_rate(taken[f"cold {size}"]) for size in SIZES),
    )


def _decoded(encoded: Iterable[bytes]) -> list[EventBatch]:
    """Events as they come off the wire: every string is new, and its hash not yet known."""
    return [_decoder.decode(one) for one in encoded]


def _ns_each(loop: Callable[[list[EventBatch]], object], encoded: Sequence[bytes]) -> float:
    """CPU time of one decision."""
    batches = _decoded(encoded)
    # The inputs are not the judge's garbage: a service has few of them at a time.
    gc.collect()
    gc.freeze()
    try:
        began = time.thread_time_ns()
        loop(batches)
        return (time.thread_time_ns() - began) / (len(batches) * judging_load.BATCH)
    finally:
        gc.unfreeze()


def _judge_all(batches: Iterable[EventBatch], current: PolicySet) -> None:
    for batch in batches:
        rules = current.for_workload(batch.workload)
        [judge(event, rules) for event in batch.events]


def _path_loop(kind: str) -> Callable[[Iterable[EventBatch], Answers], None]:
    def of_processes(batches: Iterable[EventBatch], answers: Answers) -> None:
        for batch in batches:
            known = answers[batch.workload.id].get
            [known(event.executable.path) for event in batch.events]

    def of_files(batches: Iterable[EventBatch], answers: Answers) -> None:
        for batch in batches:
            known = answers[batch.workload.id].get
            [known(event.path) for event in batch.events]

    return of_processes if kind == "process" else of_files


def _questions_of_processes(batches: Iterable[EventBatch], answers: Answers) -> None:
    for batch in batches:
        known = answers[batch.workload.id].get
        [known((event.executable.path, event.source.path)) for event in batch.events]


def _questions_of_files(batches: Iterable[EventBatch], answers: Answers) -> None:
    for batch in batches:
        known = answers[batch.workload.id].get
        [
            known((event.path, event.access, event.actor.path, event.uid == event.owner_uid))
            for event in batch.events
        ]


_QUESTION_LOOPS: dict[str, Callable[[Iterable[EventBatch], Answers], None]] = {
    "process": _questions_of_processes,
    "file": _questions_of_files,
}


def _path(kind: str) -> Callable[[AnyEvent], object]:
    return (lambda event: event.executable.path) if kind == "process" else (lambda event: event.path)


def _question(kind: str) -> Callable[[AnyEvent], object]:
    def of_process(event: ProcessEvent) -> object:
        return (event.executable.path, event.source.path)

    def of_file(event: FileEvent) -> object:
        return (event.path, event.access, event.actor.path, event.uid == event.owner_uid)

    return of_process if kind == "process" else of_file


def _answers(encoded: Sequence[bytes], key: Callable[[AnyEvent], object]) -> Answers:
    answers: Answers = {}
    for batch in _decoded(encoded):
        known = answers.setdefault(batch.workload.id, {})
        for event in batch.events:
            known[key(event)] = Verdict(decision="allow", reason="no-policy", sentence="")
    return answers


def _preparing(each: int, rounds: int, *, say: Callable[[str], None]) -> Preparing:
    rules = SIZES[-1]
    say(f"judge, preparing {rules:,} rules in documents of {each}")
    raws = list(judging_load.documents(rules, each))
    taken: dict[str, list[float]] = {}

    def timed(name: str, work: Callable[..., Any], *given: Any) -> Any:
        gc.collect()
        began = time.thread_time_ns()
        result = work(*given)
        taken.setdefault(name, []).append((time.thread_time_ns() - began) / 1e6)
        return result

    (event,) = _decoded(judging_load.distinct("process", 1, "other"))[0].events[:1]
    selected = judging_load.workload("selected")
    other = msgspec.structs.replace(judging_load.workload("other"), labels={})
    spec = {"process": {"matchPaths": [{"path": "/usr/bin/changed"}]}}
    change = PolicyApplied(document=judging_load.document("policy-00050", spec))
    for _ in range(rounds):
        documents = timed("read", _read, raws)
        timed("compile", _compile, documents)
        current = timed("catch up", _caught_up, raws)
        timed("index", current.for_workload, selected)
        current.for_workload(other)
        for owner, name in ((selected, "selected"), (other, "other")):
            timed(name, _changed, current, change, owner, event)
    held, indexed = _bytes(raws, selected)
    return Preparing(
        rules=rules,
        rules_a_document=each,
        read_ms=_median(taken["read"]),
        compile_ms=_median(taken["compile"]),
        index_ms=_median(taken["index"]),
        catch_up_ms=_median(taken["catch up"]),
        change_selected_ms=_median(taken["selected"]),
        change_other_ms=_median(taken["other"]),
        compiled_bytes_a_rule=round(held / rules),
        indexed_bytes_a_rule=round(indexed / rules),
    )


def _read(raws: Iterable[msgspec.Raw]) -> list[Document]:
    return [read_document(raw).documents[0] for raw in raws]


def _compile(documents: Iterable[Document]) -> list[Compiled]:
    return [compiled(one) for one in documents]


def _caught_up(raws: Iterable[msgspec.Raw]) -> PolicySet:
    current = PolicySet.empty()
    for offset, raw in enumerate(raws):
        current = current.apply(PolicyApplied(document=raw), offset)
    return current


def _changed(current: PolicySet, change: PolicyApplied, owner: Any, event: AnyEvent) -> PolicySet:
    after = current.apply(change, current.offset + 1)
    judge(event, after.for_workload(owner))
    return after


def _bytes(raws: Sequence[msgspec.Raw], owner: Any) -> tuple[int, int]:
    """What a set holds on to, documents included, and what its index adds."""
    gc.collect()
    tracemalloc.start()
    try:
        current = _caught_up(raws)
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
        current.for_workload(owner)
        gc.collect()
        return held, tracemalloc.get_traced_memory()[0] - held
    finally:
        tracemalloc.stop()


def _median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 2)


def _rate(ns_each: Sequence[float]) -> int:
    return round(1e9 / statistics.median(ns_each))


def _ratio(base: Sequence[float], other: Sequence[float]) -> float:
    return round(statistics.median(one / two for one, two in zip(base, other, strict=True)), 3)
