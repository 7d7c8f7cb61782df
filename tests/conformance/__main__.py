"""`python -m tests.conformance FILE...`: run the cases of JSON Lines files. Exit code 1 on a failure."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from policy.policy_set import PolicyRefusedError
from tests.conformance.case import Case, SkippedError, answer, differences


def cases(file: Path) -> Iterator[Case]:
    """The cases of one file."""
    with file.open("rb") as lines:
        for line in lines:
            if line.strip():
                yield msgspec.json.decode(line, type=Case)


def check(case: Case) -> list[str]:
    """What is not as expected, empty where the case passes.

    Raises:
        SkippedError: the case is about something that is not judged yet.
    """
    try:
        found = answer(case)
    except PolicyRefusedError as error:
        return [f"a policy was refused: {error}"]
    return differences(case, found)


def main(arguments: list[str]) -> int:
    """Run all files and print what failed, what was skipped and why, and the sums."""
    if not arguments:
        print("usage: python -m tests.conformance FILE...", file=sys.stderr)
        return 2
    passed, failed = 0, 0
    skipped: Counter[str] = Counter()
    for name in arguments:
        for case in cases(Path(name)):
            try:
                wrong = check(case)
            except SkippedError as reason:
                skipped[str(reason)] += 1
                continue
            if wrong:
                failed += 1
                print(f"FAILED {case.id}  {case.title}", *wrong, sep="\n    ")
            else:
                passed += 1
    for reason, number in sorted(skipped.items()):
        print(f"skipped {number}: {reason}")
    total = f", {skipped.total()} skipped" if skipped else ""
    print(f"{passed} passed, {failed} failed{total}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
