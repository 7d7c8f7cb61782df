"""The schemas of records as they were released, and as the code has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wire.record_schema import schema_files

FOLDER = Path(__file__).parents[1] / "golden" / "schema" / "v1"


def released(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """As they were released, by the names of their files."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}


def current() -> dict[str, dict[str, Any]]:
    """As the code has them."""
    return {name: json.loads(text) for name, text in schema_files().items()}


def release(folder: Path = FOLDER) -> list[str]:
    """Take the schemas of the code for released ones; the names of the files that are written."""
    written = []
    for name, text in schema_files().items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            written.append(name)
    return written
