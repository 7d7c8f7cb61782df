"""Whatever is read, only problems and documents come out; and what came out is read back as it was."""

import json
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.documents import ReadResult, read_document, read_documents
from policy.documents.kinds import KINDS
from policy.documents.yaml_tree import DEEPEST
from tests.fixtures.policies import document
from tests.fixtures.policy_documents import SELECTORS, whole

bounded = settings(max_examples=200, deadline=None, derandomize=True)

SMALL = yaml.safe_dump_all(
    [
        document(
            {"process": {"matchPaths": [{"path": "/x", "fromSource": [{"path": "/y"}]}]}} | selector,
            kind=kind,
        )
        for kind, selector in SELECTORS.items()
    ]
)


def sound(result: ReadResult, *, from_text: bool = True) -> ReadResult:
    """`result`, which keeps every promise that is made about one."""
    assert isinstance(result, ReadResult)
    for problem in result.problems:
        assert problem.sentence
        assert str(problem).isprintable()
        assert (problem.line >= 1 and problem.column >= 1) is from_text
    assert len(result.located) == (len(result.documents) if from_text else 0)
    for one in result.documents:
        again = read_document(one.canonical)
        assert not again.problems
        assert again.documents == (one,)
        # Escaped, as `lictor policy get -o json` prints it: YAML takes some characters in no other form.
        in_a_file = read_documents(json.dumps(json.loads(one.canonical)), "f")
        assert [(other.hash, other.canonical) for other in in_a_file.documents] == [(one.hash, one.canonical)]
    return result


scraps = st.sampled_from(
    [
        *("apiVersion", "kind: ", "KubeArmorPolicy", "List", "items:", "spec:", "\n", "  ", "- ", ": ", ", "),
        *(
            "{",
            "}",
            "[",
            "]",
            "&a ",
            "*a",
            "---\n",
            "...\n",
            "'",
            '"',
            "|\n",
            ">\n",
            "!!str ",
            "!x ",
            "!!set ",
        ),
        *(
            "%YAML 1.1\n",
            "%TAG ! x\n",
            "# ",
            "? ",
            "<<: ",
            "= ",
            "null",
            "~",
            "yes",
            "1e9",
            "0b_",
            "0o7",
            ".inf",
        ),
        *(
            "-.nan",
            "1:60",
            "2020-99-99",
            "9" * 400,
            "\x85",
            "\ufeff",
            "\u2028",
            "\t",
            "\0",
            "\x1b[2J",
            "\u202e",
        ),
        *("\ud800", "\U0010ffff", "\\ud83d", "\\x", "\r", "\r\n"),
    ]
)


@bounded
@given(st.one_of(st.text(max_size=200), st.lists(scraps, max_size=40).map("".join)))
def test_any_text(text: str) -> None:
    assert not sound(read_documents(text, "f")).documents


@bounded
@given(st.binary(max_size=200))
def test_any_log_record(raw: bytes) -> None:
    assert not sound(read_document(raw), from_text=False).documents


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Right documents with a few pieces cut out, doubled or overwritten."""
    text = SMALL
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        piece = draw(st.one_of(st.just(""), scraps, st.just(text[start:end] * 2), st.text(max_size=3)))
        text = text[:start] + piece + text[end:]
    return text


@bounded
@given(damaged())
def test_damaged_documents(text: str) -> None:
    sound(read_documents(text, "f"))


NAMES = sorted(
    {key for kind in KINDS for key in yaml.safe_load(json.dumps(whole(kind)))["spec"]}
    | {"matchPaths", "matchLabels", "matchExpressions", "path", "tags", "items", "kind", "metadata", "x", ""}
)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**62, max_value=2**70),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["/x", "/x/", "Allow", "List", "KubeArmorPolicy", "a=b", "tcp", "v1"]),
)
structures = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@bounded
@given(structures)
def test_any_structure(value: Any) -> None:
    sound(read_documents(yaml.safe_dump(value, allow_unicode=True), "f"))


@bounded
@given(st.sampled_from(["List", *(f"{kind}List" for kind in KINDS)]), structures)
def test_any_list(kind: str, items: Any) -> None:
    written = {"apiVersion": "v1", "kind": kind, "items": items}
    sound(read_documents(json.dumps(written), "f"))


@bounded
@given(st.sampled_from(sorted(KINDS)), structures)
def test_any_spec(kind: str, spec: Any) -> None:
    written = json.dumps(document(spec, kind=kind)).encode()
    result = sound(read_document(written), from_text=False)
    assert bool(result.documents) != bool(result.problems)


rules = st.fixed_dictionaries(
    {"path": st.sampled_from(["/x", "//x", "/a b", "/é\u202e", "/\U0001f600"])},
    optional={
        "tags": st.lists(st.text(max_size=3), max_size=2),
        "message": st.text(max_size=5),
        "severity": st.integers(1, 10),
        "action": st.sampled_from(["Allow", "aUDIT", "block"]),
        "pts": st.booleans(),
        "fromSource": st.lists(st.just({"path": "/s"}), max_size=1),
    },
)
labels = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2)


@bounded
@given(st.lists(rules, max_size=3), labels, labels)
def test_right_documents_come_back_as_they_were(
    paths: list[dict[str, Any]], selected: dict[str, str], annotations: dict[str, str]
) -> None:
    spec = {"file": {"matchPaths": paths}, "selector": {"matchLabels": selected}}
    written = document(spec, metadata={"name": "p", "annotations": annotations})
    (from_log,) = sound(read_document(json.dumps(written).encode()), from_text=False).documents
    (from_json,) = sound(read_documents(json.dumps(written), "f")).documents
    (from_yaml,) = sound(read_documents(yaml.safe_dump(written), "f")).documents
    assert from_log == from_json == from_yaml
    kept = json.loads(from_log.canonical)["spec"].get("file", {}).get("matchPaths", [])
    assert kept == [tidied(rule) for rule in paths]


def tidied(rule: dict[str, Any]) -> dict[str, Any]:
    """`rule` in its canonical form."""
    action = {"action": rule["action"].capitalize()} if "action" in rule else {}
    defaults = [("pts", True), ("fromSource", [])]
    return {key: value for key, value in (rule | action).items() if (key, value) not in defaults}


@pytest.mark.parametrize("depth", [DEEPEST - 1, DEEPEST + 1, 500, 5000, 50_000])
@pytest.mark.parametrize(
    ("opened", "closed"), [("[", "]"), ('{"a":', "}"), ("- ", ""), ("? ", ""), ("!x [", "]")]
)
def test_deep_nesting(depth: int, opened: str, closed: str) -> None:
    text = opened * depth + "1" + closed * depth
    assert sound(read_documents(text, "f")).problems
    assert sound(read_document(text.encode()), from_text=False).problems


@pytest.mark.parametrize(
    "number",
    ["9" * 900, "9" * 5000, "-" + "9" * 400, "1e400", "-1e400", "0x" + "f" * 5000, "1" + ":59" * 100_000],
)
def test_huge_numbers(number: str) -> None:
    text = json.dumps(document({"severity": 1})).replace(": 1}", f": {number}}}")
    assert number in text
    assert sound(read_documents(text, "f")).problems
    assert sound(read_document(text.encode()), from_text=False).problems
    assert sound(read_document(msgspec.Raw(text.encode())), from_text=False).problems
