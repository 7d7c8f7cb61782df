"""Which rules are about a question, qualifiers apart."""

from tests.reference.paths import could_cover, covers, written
from tests.reference.questions import Question
from tests.reference.world import Rule

SUFFIXES = [".cluster.local", ".svc.cluster.local", ".*.svc.cluster.local"]


def is_about(rule: Rule, question: Question) -> bool:
    """Whether target and source match, and what is known suffices."""
    if rule["action"] == "Allow" and not question["exact"]:
        return False
    return _is_target(rule, question) and _is_source(rule, question)


def _is_target(rule: Rule, question: Question) -> bool:
    return _TARGETS[rule["section"]](rule, question)


def _is_call(rule: Rule, question: Question) -> bool:
    if question["syscall"] not in rule["syscall"]:
        return False
    if "path" not in rule:
        return True
    path = rule["path"].rstrip("/")
    target: Rule = {"dir": path + "/", "recursive": True} if rule.get("recursive") else {"path": path or "/"}
    return question["path"] != "" and _is_path(target, question)


def _is_path(rule: Rule, question: Question) -> bool:
    if question["truncated"]:
        return could_cover(rule, question["path"])
    return covers(rule, question["path"])


def _is_domain(domain: str, name: str) -> bool:
    """The domain, what is below it, and either with a search suffix of Kubernetes behind it."""
    names = [name]
    labels = name.split(".")
    for suffix in SUFFIXES:
        wanted = suffix.split(".")[1:]
        last = labels[-len(wanted) :]
        if len(labels) > len(wanted) and all(map(_is_label, wanted, last)):
            names.append(".".join(labels[: -len(wanted)]))
    return any(one == domain or one.endswith("." + domain) for one in names)


def _is_protocol(rule: Rule, question: Question) -> bool:
    return rule["protocol"] in question["protocols"]


def _is_name(rule: Rule, question: Question) -> bool:
    return _is_domain(rule["domain"].lower().rstrip("."), question["name"])


def _is_capability(rule: Rule, question: Question) -> bool:
    return bool(rule["capability"] == question["capability"])


def _is_preset(rule: Rule, question: Question) -> bool:
    return rule["name"] in question["presets"]


_TARGETS = {
    "process": _is_path,
    "file": _is_path,
    "network": _is_protocol,
    "dns": _is_name,
    "capabilities": _is_capability,
    "syscalls": _is_call,
    "presets": _is_preset,
}


def _is_label(wanted: str, label: str) -> bool:
    return wanted in {"*", label}


def _is_source(rule: Rule, question: Question) -> bool:
    sources = rule.get("fromSource", [])
    if not sources:
        return True
    source = question["source"]
    if source is None or (source["truncated"] and rule["action"] == "Allow"):
        return False
    return any(_is_program(one, source["path"], truncated=source["truncated"]) for one in sources)


def _is_program(written_source: Rule, path: str, *, truncated: bool) -> bool:
    if truncated:
        text = written(written_source.get("path") or written_source["dir"] + "x/x")
        fronts = [text[:end] for end in range(len(text) + 1)]
        whole = [front + path for front in fronts if (front + path).startswith("/")]
        return any(_is_program(written_source, one, truncated=False) for one in whole)
    if "path" in written_source:
        return path == written(written_source["path"])
    directory = written(written_source["dir"])
    below = path.removeprefix(directory)
    return path.startswith(directory) and (written_source.get("recursive", False) or "/" not in below)
