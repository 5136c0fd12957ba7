"""The process that speaks to a model, through litellm: questions as lines on standard input, replies on its output.

It is a process of its own because litellm is large, has carried a thief once, and waits without an end in places: it is
started with an environment that holds nothing, and killed when a question takes too long. It ends with its input.
"""

from __future__ import annotations

import os
import re
import resource
import sys
import time
from typing import Any

from services.model.llm.exchange import Exchange, client
from services.model.llm.wire import (
    CONTENT_CHARACTERS,
    LINE_BYTES,
    PROVIDERS,
    Call,
    Endpoint,
    Ready,
    Reply,
    Said,
    Silent,
    decode_call,
    encode,
)

MEMORY_BYTES = 2 * 1024**3
"""Of address space: litellm maps a fifth of it. What a response may hold is bounded elsewhere."""
CONNECT_SECONDS = 5.0
WHY_CHARACTERS = 300
SEED = 1
NO_KEY = "none"
"""Ollama wants no key, and the client library wants one."""
ELSEWHERE = frozenset({404, 405, 501})
"""What a server without that route answers."""


_LIBRARY = re.compile(r"^(?:litellm\.)?(?:[A-Za-z]+Error: |[A-Za-z]+Exception - |litellm\.)*")
"""What the library puts before the words of whoever answered."""


class Silence(Exception):
    """There is no answer, for the reason in `silent`."""

    def __init__(self, silent: Silent) -> None:
        super().__init__(silent.why)
        self.silent = silent


class NoSuchRoute(Silence):
    """The server may speak another protocol."""


class Worker:
    """Holds the library and one client. `_native` are the addresses that only speak Ollama's own protocol."""

    def __init__(self) -> None:
        self._exchange = Exchange()
        self._client = client(self._exchange, CONNECT_SECONDS)
        self._native: set[str] = set()
        self._litellm = _load(self._client)

    def answer(self, call: Call) -> Reply:
        """Never raises."""
        self._exchange.until = time.monotonic() + call.seconds
        try:
            return self._answer(call)
        except Silence as silence:
            return silence.silent

    def warm_up(self) -> None:
        """The library imports much with its first question; one whose deadline is over reaches nobody."""
        for provider in PROVIDERS:
            nobody = Endpoint(provider, "http://127.0.0.1:9", "nobody", NO_KEY)
            self.answer(Call(nobody, "", "", "nothing", {"type": "object"}, 1, 0.0))

    def _answer(self, call: Call) -> Said:
        endpoint = call.endpoint
        if endpoint.provider == "openrouter":
            return self._ask(call, f"openrouter/{endpoint.model}", endpoint.base_url, self._http_handler())
        if endpoint.base_url not in self._native:
            try:
                return self._ask(call, f"openai/{endpoint.model}", f"{endpoint.base_url}/v1", self._openai(endpoint))
            except NoSuchRoute as error:
                return self._ask_natively(call, error.silent)
        return self._ask_natively(call, None)

    def _ask_natively(self, call: Call, before: Silent | None) -> Said:
        """By `/api/chat`. `before` is what the compatible route came to: an answer that it could not read is worse
        than a route that there is not."""
        base_url = call.endpoint.base_url
        # The library asks this address what the model is like before it asks the question.
        os.environ["OLLAMA_API_BASE"] = base_url
        try:
            said = self._ask(call, f"ollama_chat/{call.endpoint.model}", base_url, self._http_handler())
        except Silence:
            if before is not None and before.kind == "malformed":
                raise Silence(before) from None
            raise
        self._native.add(base_url)
        return said

    def _ask(self, call: Call, model: str, base_url: str, through: Any) -> Said:
        try:
            response: Any = self._litellm.completion(
                model=model,
                api_base=base_url,
                api_key=call.endpoint.key or NO_KEY,
                messages=[{"role": "system", "content": call.system}, {"role": "user", "content": call.user}],
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": call.schema_name, "schema": call.schema, "strict": True},
                },
                temperature=0,
                seed=SEED,
                max_tokens=call.max_tokens,
                timeout=call.seconds,
                max_retries=0,
                num_retries=0,
                drop_params=True,
                client=through,
            )
        except Exception as error:  # the library raises whatever its parts do
            raise self._silence(error, call.endpoint) from None
        return self._read(response, model.partition("/")[0], call.endpoint)

    def _read(self, response: Any, how: str, endpoint: Endpoint) -> Said:
        choices = getattr(response, "choices", None)
        if not choices:
            raise NoSuchRoute(Silent("malformed", "the response holds no choice"))
        message, reason = choices[0].message, choices[0].finish_reason
        if getattr(message, "tool_calls", None) or getattr(message, "function_call", None):
            raise Silence(Silent("refused", "it calls tools, and it was given none"))
        if reason == "length":
            raise Silence(Silent("cut", "the answer ended at the bound on tokens"))
        if reason not in ("stop", None):
            raise Silence(Silent("refused", f"it ended because of {_plain(str(reason), endpoint)!r}"))
        content = message.content
        if not isinstance(content, str) or not content.strip():
            raise Silence(Silent("malformed", "the answer is empty"))
        if len(content) > CONTENT_CHARACTERS:
            raise Silence(Silent("too large", f"the answer is over {CONTENT_CHARACTERS} characters"))
        usage = getattr(response, "usage", None)
        tokens_in, tokens_out = getattr(usage, "prompt_tokens", 0), getattr(usage, "completion_tokens", 0)
        return Said(content, how, _count(tokens_in), _count(tokens_out))

    def _silence(self, error: Exception, endpoint: Endpoint) -> Silence:
        """What happened is in the exchange; the exception's type is a hint and its text is for people."""
        exchange, said = self._exchange, _plain(str(error), endpoint)
        if exchange.overflowed:
            return Silence(Silent("too large", "the response is over 1 MiB"))
        if exchange.expired or isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
            return Silence(Silent("slow", "there was no whole answer within the deadline"))
        if exchange.encoded:
            return Silence(Silent("malformed", "the response is compressed, which was not asked for"))
        if exchange.status is None or not exchange.whole:
            return Silence(Silent("down", said))
        if exchange.status in ELSEWHERE:
            return NoSuchRoute(Silent("down", f"HTTP {exchange.status}: {said}"))
        if 200 <= exchange.status < 300:
            return NoSuchRoute(Silent("malformed", said))
        if type(error).__name__ == "ContextWindowExceededError" or "context size" in said:
            return Silence(Silent("too large", f"HTTP {exchange.status}: {said}"))
        return Silence(Silent("down", f"HTTP {exchange.status}: {said}"))

    def _openai(self, endpoint: Endpoint) -> Any:
        import openai

        return openai.OpenAI(
            api_key=endpoint.key or NO_KEY,
            base_url=f"{endpoint.base_url}/v1",
            http_client=self._client,
            max_retries=0,
        )

    def _http_handler(self) -> Any:
        return self._litellm.module_level_client


def _load(http_client: Any) -> Any:
    import litellm as untyped
    from litellm.llms.custom_httpx import http_handler  # pyright: ignore[reportMissingTypeStubs]  # there are none

    litellm: Any = untyped
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.modify_params = False
    # What the library asks by itself (what an Ollama model is like) has no deadline of its own.
    litellm.module_level_client = http_handler.HTTPHandler(client=http_client)
    litellm.client_session = http_client
    return litellm


def _plain(text: str, endpoint: Endpoint) -> str:
    """One line, bounded, printable, without the key."""
    masked = text.replace(endpoint.key, "***") if endpoint.key else text
    line = " ".join(masked.partition("Traceback (most recent")[0].split())
    plain = "".join(c for c in _LIBRARY.sub("", line) if c.isprintable()).strip()
    return plain[:WHY_CHARACTERS] or "it says no more"


def _count(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**53 else 0


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Whatever the library prints must not stand between the replies.
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    worker = Worker()
    worker.warm_up()
    replies.write(encode(Ready()) + b"\n")
    while line := sys.stdin.buffer.readline(LINE_BYTES):
        replies.write(encode(worker.answer(decode_call(line))) + b"\n")


if __name__ == "__main__":
    main()
