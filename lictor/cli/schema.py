"""`lictor policy schema` and `lictor policy crds`: what documents look like, as files for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from lictor.cli.context import fail, out
from lictor.exit_codes import USAGE
from policy.documents.crds import crd_files
from policy.documents.schema import schema_files

Folder = Annotated[Path, typer.Argument(help="Where the files go; made if it is not there.")]


def schema(folder: Folder) -> None:
    """Write JSON Schemas of policy documents, for editors: one a kind and one for any."""
    write(schema_files(), folder)


def crds(folder: Folder) -> None:
    """Write CustomResourceDefinitions for clusters that have none."""
    write(crd_files(), folder)


def write(files: dict[str, str], folder: Path) -> None:
    """Write `files`, texts by name, into `folder`, and say so; ends the command where it cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
            out.print(f"wrote  {folder / name}")
    except OSError as error:
        fail(f"{folder}: {error}", USAGE)
