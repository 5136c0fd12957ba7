"""The rules that a proposal must pass before it is shown: pure; `bash -n` is asked for in `shell_syntax`.

Each answers with a sentence. A proposal that breaks one is not made, whatever else is right about it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from libs.contracts.model import ProposedStep
from services.model.naming import images_in, visited_in
from services.model.original import Original, expressions_in, hosts_in, secret_variables_in, without_expressions

_INTERPRETER = (
    r"(?:\S*/)?(?:env\s+)?(?:sudo\s+(?:-\S+\s+)*)?(?:\S*/)?"
    r"(?:(?:ba|z|da|k|fi)?sh|python[\d.]*|perl|ruby|node|php|lua)\b"
)
_FETCH = r"(?:curl|wget|fetch|aria2c|http|https|nc|ncat|base64|xxd|openssl)\b"
_PIPES = (
    re.compile(rf"\|\s*{_INTERPRETER}(?!\S*\.)"),
    re.compile(rf"\b(?:ba|z|da|k)?sh\b[^\n;|]*<\(\s*{_FETCH}"),
    re.compile(rf"\b(?:eval|source|\.|(?:ba|z|da|k)?sh\s+-c)\s+[\"']?(?:\$\(|`|<\()\s*{_FETCH}"),
    re.compile(r"(?:^|[\s;&|(])eval\b"),
)
_COMPUTED = re.compile(r"(?:^|[;&|]|\bthen\b|\bdo\b)\s*[\"']?\$\{?\w+\}?[\"']?(?:\$\{?\w+\}?)+", re.MULTILINE)
_BROKEN_WORD = re.compile(r"\w(?:''|\"\"|\\)\w")


def problems(steps: Iterable[ProposedStep], texts: Iterable[str], original: Original) -> tuple[str, ...]:
    """`texts` are what else is shown (gaps). Empty where nothing is wrong."""
    found: list[str] = []
    for number, step in enumerate(steps, 1):
        found += [f"step {number} {problem}" for problem in _of_step(step, original)]
    for text in texts:
        if hidden(text, lines=False):
            found.append("a gap holds characters that do not show")
    return tuple(found)


def hidden(text: str, *, lines: bool) -> bool:
    """Characters that a reader does not see, or that turn what he sees around. `lines`: it may have several."""
    allowed = "\n\t" if lines else ""
    return any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") and c not in allowed for c in text)


def hands_to_a_shell(script: str) -> bool:
    """`curl … | sh` in its usual forms. Where the workflow does so itself, a proposal does not do it again."""
    return any(pattern.search(line) for line in script.replace("\\\n", " ").splitlines() for pattern in _PIPES)


def _of_step(step: ProposedStep, original: Original) -> list[str]:
    if hidden(step.name, lines=False) or hidden(step.run, lines=True):
        return ["holds characters that do not show"]
    found = [
        *_new("names the expression", expressions_in(step.name + step.run), original.expressions),
        *_new("reaches for the secret", secret_variables_in(step.run), original.secrets),
        *_new("names the network address", hosts_in(step.run), original.hosts),
        *_unsaid("names the network address", visited_in(step.run), original),
        *_unsaid("names the image", images_in(step.run), original),
    ]
    if "${{" in without_expressions(step.name + step.run):
        found.append("holds an expression that does not end")
    if hands_to_a_shell(step.run):
        found.append("hands what it fetches or computes to a shell")
    if _COMPUTED.search(step.run) or _BROKEN_WORD.search(step.run):
        found.append("hides the name of a command")
    return found


def _new(what: str, said: Iterable[str], known: tuple[str, ...]) -> list[str]:
    return [f"{what} {each[:80]!r}, which the workflow does not" for each in said if each not in known]


def _unsaid(what: str, said: Iterable[str], original: Original) -> list[str]:
    return [
        f"{what} {each[:80]!r}, which the workflow does not" for each in said if not _stands_in(each, original.text)
    ]


def _stands_in(word: str, text: str) -> bool:
    """As a word of its own, not as a part of one."""
    return re.search(rf"(?<![\w.-]){re.escape(word.lower())}(?![\w-])", text) is not None
