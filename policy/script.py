"""What an event tells about a script: its path is as it was given, not as the kernel resolved it."""

from policy.events import ProcessEvent
from policy.target import SeenPath


def script_path(script: str) -> SeenPath:
    """The path of an event's script, `.` and `..` and doubled slashes taken out.

    Without `..` that is exact but for symbolic links. With it, a link on the way may lead elsewhere, and
    so may a path that is relative to an unknown folder: then no Allow rule is satisfied.
    """
    return SeenPath(_normal(script), exact=script.startswith("/") and ".." not in script.split("/"))


def arguments_of_script(event: ProcessEvent) -> tuple[str, ...] | None:
    """The script's own arguments, or None where it is not found among the interpreter's.

    The kernel runs `interpreter [argument] script arguments...` (execve(2), "Interpreter scripts").
    """
    wanted = _normal(event.script)
    for index, argument in enumerate(event.args[1:3], start=1):
        joined = argument if argument.startswith("/") else f"{event.cwd}/{argument}"
        if _normal(joined) == wanted:
            return event.args[index + 1 :]
    return None


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return f"/{'/'.join(parts)}"
