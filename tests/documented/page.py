"""Generated parts of a page: found, compared, written."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
WRITE = "LICTOR_WRITE_DOCS"


def hold(page: str, name: str, text: str) -> None:
    """Fail unless the part `name` of a page is `text`; where docs are to be written, write it."""
    file = DOCS / page
    whole = file.read_text(encoding="utf-8")
    part = re.compile(rf"(?<=<!-- generated: {re.escape(name)} -->\n).*?(?=<!-- end -->)", re.DOTALL)
    found = part.search(whole)
    assert found is not None, f"docs/{page} has no part {name}"
    if os.environ.get(WRITE):
        file.write_text(part.sub(lambda _: text, whole, count=1), encoding="utf-8")
        return
    assert found[0] == text, f"docs/{page} is behind the code: run the tests with {WRITE}=1 and look at it"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
