"""`python -m tests.conformance [FILE...]`: run the cases of JSON Lines files. Exit code 1 on a failure.

Without a file, those that stand beside this program.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from policy.policy_set import PolicyRefusedError
from tests.conformance.case import Case, answer, differences
from tests.conformance.events import CaseError

CASES = Path(__file__).with_name("cases.jsonl")


def lines(file: Path) -> Iterator[tuple[str, bytes]]:
    """The lines of one file that are not blank, each with its place."""
    with file.open("rb") as opened:
        for number, line in enumerate(opened, start=1):
            if line.strip():
                yield f"{file}:{number}", line


def check(case: Case) -> list[str]:
    """What is not as expected, empty where the case passes."""
    try:
        found = answer(case)
    except CaseError as error:
        return [str(error)]
    except PolicyRefusedError as error:
        return [f"a policy was refused: {error}"]
    return differences(case, found)


def check_line(place: str, line: bytes) -> list[str]:
    """What to print about the case in a line, empty where it passes."""
    try:
        case = msgspec.json.decode(line, type=Case)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        return [f"FAILED {place}", f"    it is no case: {error}"]
    wrong = check(case)
    return [f"FAILED {case.id}  {case.title}", *(f"    {one}" for one in wrong)] if wrong else []


def main(arguments: list[str]) -> int:
    """Run all files and print what failed, and the sums."""
    passed, failed = 0, 0
    for file in [Path(name) for name in arguments] or [CASES]:
        try:
            for place, line in lines(file):
                wrong = check_line(place, line)
                failed += bool(wrong)
                passed += not wrong
                for one in wrong:
                    print(one)
        except OSError as error:
            print(f"{file} cannot be read: {error.strerror}", file=sys.stderr)
            return 2
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
