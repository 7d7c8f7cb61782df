"""Events that `lictor policy explain` is given: records, descriptions, flags."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn

import msgspec

from lictor.cli.context import fail
from lictor.cli.policy_files import STANDARD_INPUT, read_file
from lictor.cli.record_search import Found
from lictor.exit_codes import USAGE
from policy.described import VERBS, DescriptionError
from policy.described import event as described_event
from policy.documents.tree import Value
from policy.documents.yaml_tree import read_trees
from policy.events import AnyEvent, ExitEvent, JudgedEvent
from policy.workload import Workload
from wire.codec import RecordError, read_batch, read_verdict


class Subject(NamedTuple):
    """An event to explain, and whose it is as far as the record says."""

    event: AnyEvent
    workload: Workload | None = None
    record: Found | None = None


def subjects_in(name: str) -> Iterator[Subject]:
    """The events of a file or of standard input: records as on the topics, or descriptions.

    JSON in lines or one JSON value. The ends of processes, which nothing judges, are left out of batches.
    """
    where, text = ("standard input", sys.stdin.read()) if name == STANDARD_INPUT else read_file(Path(name))
    found = False
    for label, value in _values(where, text):
        for subject in _subjects_of(label, value):
            found = True
            yield subject
    if not found:
        fail(f"{where}: it holds no event that can be judged", USAGE)


def described(description: Mapping[str, Value]) -> JudgedEvent:
    """The event that flags or a description describe; ends the command where they do not."""
    try:
        return described_event(description)
    except DescriptionError as error:
        fail(f"this describes no event: {error}", USAGE)


def inline(text: str) -> dict[str, Value]:
    """A description on the command line, in YAML: `{rename: /a, new: /b}`."""
    trees = list(read_trees(text, "--event"))
    problems = [problem for tree in trees for problem in tree.problems]
    value = trees[0].value if len(trees) == 1 else None
    if problems or not isinstance(value, dict):
        why = "; ".join(map(str, problems)) or f"{text}: write one mapping"
        fail(f"--event: {why}; write it as {{rename: /a, new: /b}}", USAGE)
    return value


def _values(where: str, text: str) -> Iterator[tuple[str, object]]:
    """Every JSON value with the place that it stands at."""
    try:
        whole = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield f"{where}:{number}", _decoded(f"{where}:{number}", line)
        return
    yield from ((where, one) for one in (whole if isinstance(whole, list) else [whole]))


def _decoded(label: str, line: str) -> object:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        fail(
            f"{label}: this is not JSON: {error}; give records as `lictor events -o json` prints them", USAGE
        )


def _subjects_of(label: str, value: object) -> Iterator[Subject]:
    if isinstance(value, dict) and "record" in value:  # an order or an outcome, which holds the verdict
        value = value["record"]
    if not isinstance(value, dict):
        _refuse(label, "it is no record")
    try:
        if "events" in value:
            batch = read_batch(msgspec.json.encode(value))
            yield from (
                Subject(one, batch.workload) for one in batch.events if not isinstance(one, ExitEvent)
            )
        elif "verdict" in value:
            record = read_verdict(msgspec.json.encode(value))
            found = Found(record.workload, record.event, record)
            yield Subject(record.event, record.workload, found)
        elif "kind" in value:
            yield Subject(msgspec.convert(value, AnyEvent))
        elif VERBS.keys() & value.keys():
            yield Subject(described(value))
        else:
            _refuse(label, "it is no record")
    except (RecordError, msgspec.ValidationError) as error:
        _refuse(label, str(error))


def _refuse(label: str, why: str) -> NoReturn:
    fail(
        f"{label}: {why}; give an event, batch or verdict as `lictor events -o json` and `verdicts -o json` "
        'print them, or a description such as {"exec": "/usr/bin/id"}',
        USAGE,
    )
