"""The story: policy, audit, attack, block, attack again, and what proves that it went as told."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol

import msgspec

from dashboards.search import curl
from lictor.demo.evidence import missing
from lictor.pipeline.feed import Feed
from lictor.pipeline.stack import Stack
from lictor.sample import documents
from lictor.sample.attack import AttackResult, Step, attack
from lictor.sample.container import SampleContainer
from lictor.sample.visitor import Page, visit
from policy.changes import Change, Enforcement, NamespaceChanged, PolicyApplied
from policy.documents import Document, read_documents
from policy.events import ProcessEvent
from wire.policy_log import append_change
from wire.records import Outcome, VerdictRecord

NAMESPACE = "dvwa"
SHELL = "/usr/bin/bash"
PING_PAGE = "/cgi-bin/ping?host=127.0.0.1"
PAUSE_S = 1.0
"""How long the attacker looks at what `id` said before typing the next command."""

_KNOWN_S = 10.0
_ARRIVE_S = 10.0
_INDEXED_S = 30.0
_QUIET_S = 0.5


class Audience(Protocol):
    """Who is told the story while it happens."""

    def chapter(self, title: str, text: str) -> None:
        """A new part begins."""

    def attacker(self, step: Step) -> None:
        """The attacker got one step further."""

    def said(self, sentence: str, *, good: bool | None = None) -> None:
        """Something was seen: as it should be, as it should not be, or neither."""

    def happened(self, record: VerdictRecord | Outcome) -> None:
        """A verdict or an outcome came out of the pipeline."""


@dataclass(kw_only=True)
class Seen:
    """What came out of the pipeline, by id: delivered twice, counted once."""

    verdicts: dict[str, VerdictRecord] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def take(self, record: VerdictRecord | Outcome) -> bool:
        """Keep it; whether it is new."""
        if isinstance(record, Outcome):
            return self.outcomes.setdefault(record.id, record) is record
        return self.verdicts.setdefault(record.id, record) is record

    def shells(self, decision: str) -> list[VerdictRecord]:
        """The verdicts on the shell's start."""
        return [
            one for one in self.verdicts.values() if _starts_shell(one) and one.verdict.decision == decision
        ]


@dataclass(frozen=True, kw_only=True)
class Result:
    """How the story went. `failures` is empty where every part of it was seen to be true."""

    seen: Seen
    audited: AttackResult
    blocked: AttackResult
    failures: tuple[str, ...]
    query: str
    """The command that finds the shell's denial in Elasticsearch; empty if there is none."""


class Scenario:
    """One run of the story on a stack that is up."""

    def __init__(self, stack: Stack, container: SampleContainer, audience: Audience) -> None:
        """The container must run and belong to `NAMESPACE`."""
        self._stack = stack
        self._container = container
        self._audience = audience
        self._seen = Seen()
        self._failures: list[str] = []

    async def run(self) -> Result:
        """Tell it from the beginning to the end."""
        async with Feed(self._stack.kafka, self._stack.topics) as feed, self._listening(feed):
            audited = await self._under_audit()
            blocked = await self._under_block()
            await self._allowed_pages()
        query = await self._in_elasticsearch()
        return Result(
            seen=self._seen,
            audited=audited,
            blocked=blocked,
            failures=tuple(self._failures),
            query=query,
        )

    async def _under_audit(self) -> AttackResult:
        self._audience.chapter(
            "Audit: the policy only watches",
            "Namespace dvwa may run apache2, its ping page and ping. What else runs leaves an alert.",
        )
        await self._put_in_force("audit")
        result = await attack(self._container, pause_s=PAUSE_S, on_step=self._audience.attacker)
        await self._arrived(lambda: bool(self._seen.shells("audit")))
        self._expect(result.marker_ran, "the attacker's shell took a further command: nothing stops it")
        self._expect(bool(self._seen.shells("audit")), "the shell left an alert that says why")
        return result

    async def _under_block(self) -> AttackResult:
        self._audience.chapter(
            "Block: the same attack again",
            "lictor posture set dvwa file=block; lictor enforcement set dvwa terminate",
        )
        await self._put_in_force("block")
        result = await attack(self._container, pause_s=PAUSE_S, on_step=self._audience.attacker)
        await self._arrived(lambda: self._all_answered() and bool(self._terminated()))
        self._expect(not result.marker_ran, "the shell was gone before its next command")
        self._expect(bool(self._terminated()), "its outcome is `terminated`, by the enforcer")
        self._expect(self._all_answered(), "every denial has its outcome")
        return result

    async def _allowed_pages(self) -> None:
        self._audience.chapter("What is allowed still works", f"GET / and GET {PING_PAGE}")
        before = len(self._seen.verdicts)
        pages = [await visit(self._container, path) for path in ("/", PING_PAGE)]
        await asyncio.sleep(_QUIET_S)
        self._expect(all(page.status == HTTPStatus.OK for page in pages), "both pages were served")
        self._expect(_pinged(pages[-1]), "ping ran from its page and got its answer")
        self._expect(len(self._seen.verdicts) == before, "and left no alert")

    async def _in_elasticsearch(self) -> str:
        self._audience.chapter("Evidence", "Every verdict and every outcome as a document in Elasticsearch.")
        verdicts, outcomes = self._seen.verdicts.values(), self._seen.outcomes.values()
        lost = await missing(self._stack.elastic, verdicts, outcomes, _INDEXED_S)
        total = len(verdicts) + len(outcomes)
        self._expect(bool(total) and not lost, f"all {total} documents were found, each once")
        for one in lost:
            self._audience.said(f"missing: {one}", good=False)
        shells = self._terminated() or self._seen.shells("block") or self._seen.shells("audit")
        return curl(self._stack.elasticsearch, shells[0].id, self._stack.netrc) if shells else ""

    async def _put_in_force(self, posture: str) -> None:
        """The policy and a posture in force, and known to every service that judges."""
        enforcement: Enforcement = "terminate"
        changes: list[Change] = [
            PolicyApplied(document=msgspec.Raw(one.canonical), by="demo") for one in _policies()
        ]
        changes.append(
            NamespaceChanged(
                namespace=NAMESPACE,
                annotations={"kubearmor-file-posture": posture},
                enforcement=enforcement,
                by="demo",
            )
        )
        offset = -1
        for change in changes:
            offset = await asyncio.to_thread(append_change, self._stack.kafka, self._stack.topics, change)
        await self._stack.wait_until_known(offset, _KNOWN_S)

    def _is_ours(self, record: VerdictRecord | Outcome) -> bool:
        verdict = record.record if isinstance(record, Outcome) else record
        return verdict.workload.container_id == self._container.container_id

    def _terminated(self) -> list[VerdictRecord]:
        return [
            one.record
            for one in self._seen.outcomes.values()
            if one.result == "terminated" and _starts_shell(one.record)
        ]

    def _all_answered(self) -> bool:
        answered = {one.record.id for one in self._seen.outcomes.values()}
        denied = {one.id for one in self._seen.verdicts.values() if one.verdict.decision == "block"}
        return denied <= answered

    def _expect(self, seen: bool, sentence: str) -> None:
        self._audience.said(sentence, good=seen)
        if not seen:
            self._failures.append(f"not seen: {sentence}")

    async def _arrived(self, complete: Callable[[], bool]) -> None:
        """Wait until what must come has come, and a moment in which nothing more did."""
        deadline = time.monotonic() + _ARRIVE_S
        while not complete() and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        await asyncio.sleep(_QUIET_S)

    @contextlib.asynccontextmanager
    async def _listening(self, feed: Feed) -> AsyncIterator[None]:
        async def listen() -> None:
            while True:
                record = await feed.next()
                if self._is_ours(record) and self._seen.take(record):
                    self._audience.happened(record)

        task = asyncio.create_task(listen())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _policies() -> tuple[Document, ...]:
    text = documents.POLICY_FILE.read_text(encoding="utf-8")
    result = read_documents(text, documents.POLICY_FILE.name)
    if result.problems:
        raise RuntimeError(f"the sample policy does not read: {result.problems[0]}")
    return result.documents


def _starts_shell(record: VerdictRecord) -> bool:
    event = record.event
    return isinstance(event, ProcessEvent) and event.executable.path == SHELL


def _pinged(page: Page) -> bool:
    return page.status == HTTPStatus.OK and "1 received" in page.body
