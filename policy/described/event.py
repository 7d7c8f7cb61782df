"""A description of one event to the event itself."""

from collections.abc import Mapping
from typing import get_args

from policy import events
from policy.described.happenings import (
    Access,
    CapabilityUse,
    Execution,
    Happening,
    Lookup,
    MemoryUse,
    SocketUse,
    SystemCall,
)
from policy.described.reading import DescriptionError, alone
from policy.documents.checking import checked, problem_at
from policy.documents.explain import noun
from policy.documents.fields import nearest
from policy.documents.lists import Part
from policy.documents.problems import Problem, ProblemCode
from policy.documents.tree import Value
from policy.events import JudgedEvent
from policy.text import shown

SOCKET_OPERATIONS = ("socket", "connect", "bind", "listen", "accept", "send")

VERBS: Mapping[str, type[Happening]] = {
    "exec": Execution,
    **dict.fromkeys(get_args(events.Access), Access),
    **dict.fromkeys(SOCKET_OPERATIONS, SocketUse),
    "dns": Lookup,
    "capability": CapabilityUse,
    "syscall": SystemCall,
    "memory": MemoryUse,
}
"""The keys that say what happened, of which a description has one, and what may stand beside each."""


def event(description: Mapping[str, Value]) -> JudgedEvent:
    """The event that is described, such as `{"exec": "/usr/bin/id", "from": "/usr/bin/dash"}`.

    Raises:
        DescriptionError: something is unknown, missing or of the wrong kind.
    """
    problems: list[Problem] = []
    found = read_event(alone(dict(description)), problems)
    if found is None:
        raise DescriptionError(tuple(problems))
    return found


def read_event(part: Part, problems: list[Problem]) -> JudgedEvent | None:
    """The event that `part` of a file describes, or None with what is wrong added to `problems`."""
    verb = _verb_of(part, problems)
    if verb is None:
        return None
    happening: Happening | None = checked(part, VERBS[verb], problems)
    return None if happening is None else happening.event(verb)


def _verb_of(part: Part, problems: list[Problem]) -> str | None:
    """The one key that says what happened."""
    value = part.value
    if not isinstance(value, dict):
        sentence = f"an event is a mapping such as {{exec: /usr/bin/id}}; this is {noun(value)}"
        problems.append(problem_at(part.located, (), ProblemCode.WRONG_TYPE, sentence))
        return None
    verbs = [key for key in value if key in VERBS]
    if not verbs:
        guess = next((near for key in value if (near := nearest(key, VERBS))), "")
        sentence = f"say what happened, with one of {', '.join(VERBS)}{guess}"
        problems.append(problem_at(part.located, (), ProblemCode.MISSING_FIELD, sentence))
        return None
    if len(verbs) > 1:
        sentence = f"an event is one thing: {shown(verbs[0])} or {shown(verbs[1])}"
        problems.append(problem_at(part.located, (verbs[1],), ProblemCode.ONE_OF, sentence, key=True))
        return None
    return verbs[0]
