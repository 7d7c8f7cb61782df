"""The schemas of records break nobody's reader; and the check that says so notices what would."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.compatibility import breaks, breaks_of_all
from tests.compatibility.__main__ import main
from tests.compatibility.released import current
from tests.compatibility.released import released as all_released
from tests.fixtures.json_schema import Schema

RECORDS = Path(__file__).parents[1] / "golden" / "v1"
Change = Callable[[Any], object]
AS_RELEASED = all_released()


def released(name: str) -> dict[str, Any]:
    return AS_RELEASED[f"{name}.v1.json"]


def test_what_is_written_now_breaks_no_reader_of_what_was_released() -> None:
    found = breaks_of_all(AS_RELEASED, current())
    assert AS_RELEASED, "no released schemas"
    assert not found, "\n".join(found)


def test_a_release_takes_what_breaks_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--folder", str(tmp_path)]
    older, broken = deepcopy(released("outcome")), deepcopy(released("epoch"))
    del older["properties"]["exec_to_kill_ns"]  # as before that field was added
    broken["properties"]["worker"] = {"type": "integer"}
    (tmp_path / "outcome.v1.json").write_text(json.dumps(older))
    assert main(asked) == 0
    assert json.loads((tmp_path / "outcome.v1.json").read_text()) == older
    assert main([*asked, "--release"]) == 0
    assert all_released(tmp_path) == current()
    assert "released  outcome.v1.json" in capsys.readouterr().out
    (tmp_path / "epoch.v1.json").write_text(json.dumps(broken))
    assert main([*asked, "--release"]) == 1
    assert capsys.readouterr().out == "epoch.v1.json: Epoch.worker was integer and is now string\n"
    assert json.loads((tmp_path / "epoch.v1.json").read_text()) == broken


def test_a_record_that_is_gone_breaks_and_a_new_one_does_not() -> None:
    both = {"a": released("epoch"), "b": released("outcome")}
    assert breaks_of_all(both, {"a": both["a"]}) == ["b: the record is gone, and its readers with it"]
    assert not breaks_of_all({"a": both["a"]}, both)


def fields(schema: Any, title: str = "") -> Any:
    return schema["$defs"][title]["properties"] if title else schema["properties"]


def put(name: str, shape: Any, title: str = "") -> Change:
    return lambda schema: fields(schema, title).update({name: shape})


def drop(name: str, title: str = "") -> Change:
    def change(schema: Any) -> None:
        del fields(schema, title)[name]
        of = schema["$defs"][title] if title else schema
        of["required"] = [one for one in of["required"] if one != name]

    return change


def also(title: str, word: str, value: Any) -> Change:
    return lambda schema: schema["$defs"][title].update({word: value})


def rename(schema: Any) -> None:
    """A class by another name: names of definitions do not travel."""
    found = schema["$defs"].pop("Executable")
    schema["$defs"]["Program"] = found | {"title": "Program"}
    text = json.dumps(schema).replace("#/$defs/Executable", "#/$defs/Program")
    schema.update(json.loads(text))


def require(name: str, title: str = "") -> Change:
    return lambda schema: (schema["$defs"][title] if title else schema)["required"].append(name)


def relax(name: str, title: str = "") -> Change:
    return lambda schema: (schema["$defs"][title] if title else schema)["required"].remove(name)


def new_kind(schema: Any) -> None:
    """A kind of event that was not there."""
    schema["$defs"]["SignalEvent"] = {
        "title": "SignalEvent",
        "type": "object",
        "properties": {"kind": {"type": "string", "enum": ["signal"]}, "number": {"type": "integer"}},
        "required": ["kind", "number"],
        "additionalProperties": True,
    }
    schema["$defs"]["OtherEvent"]["properties"]["kind"]["not"]["enum"].append("signal")
    fields(schema)["event"]["anyOf"].insert(0, {"$ref": "#/$defs/SignalEvent"})


def without_a_kind(schema: Any) -> None:
    fields(schema)["event"]["anyOf"].remove({"$ref": "#/$defs/DnsEvent"})


def new_change(schema: Any) -> None:
    schema["$defs"]["LabelChanged"] = {
        "title": "LabelChanged",
        "type": "object",
        "properties": {"change": {"type": "string", "enum": ["label-changed"]}},
        "required": ["change"],
    }
    schema["anyOf"].append({"$ref": "#/$defs/LabelChanged"})


def values(name: str, title: str, word: str, new: list[str]) -> Change:
    def change(schema: Any) -> None:
        shape = fields(schema, title)[name]
        for old in ("enum", "examples"):
            shape.pop(old, None)
        if new:
            shape[word] = new

    return change


TEXT = {"type": "string"}

PASS: dict[str, tuple[str, Change]] = {
    "nothing": ("verdict", lambda _: None),
    "a field that may be absent": ("verdict", put("cluster", TEXT | {"default": ""})),
    "the same within": ("verdict", put("zone", TEXT | {"default": ""}, "Workload")),
    "a field of another shape that may be absent": (
        "outcome",
        put("signals", {"type": "array", "items": {}}),
    ),
    "another description": ("verdict", also("Workload", "description", "Whose process it is.")),
    "another name of a class": ("verdict", rename),
    "a kind of event": ("verdict", new_kind),
    "a reason": ("verdict", lambda schema: schema["$defs"]["Reason"]["examples"].append("behaviour")),
    "a result": ("outcome", lambda schema: fields(schema)["result"]["examples"].append("refused")),
    "fields in another order": (
        "verdict",
        lambda schema: schema.update(properties=dict(reversed(fields(schema).items()))),
    ),
}
BREAK: dict[str, tuple[str, Change, str]] = {
    "a field removed": ("verdict", drop("sentence", "Verdict"), "Verdict.sentence is gone"),
    "a field removed that could be absent": ("verdict", drop("pod", "Workload"), "Workload.pod is gone"),
    "a field of the record itself": ("outcome", drop("node"), "Outcome.node is gone"),
    "a field renamed": (
        "verdict",
        lambda schema: (drop("image", "Workload")(schema), put("picture", TEXT, "Workload")(schema)),
        "Workload.image is gone",
    ),
    "another type": (
        "verdict",
        put("judged_ns", TEXT),
        "VerdictRecord.judged_ns was integer and is now string",
    ),
    "a type widened": (
        "verdict",
        put("severity", {"anyOf": [{"type": "integer"}, TEXT, {"type": "null"}], "default": None}, "Verdict"),
        "Verdict.severity may now be string, which readers of before refuse",
    ),
    "a type narrowed": (
        "verdict",
        put("severity", {"type": "integer", "default": None}, "Verdict"),
        "Verdict.severity is null in records that are kept, and may no longer be",
    ),
    "null where there was none": (
        "epoch",
        put("worker", {"anyOf": [TEXT, {"type": "null"}]}),
        "Epoch.worker may now be null",
    ),
    "anything narrowed": (
        "policy-change",
        put("document", {"type": "object"}, "PolicyApplied"),
        "PolicyApplied.document was anything and is now object",
    ),
    "items of another type": (
        "verdict",
        put("tags", {"type": "array", "items": {"type": "integer"}, "default": []}, "Verdict"),
        "Verdict.tags[] was string and is now integer",
    ),
    "values of a mapping of another type": (
        "verdict",
        put(
            "labels", {"type": "object", "additionalProperties": {"type": "array"}, "default": {}}, "Workload"
        ),
        "Workload.labels{} was string and is now array",
    ),
    "a value removed": (
        "verdict",
        values("decision", "Verdict", "enum", ["allow", "audit", "block"]),
        "Verdict.decision loses the value unknown",
    ),
    "a known value removed where values may be added": (
        "outcome",
        lambda schema: fields(schema)["result"]["examples"].remove("capped"),
        "Outcome.result loses the value capped",
    ),
    "a value added where none may be": (
        "verdict",
        values("decision", "Verdict", "enum", ["allow", "audit", "block", "hold", "unknown"]),
        "Verdict.decision gains the value hold, which readers of before refuse",
    ),
    "values opened": (
        "verdict",
        values("decision", "Verdict", "examples", ["allow", "audit", "block", "unknown"]),
        "Verdict.decision may now have any value",
    ),
    "values closed": (
        "verdict",
        values("access", "FileEvent", "enum", []),
        "FileEvent.access loses the value chmod",
    ),
    "open values closed": (
        "outcome",
        lambda schema: fields(schema)["result"].update(enum=fields(schema)["result"].pop("examples")),
        "Outcome.result may have had any value in records that are kept",
    ),
    "a field required": ("verdict", require("pod", "Workload"), "Workload.pod is now required"),
    "a new field required": (
        "verdict",
        lambda schema: (put("cluster", TEXT)(schema), require("cluster")(schema)),
        "VerdictRecord.cluster is new and required",
    ),
    "a field no longer required": (
        "verdict",
        relax("judged_ns"),
        "VerdictRecord.judged_ns may now be absent, and readers of before rely on it",
    ),
    "another default": (
        "verdict",
        put("complete", {"type": "boolean", "default": True}, "Workload"),
        "Workload.complete means something else where it is absent: False before, True now",
    ),
    "a default where absence said something": (
        "policy-change",
        put("match_args", {"type": "boolean", "default": False}, "SettingsChanged"),
        "SettingsChanged.match_args means something else where it is absent: nothing before, False now",
    ),
    "a bound": (
        "verdict",
        put("judged_ns", {"type": "integer", "minimum": 0}),
        "VerdictRecord.judged_ns has another minimum: None before, 0 now",
    ),
    "another version": (
        "verdict",
        put("schema", {"type": "integer", "const": 2, "default": 1}),
        "VerdictRecord.schema has another const: 1 before, 2 now",
    ),
    "bytes said otherwise": (
        "dead-letter",
        put("value", TEXT),
        "DeadLetter.value has another contentEncoding",
    ),
    "closed to what is new": (
        "verdict",
        also("Workload", "additionalProperties", False),
        "Workload takes other fields than before",
    ),
    "a kind of event removed": ("verdict", without_a_kind, "VerdictRecord.event is kind=dns in records"),
    "a kind of change": ("policy-change", new_change, "Change may now be change=label-changed"),
}


def records_of(name: str) -> list[Any]:
    return [json.loads(path.read_bytes()) for path in RECORDS.glob(f"{name}*.json")]


@pytest.mark.parametrize("what", PASS)
def test_what_breaks_nobody_passes(what: str) -> None:
    name, change = PASS[what]
    before, after = released(name), deepcopy(released(name))
    change(after)
    assert breaks(before, after) == []
    refusals = [sentence for record in records_of(name) for sentence in Schema(after).refusals(record)]
    assert not refusals


@pytest.mark.parametrize("what", BREAK)
def test_what_breaks_is_said_where_it_is(what: str) -> None:
    name, change, sentence = BREAK[what]
    before, after = released(name), deepcopy(released(name))
    change(after)
    assert after != before
    found = breaks(before, after)
    assert any(one.startswith(sentence) for one in found), found
    assert len(found) == len(set(found)) <= 13, found


def test_a_break_within_is_said_of_every_record_that_has_it() -> None:
    for name in ("event-batch", "verdict", "order", "outcome"):
        before, after = released(name), deepcopy(released(name))
        drop("pod", "Workload")(after)
        assert breaks(before, after) == ["Workload.pod is gone: readers that use it find nothing"], name


def shapes(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every shape within a schema, and where it is."""
    below = [(f"{title}", found) for title, found in schema.get("$defs", {}).items()]
    below += [(name, found) for name, found in schema.get("properties", {}).items()]
    below += [("[]", schema["items"])] if isinstance(schema.get("items"), dict) else []
    below += [(f"|{number}", one) for number, one in enumerate(schema.get("anyOf", ()))]
    if isinstance(schema.get("additionalProperties"), dict):
        below.append(("{}", schema["additionalProperties"]))
    for name, found in below:
        yield name, found
        yield from ((f"{name}/{inner}", one) for inner, one in shapes(found))


def without(word: str, what: Any) -> Change:
    return lambda shape: shape[word].pop(what) if isinstance(shape[word], dict) else shape[word].remove(what)


def also_in(word: str, what: Any) -> Change:
    return lambda shape: shape[word].append(what)


def damages(shape: Any) -> Iterator[tuple[str, Change]]:
    """Everything that can be done to one shape and breaks somebody."""
    for name in shape.get("properties", {}):
        yield f"without {name}", without("properties", name)
        needed = name in shape.get("required", ())
        yield f"{name} the other way round", (without if needed else also_in)("required", name)
    for word in ("enum", "examples"):
        for value in shape.get(word, ()):
            yield f"without the value {value}", without(word, value)
    if "enum" in shape:
        yield "another value", also_in("enum", "another")
    if "default" in shape:
        yield "another default", lambda one: one.update(default="another")
    if "type" in shape:
        other = "boolean" if shape["type"] != "boolean" else "integer"
        yield "another type", lambda one: one.update(type=other)
    for one in shape.get("anyOf", ()):
        yield f"without {one}", without("anyOf", one)


@pytest.mark.parametrize("name", ["verdict", "policy-change", "service-health", "dead-letter"])
def test_every_damage_at_every_place_is_noticed(name: str) -> None:
    before = released(name)
    text = json.dumps(before)
    tried = 0
    for place, shape in [("", before), *shapes(before)]:
        if place.startswith("OtherEvent"):
            continue  # what later releases may add; only whether it is there counts
        for number, (what, _) in enumerate(damages(shape)):
            after = json.loads(text)
            damaged = dict([("", after), *shapes(after)])[place]
            dict(enumerate(damages(damaged)))[number][1](damaged)
            tried += 1
            assert breaks(before, after), f"{place}: {what}"
    assert tried > 5
