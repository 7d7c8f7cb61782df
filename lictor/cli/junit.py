"""Results of tests of policies in the XML that CI systems read (JUnit's).

Every text goes through `printable`: XML has no way to say most control characters.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree as ET

from policy.documents import Problem
from policy.expectations import CaseResult
from policy.text import printable


def of_results(results: Sequence[CaseResult], explained: Callable[[CaseResult], Iterable[str]]) -> ET.Element:
    """A report of cases that were judged. `explained` says what is wrong with one that failed."""
    root = _counted("testsuites", results)
    for _, group in groupby(results, key=lambda one: id(one.suite)):
        cases = list(group)
        suite = cases[0].suite
        element = _counted("testsuite", cases, name=suite.name, file=suite.located.file)
        root.append(element)
        for result in cases:
            case = _case(element, suite.name, result.case.name, suite.located.file, result.case.line)
            if not result.passed:
                message = ", ".join(one.field for one in result.differences)
                failure = ET.SubElement(
                    case, "failure", type="expectation", message=f"not as expected: {message}"
                )
                failure.text = "\n".join(printable(line) for line in explained(result))
    return root


def of_problems(problems: Sequence[Problem]) -> ET.Element:
    """A report of a run in which nothing could be judged."""
    counts = {"tests": str(len(problems)), "failures": "0", "errors": str(len(problems))}
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", counts, name="documents")
    for problem in problems:
        case = _case(suite, "documents", str(problem), problem.file, problem.line)
        ET.SubElement(case, "error", type=problem.code.value, message=printable(str(problem)))
    return root


def write(root: ET.Element, path: Path) -> None:
    """Write a report.

    Raises:
        OSError: the file cannot be written.
    """
    ET.indent(root)
    path.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _counted(tag: str, results: Sequence[CaseResult], **more: str) -> ET.Element:
    failed = sum(not result.passed for result in results)
    names = {key: printable(value) for key, value in more.items()}
    return ET.Element(tag, names, tests=str(len(results)), failures=str(failed), errors="0")


def _case(suite: ET.Element, classname: str, name: str, file: str, line: int) -> ET.Element:
    return ET.SubElement(
        suite,
        "testcase",
        classname=printable(classname),
        name=printable(name),
        file=printable(file),
        line=str(line),
    )
