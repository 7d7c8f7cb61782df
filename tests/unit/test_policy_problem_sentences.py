"""What people read who wrote a policy that cannot be used: every sentence, word for word.

tests/golden/problems/specs.txt has blocks of a spec and, indented, all that is said about it.
`LICTOR_WRITE_DOCS=1` writes them anew; read the difference.
"""

import os
from pathlib import Path

from policy.documents import read_documents

FILE = Path(__file__).parents[1] / "golden" / "problems" / "specs.txt"
HEAD = "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nmetadata: {name: p}\n"


def said_of(spec: str) -> list[str]:
    return [f"    {problem}" for problem in read_documents(HEAD + spec, "f.yaml").problems]


def test_every_sentence() -> None:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    specs = [line for line in lines if not line.startswith("    ")]
    now = [line for spec in specs for line in (spec, *said_of(spec))]
    if os.environ.get("LICTOR_WRITE_DOCS"):
        FILE.write_text("\n".join(now) + "\n", encoding="utf-8")
    assert now == FILE.read_text(encoding="utf-8").splitlines()
