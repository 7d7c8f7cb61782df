"""`python -m tests.compatibility`: what the code's schemas break for readers of the released ones.

`--release` takes the code's for released ones, unless something breaks. Done with every release.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.compatibility import breaks_of_all
from tests.compatibility.released import FOLDER, current, release, released


def main(arguments: list[str] | None = None) -> int:
    """Say it; 0 where nothing breaks, 1 where something does."""
    parser = argparse.ArgumentParser(prog="python -m tests.compatibility", description=__doc__)
    parser.add_argument(
        "--release", action="store_true", help="take the schemas of the code for released ones"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the released ones are")
    asked = parser.parse_args(arguments)
    found = breaks_of_all(released(asked.folder), current())
    for sentence in found:
        print(sentence)
    if found:
        return 1
    if asked.release:
        for name in release(asked.folder):
            print(f"released  {name}")
    else:
        print("nothing breaks")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
