"""What people read of lint: every finding, word for word and where it stands.

tests/golden/lint/documents.txt has blocks of what is linted and, indented, all that is said about it. A
block is a mapping: `spec` (of a pod policy), `host`, `cluster`, or `all` with a list of such mappings, and
what is known besides: `layout`, `workloads` (labels, in namespace shop), `postures`.
`LICTOR_WRITE_DOCS=1` writes what is said anew; read the difference.
"""

import os
from pathlib import Path
from typing import Any

import msgspec
import yaml

from policy.documents import read_documents
from policy.lint import Circumstances, Layout, lint
from tests.fixtures.policies import document, pod
from tests.unit.test_policy_lint_cases import CASES

FILE = Path(__file__).parents[1] / "golden" / "lint" / "documents.txt"


def written(one: dict[str, Any]) -> dict[str, Any]:
    """A document of a block."""
    name = one.get("name", "p")
    if "host" in one:
        return document(one["host"], kind="KubeArmorHostPolicy", metadata={"name": name})
    if "cluster" in one:
        return document(one["cluster"], kind="KubeArmorClusterPolicy", metadata={"name": name})
    return document(one["spec"], metadata={"name": name, "namespace": one.get("namespace", "ns")})


def said_of(block: str) -> list[str]:
    asked = yaml.safe_load(block)
    documents = [written(one) for one in asked.get("all", [asked])]
    text = read_documents("\n---\n".join(msgspec.json.encode(one).decode() for one in documents), "f.yaml")
    known = asked.get("workloads")
    workloads = None if known is None else tuple(pod(namespace="shop", labels=labels) for labels in known)
    circumstances = Circumstances(
        layout=Layout(asked.get("layout", "unknown")),
        workloads=workloads,
        postures=asked.get("postures", {}),
    )
    return [f"    {finding}" for finding in lint([text], circumstances)]


def test_every_sentence() -> None:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    blocks = [line for line in lines if not line.startswith("    ")]
    now = [line for block in blocks for line in (block, *said_of(block))]
    if os.environ.get("LICTOR_WRITE_DOCS"):
        FILE.write_text("\n".join(now) + "\n", encoding="utf-8")
    assert now == FILE.read_text(encoding="utf-8").splitlines()


def test_every_case_is_there() -> None:
    blocks = [
        yaml.safe_load(line) for line in FILE.read_text(encoding="utf-8").splitlines() if line[0] != " "
    ]
    specs = [block.get("spec") for block in blocks]
    assert not [case.code for case in CASES if case.bad not in specs]
