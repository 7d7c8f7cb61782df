"""However little a workload's rules ask for, what is remembered of one event never answers another."""

import itertools
import threading
from typing import Any

import pytest
from msgspec import structs

from policy.events import Event, Executable, FileEvent, Process
from policy.judge import judge
from policy.memo import Memo
from tests.fixtures.policies import applied, execution, pod, policy_set

SH, DASH = Executable(path="/bin/sh"), Executable(path="/bin/dash")
CUT = Executable(path="/bin/sh", truncated=True)
BY_SH = {"fromSource": [{"path": "/bin/sh"}]}

PROGRAMS: list[dict[str, Any]] = [
    {"executable": Executable(path="/a")},
    {"executable": Executable(path="/b")},
    {"executable": Executable(path="/a", truncated=True)},
    {"executable": Executable(path="/a"), "script": "/b"},
    {"executable": Executable(path="/b"), "script": "/a"},
]
SOURCES: list[dict[str, Any]] = [
    {"source": SH},
    {"source": DASH},
    {"source": CUT},
    {"source": None},
    {"source": None, "ancestors": (Process(pid=1, start_ns=1, executable=SH),)},
]
EXECUTIONS: list[Event] = [
    structs.replace(execution("/a"), **program, **source, uid=uid, tty=tty, args=("a", *args))
    for program, source in itertools.product(PROGRAMS, SOURCES)
    for uid, tty, args in ((0, "", ("-l",)), (1, "", ("-l",)), (0, "pts0", ("-l",)), (0, "", ("-x",)))
]
ACCESSES: list[Event] = [
    FileEvent(cpu=0, sequence=0, time_ns=0, boot_ns=0, pid=9, start_ns=1, **path, **more, actor=actor)
    for path in (
        {"access": "read", "path": "/a"},
        {"access": "write", "path": "/a"},
        {"access": "read", "path": "/b"},
        {"access": "write", "path": "/a", "truncated": True},
        {"access": "rename", "path": "/b", "new_path": "/a"},
        {"access": "rename", "path": "/b", "new_path": "/c"},
        {"access": "rename", "path": "/b", "new_path": "/a", "new_truncated": True},
    )
    for actor in (SH, DASH, CUT, None)
    for more in ({}, {"uid": 1}, {"tty": "pts0"})
]
WHAT_RULES_ASK: list[dict[str, Any]] = [
    {},
    BY_SH,
    {"ownerOnly": True},
    {"pts": False},
    BY_SH | {"ownerOnly": True},
    BY_SH | {"pts": False},
]


def agrees(section: str, rule: dict[str, Any], events: list[Event]) -> None:
    for action in ("Block", "Allow"):
        current = policy_set(applied({"action": action, section: {"matchPaths": [{"path": "/a"} | rule]}}))
        remembering = current.for_workload(pod(id="node-1/all"))
        apart = [judge(event, current.for_workload(pod(id=f"node-1/{n}"))) for n, event in enumerate(events)]
        assert len(set(apart)) > 2
        for _ in range(2):
            assert [judge(event, remembering) for event in events] == apart


@pytest.mark.parametrize("asked", [*WHAT_RULES_ASK, {"allowedArgs": ["-l"]}, BY_SH | {"allowedArgs": ["-l"]}])
def test_executions(asked: dict[str, Any]) -> None:
    agrees("process", asked, EXECUTIONS)


def test_arguments_that_are_listed_for_a_name() -> None:
    current = policy_set(applied({"process": {"matchPaths": [{"execname": "a", "allowedArgs": ["-l"]}]}}))
    remembering = current.for_workload(pod())
    for path, args, decision in (
        ("/x/a", ("a", "-x"), "block"),
        ("/x/a", ("a", "-l"), "allow"),
        ("/x/ab", ("ab", "-x"), "allow"),
        ("a", ("a", "-x"), "block"),
        ("a", ("a", "-l"), "allow"),
    ):
        assert judge(execution(path, args=args), remembering).decision == decision


def test_arguments_that_no_rule_lists_are_no_other_question() -> None:
    rule = {"path": "/a", "allowedArgs": ["-l"]}
    rules = policy_set(applied({"process": {"matchPaths": [rule]}})).for_workload(pod())
    first = judge(execution("/b", args=("b", "1")), rules)
    assert judge(execution("/b", args=("b", "2")), rules) is first


@pytest.mark.parametrize("asked", [*WHAT_RULES_ASK, {"readOnly": True}])
def test_accesses(asked: dict[str, Any]) -> None:
    agrees("file", asked, ACCESSES)


def test_threads_that_share_a_memo_forget_and_never_lie() -> None:
    memo: Memo[int, str] = Memo(8)
    wrong: list[tuple[int, str]] = []

    def ask(seed: int) -> None:
        for number in range(20_000):
            key = (number * seed) % 23
            found = memo.recent(key) or memo.get(key)
            if found is None:
                memo.put(key, str(key))
            elif found != str(key):
                wrong.append((key, found))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in (1, 5, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []
    assert len(memo) <= 8 + len(threads)
