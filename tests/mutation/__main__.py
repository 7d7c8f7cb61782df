"""`python -m tests.mutation`: the score of every module after a run of mutmut, and what survived.

Exit code 1 where fewer than 90 % of the mutants were noticed.
"""

import subprocess
import sys
from collections import Counter, defaultdict

WANTED = 0.90
_NOTICED = {"killed", "timeout", "suspicious", "segfault", "caught by type check"}


def main() -> int:
    """Print the table."""
    listed = subprocess.run(
        ["mutmut", "results", "--all", "true"], check=True, capture_output=True, text=True
    )
    by_module: defaultdict[str, Counter[str]] = defaultdict(Counter)
    survivors = []
    for line in listed.stdout.splitlines():
        name, _, status = line.strip().rpartition(": ")
        if not name:
            continue
        by_module[name.rsplit(".", 1)[0]][status] += 1
        if status not in _NOTICED:
            survivors.append(f"{status}  {name}")
    total: Counter[str] = Counter()
    for module, counts in sorted(by_module.items()):
        total += counts
        print(_row(module, counts))
    print(*survivors, sep="\n")
    print(_row("all", total))
    return 0 if _noticed(total) >= WANTED * total.total() else 1


def _noticed(counts: Counter[str]) -> int:
    return sum(number for status, number in counts.items() if status in _NOTICED)


def _row(module: str, counts: Counter[str]) -> str:
    noticed = _noticed(counts)
    return f"{noticed / max(1, counts.total()):>6.1%}  {noticed:>5} of {counts.total():<5}  {module}"


if __name__ == "__main__":
    sys.exit(main())
