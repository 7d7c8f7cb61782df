"""Text to suites of cases, with every problem of every PolicyTest document."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from policy.changes import Change, NamespaceChanged, SettingsChanged
from policy.described import read_event, read_workload
from policy.documents.beside import is_policy_test
from policy.documents.checking import by_position, checked, problem_at
from policy.documents.explain import noun
from policy.documents.fields import nearest
from policy.documents.lists import Part
from policy.documents.locate import Located
from policy.documents.problems import Place, Problem, ProblemCode
from policy.documents.tree import Value
from policy.documents.yaml_tree import MOST_PROBLEMS, read_trees
from policy.expectations.suite import Case, Suite
from policy.expectations.written import DescribedNamespace, DescribedSettings, Expected, PolicyTest, given
from policy.text import shown
from policy.workload import HOST, Workload


class SuiteReadResult(NamedTuple):
    """What a text holds. A document with a problem is not among the suites."""

    suites: tuple[Suite, ...]
    problems: tuple[Problem, ...]


def read_suites(text: str, file: str) -> SuiteReadResult:
    """The PolicyTest documents of YAML or JSON; all other documents are left to their own readers.

    `file` names the text in problems. Never raises for anything that `text` may hold.
    """
    suites: list[Suite] = []
    problems: list[Problem] = []
    for tree in read_trees(text, file):
        if not is_policy_test(tree.value):
            continue
        wrong = list(tree.problems)
        suite = _Reading(Part(Located(file, tree), tree.value, tree.problems), wrong).suite()
        problems += sorted(wrong, key=by_position)[:MOST_PROBLEMS]
        if suite is not None and not wrong:
            suites.append(suite)
    return SuiteReadResult(tuple(suites), tuple(problems))


class _Reading:
    """Reads one document. Cases are read whatever else is wrong, so that everything is told at once."""

    def __init__(self, part: Part, problems: list[Problem]) -> None:
        self._part = part
        self._problems = problems
        self._known: dict[str, Workload | None] = {}

    def suite(self) -> Suite | None:
        written: PolicyTest | None = checked(self._part, PolicyTest, self._problems)
        value = self._part.value if isinstance(self._part.value, dict) else {}
        named = value.get("workloads")
        for name in named if isinstance(named, dict) else ():
            self._known[name] = self._workload(("workloads", name), name)
        tests = value.get("tests")
        cases = [self._case(index) for index in range(len(tests) if isinstance(tests, list) else 0)]
        self._same_names(tests)
        if written is None:
            return None
        located = self._part.located
        return Suite(
            name=written.metadata.name if written.metadata else located.file.rpartition("/")[2],
            located=located,
            policies=written.policies,
            world=tuple(_world(written.settings, written.namespaces)),
            cases=tuple(case for case in cases if case is not None),
        )

    def _at(self, place: Place) -> Part | None:
        """The part at `place`, or None where there is none or it has no value."""
        value = self._part.value
        for step in place:
            if isinstance(value, dict) and isinstance(step, str):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int):
                value = value[step]
            else:
                return None
        located = self._part.located
        return None if value is None else Part(Located(located.file, located.tree, place), value, ())

    def _add(self, place: Place, code: ProblemCode, sentence: str, *, key: bool = False) -> None:
        self._problems.append(problem_at(self._part.located, place, code, sentence, key=key))

    def _workload(self, place: Place, name: str) -> Workload | None:
        if name == HOST:
            self._add(place, ProblemCode.BAD_NAME, "host is a node already; choose another name", key=True)
            return None
        part = self._at(place)
        return None if part is None else read_workload(part, self._problems)

    def _case(self, index: int) -> Case | None:
        place: Place = ("tests", index)
        part, event, expect = self._at(place), self._at((*place, "event")), self._at((*place, "expect"))
        workload = self._workload_of(place)
        happened = None if event is None else read_event(event, self._problems)
        expected = None if expect is None else self._expected(expect)
        if part is None or event is None or happened is None or expected is None or workload is None:
            return None
        name = part.value.get("name") if isinstance(part.value, dict) else None
        return Case(
            name=str(name),
            located=part.located,
            workload=workload,
            event=happened,
            expected=expected,
            described=_described(event.value),
        )

    def _workload_of(self, place: Place) -> Workload | None:
        """The workload of a case: described there, or by its name; none is needed where there is one."""
        part = self._at((*place, "workload"))
        if part is None:
            return self._only_workload(place)
        if part.value == HOST or not isinstance(part.value, str):
            return read_workload(part, self._problems)
        if part.value not in self._known:
            known = ", ".join(shown(name) for name in (*self._known, HOST))
            sentence = f"{shown(part.value)} is none of the workloads here: {known}"
            near = nearest(part.value, self._known)
            self._add((*place, "workload"), ProblemCode.UNKNOWN_NAME, f"{sentence}{near}")
            return None
        return self._known[part.value]

    def _only_workload(self, place: Place) -> Workload | None:
        case = self._at(place)
        if len(self._known) == 1:
            return next(iter(self._known.values()))
        if case is not None and isinstance(case.value, dict) and "workload" not in case.value:
            sentence = "say whose event it is: workload takes a name out of workloads, host, or a mapping"
            self._add(place, ProblemCode.MISSING_FIELD, sentence)
        return None

    def _expected(self, part: Part) -> Expected | None:
        """What a case expects: a mapping, or a decision alone."""
        if isinstance(part.value, str):
            return checked(Part(part.located, {"decision": part.value}, ()), Expected, self._problems)
        if not isinstance(part.value, dict):
            sentence = "expect takes a decision, such as block, or a mapping"
            self._add(part.located.within, ProblemCode.WRONG_TYPE, f"{sentence}; this is {noun(part.value)}")
            return None
        expected: Expected | None = checked(part, Expected, self._problems)
        if expected is not None and not expected.model_fields_set:
            sentence = f"expect something: {', '.join(Expected.model_fields)}"
            self._add(part.located.within, ProblemCode.MISSING_VALUE, sentence)
        return expected

    def _same_names(self, tests: Value) -> None:
        """Reports tell cases apart by their names."""
        seen: set[str] = set()
        for index, test in enumerate(tests if isinstance(tests, list) else ()):
            name = test.get("name") if isinstance(test, dict) else None
            if isinstance(name, str) and name in seen:
                sentence = f"an earlier test is called {shown(name)} too; give this one another name"
                self._add(("tests", index, "name"), ProblemCode.DUPLICATE_NAME, sentence)
            elif isinstance(name, str):
                seen.add(name)


def _world(settings: DescribedSettings, namespaces: dict[str, DescribedNamespace]) -> Iterator[Change]:
    """Settings and namespaces as the policy log would have them."""
    yield SettingsChanged(**given(settings))
    for name, namespace in namespaces.items():
        annotations: dict[str, str | None] = {
            f"kubearmor-{kind}-posture": mode for kind, mode in given(namespace.posture).items()
        }
        annotations.update(namespace.annotations)
        yield NamespaceChanged(namespace=name, annotations=annotations)


def _described(value: Value) -> str:
    if not isinstance(value, dict):
        return ""
    return ", ".join(f"{shown(key)}: {_one_line(one)}" for key, one in value.items())


def _one_line(value: Value) -> str:
    return shown(value if isinstance(value, str) else msgspec.json.encode(value).decode())
