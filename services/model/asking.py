"""Puts one question to the model that the settings name: one at a time, within a deadline, not while it is down.

The service and the command line share it. It knows no event: what an answer is worth is its caller's to say.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from libs.settings import Settings
from services.model import circuit as breaker
from services.model.circuit import Circuit
from services.model.hosting import is_hosted
from services.model.llm.process import WorkerProcess
from services.model.llm.wire import Call, Endpoint, Said, Silent
from services.model.metrics import Counts, Uncounted
from services.model.question import Question

_BROKEN = frozenset({"down", "slow", "too large"})
"""What opens the circuit: it does not work. One that answers nonsense works."""


class Worker(Protocol):
    async def ask(self, call: Call) -> Said | Silent: ...
    async def close(self) -> None: ...


@dataclass
class Asking:
    """`ask` may be called by many at once; they wait for one another."""

    endpoint: Endpoint
    seconds: float
    tokens: int
    """Of a question at most, an estimate."""
    worker: Worker
    counts: Counts = field(default_factory=Uncounted)
    clock: Callable[[], float] = time.monotonic
    _circuit: Circuit = field(default_factory=Circuit)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def model(self) -> str:
        """As events name it."""
        return f"{self.endpoint.provider}/{self.endpoint.model}"

    @property
    def hosted(self) -> bool:
        """Whether what is asked leaves for somebody else's machine."""
        return is_hosted(self.endpoint)

    async def ask(self, question: Question) -> Said | Silent:
        """An answer that nobody has read yet, or why there is none. Raises nothing but a cancellation."""
        if question.tokens > self.tokens:
            return Silent(
                "too large", f"it would be about {question.tokens} tokens, and {self.tokens} are sent at most"
            )
        async with self._turn:
            begun = breaker.ask(self._circuit, self.clock())
            if begun is None:
                return Silent("open circuit", "it failed several times in a row and is left alone for a minute")
            self._circuit = begun
            try:
                return await self._put(question)
            except asyncio.CancelledError:
                self._circuit = breaker.given_up(self._circuit)
                raise

    async def _put(self, question: Question) -> Said | Silent:
        call = Call(
            self.endpoint,
            question.system,
            question.user,
            question.name,
            question.schema,
            question.max_tokens,
            self.seconds,
        )
        begun = self.clock()
        reply = await self.worker.ask(call)
        bad = isinstance(reply, Silent) and reply.kind in _BROKEN
        self._circuit = breaker.failed(self._circuit, self.clock()) if bad else breaker.answered(self._circuit)
        self.counts.asked(question.task, reply.kind if isinstance(reply, Silent) else "answered", self.clock() - begun)
        self.counts.circuit(self._circuit.open)
        return reply

    async def close(self) -> None:
        await self.worker.close()


def endpoint_of(settings: Settings) -> Endpoint:
    """OpenRouter where it has a key, else Ollama."""
    if settings.openrouter_key:
        return Endpoint("openrouter", settings.openrouter_url, settings.openrouter_model, settings.openrouter_key)
    return Endpoint("ollama", settings.ollama_url, settings.ollama_model)


@asynccontextmanager
async def open_asking(settings: Settings, counts: Counts | None = None) -> AsyncGenerator[Asking]:
    """By the settings; the process that asks is started with the first question and ended with the context."""
    asking = Asking(
        endpoint_of(settings), settings.llm_seconds, settings.llm_tokens, WorkerProcess(), counts or Uncounted()
    )
    try:
        yield asking
    finally:
        await asking.close()
