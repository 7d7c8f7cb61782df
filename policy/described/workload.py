"""A description of one workload to the workload itself."""

from collections.abc import Mapping

from pydantic import Field, StrictBool

from policy.described.reading import DescriptionError, alone
from policy.documents.checking import checked, problem_at
from policy.documents.explain import noun
from policy.documents.fields import Name, Text
from policy.documents.lists import Part
from policy.documents.problems import Problem, ProblemCode
from policy.documents.sections import Written
from policy.documents.tree import Value
from policy.workload import HOST, Workload

NODE = "node-1"
"""The node where none is named."""


class DescribedContainer(Written):
    """A container of a pod."""

    namespace: Name
    pod: Text = "pod"
    container: Text = ""
    image: Text = ""
    labels: dict[Text, Text] = Field(default_factory=dict)
    annotations: dict[Text, Text] = Field(default_factory=dict)
    node: Text = NODE
    complete: StrictBool = True
    """False: namespace and labels are not known yet, so that every verdict is `unknown`."""

    def workload(self) -> Workload:
        """The workload."""
        return Workload(
            id=f"{self.node}/{self.namespace}-{self.pod}-{self.container}",
            node=self.node,
            kind="container",
            complete=self.complete,
            namespace=self.namespace,
            pod=self.pod,
            container=self.container,
            image=self.image,
            labels=self.labels,
            annotations=self.annotations,
        )


class DescribedHost(Written):
    """A node's own processes."""

    host: Text
    """The node's name."""
    labels: dict[Text, Text] = Field(default_factory=dict)
    annotations: dict[Text, Text] = Field(default_factory=dict)

    def workload(self) -> Workload:
        """The workload."""
        return Workload(
            id=f"{self.host}/{HOST}",
            node=self.host,
            kind="host",
            complete=True,
            labels=self.labels,
            annotations=self.annotations,
        )


def workload(description: Mapping[str, Value] | str) -> Workload:
    """The workload that is described: a container, `{"host": NODE}`, or the word `host` for a node.

    Raises:
        DescriptionError: something is unknown, missing or of the wrong kind.
    """
    value: Value = description if isinstance(description, str) else dict(description)
    problems: list[Problem] = []
    found = read_workload(alone(value), problems)
    if found is None:
        raise DescriptionError(tuple(problems))
    return found


def read_workload(part: Part, problems: list[Problem]) -> Workload | None:
    """The workload that `part` of a file describes, or None with what is wrong added to `problems`."""
    if part.value == HOST:
        return DescribedHost(host=NODE).workload()
    if not isinstance(part.value, dict):
        wanted = "a workload is the word host, or a mapping such as {namespace: shop}"
        sentence = f"{wanted}; this is {noun(part.value)}"
        problems.append(problem_at(part.located, (), ProblemCode.WRONG_TYPE, sentence))
        return None
    model: type[DescribedHost | DescribedContainer] = (
        DescribedHost if HOST in part.value else DescribedContainer
    )
    found: DescribedHost | DescribedContainer | None = checked(part, model, problems)
    return None if found is None else found.workload()
