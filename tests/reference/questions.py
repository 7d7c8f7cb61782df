"""What one event is judged as: a script twice, a rename twice, and beside the sections by the presets."""

import posixpath
from typing import Any

from tests.reference.world import Event

Question = dict[str, Any]
"""`section` (whose rules are asked), `kind` of posture, what has to be `visible`, and what rules compare."""

IP = {1: "icmp", 6: "tcp", 17: "udp", 33: "dccp", 58: "icmpv6", 132: "sctp", 255: "raw"}
TYPES = {
    1: ["stream", "tcp"],
    2: ["dgram", "udp"],
    3: ["raw"],
    4: ["rdm"],
    5: ["seqpacket"],
    6: ["dccp"],
    10: ["packet"],
}
AF_UNSPEC, AF_INET, AF_INET6 = 0, 2, 10


def questions_of(event: Event) -> list[Question]:
    """In the order in which they are credited where they come out the same."""
    return {
        "process": _process,
        "file": _file,
        "network": _network,
        "dns": _dns,
        "capability": _capability,
        "syscall": _syscall,
        "memory": _memory,
    }[event["kind"]](event)


def _process(event: Event) -> list[Question]:
    known = not event["args_truncated"] and not event["args_redacted"]
    program = {
        "section": "process",
        "posture": "file",
        "visible": "process",
        "path": event["path"],
        "truncated": event["truncated"],
        "exact": not event["truncated"],
        "source": event["source"] or event["parent"],
        "owns": event["uid"] == event["owner"],
        "tty": event["tty"],
        "arguments": list(event["args"][1:]) if known else None,
    }
    asked = [program]
    if event["script"]:
        name = _plain(event["script"])
        script = {
            **program,
            "path": name,
            "truncated": False,
            # A link on the way may lead elsewhere.
            "exact": event["script"].startswith("/") and ".." not in event["script"].split("/"),
            "owns": None,
            "arguments": _of_script(event, name) if known else None,
        }
        asked = [script, program]
    presets = []
    if event["path"].startswith(("/memfd:", "/dev/shm/", "/run/shm/")) and not event["truncated"]:
        presets.append("filelessExec")
    if event["entered"]:
        presets.append("exec")
    return [*asked, _preset(presets, "process")]


def _plain(path: str) -> str:
    return "/" + posixpath.normpath("/" + path).lstrip("/")


def _of_script(event: Event, name: str) -> list[str] | None:
    """What follows the script's own path in `interpreter [argument] script arguments...`."""
    for place in (1, 2):
        if len(event["args"]) > place and _plain(posixpath.join(event["cwd"], event["args"][place])) == name:
            return list(event["args"][place + 1 :])
    return None


def _file(event: Event) -> list[Question]:
    old = {
        "section": "file",
        "posture": "file",
        "visible": "file",
        "path": event["path"],
        "truncated": event["truncated"],
        "exact": not event["truncated"],
        "source": event["actor"],
        "owns": event["uid"] == event["owner"],
        "tty": event["tty"],
        "reading": event["access"] == "read",
    }
    asked = [old]
    if event["access"] in {"rename", "link", "symlink"} and event["new_path"]:
        new = {"path": event["new_path"], "truncated": event["new_truncated"]}
        asked.append(old | new | {"exact": not event["new_truncated"]})
    presets = []
    parts = event["path"].split("/")
    of_process = len(parts) > 2 and parts[:2] == ["", "proc"] and parts[2].isdecimal()
    if of_process and not event["truncated"] and int(parts[2]) != event["namespace_pid"]:
        presets.append("protectProc")
        below = parts[3:]
        if below[:1] == ["task"] and len(below) == 3 and below[1].isdecimal():
            below = below[2:]
        if below == ["environ"] and event["access"] == "read":
            presets.append("protectEnv")
    return [*asked, _preset(presets, "file")]


def _network(event: Event) -> list[Question]:
    names = TYPES.get(event["type"], [])
    if event["family"] in {AF_UNSPEC, AF_INET, AF_INET6} and event["protocol"] in IP:
        names = [IP[event["protocol"]]]
    return [_about("network", event) | {"protocols": [*names, "all"]}]


def _dns(event: Event) -> list[Question]:
    return [_about("network", event) | {"section": "dns", "name": event["name"].lower().rstrip(".")}]


def _capability(event: Event) -> list[Question]:
    return [_about("capabilities", event) | {"capability": event["capability"]}]


def _syscall(event: Event) -> list[Question]:
    about = _about("syscalls", event) | {"syscall": event["syscall"], "visible": ""}
    return [about | {"path": event["path"], "truncated": event["truncated"]}]


def _memory(event: Event) -> list[Question]:  # noqa: ARG001 - it is one thing, whatever else it says
    return [_preset(["anonymousMapExec"], "process")]


def _about(section: str, event: Event) -> Question:
    return {
        "section": section,
        "posture": section,
        "visible": section,
        "exact": True,
        "source": event["actor"],
    }


def _preset(presets: list[str], visible: str) -> Question:
    return {"section": "presets", "posture": "", "visible": visible, "exact": True, "presets": presets}
