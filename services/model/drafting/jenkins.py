"""`Jenkinsfile`: the shell commands of its stages, in their order, as steps of one job.

Jenkins' own words: https://www.jenkins.io/doc/book/pipeline/syntax/. A Jenkinsfile is a program; only what stands in it
as a constant is carried over. Stages share one work space there, so they are steps of one job here.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

from services.model.drafting.commands import Command, Phase, separate_steps_of
from services.model.drafting.draft import CHECKOUT, Draft, Gap, Job, SourceFile, variables
from services.model.drafting.groovy import Token, tokens

_GAPS = frozenset(
    {"when", "input", "parallel", "matrix", "script", "withCredentials", "parameters", "triggers", "options", "tools"}
    | {"libraries", "retry", "timeout", "catchError", "docker.build", "if", "for", "while", "node"}
)
_CALLS = frozenset(
    {"bat", "powershell", "pwsh", "junit", "archiveArtifacts", "stash", "unstash", "build", "emailext", "slackSend"}
    | {"mail", "publishHTML", "git", "library", "load", "checkout"}
)
ARGUMENT_TOKENS = 16
"""Within which a call names its script."""
_POST = {"always": "always()", "cleanup": "always()", "success": "success()", "failure": "failure()"}


@dataclass
class _Reading:
    """`blocks` are the words before the open braces, outermost first; `stages` the names of the open stages."""

    blocks: list[str] = field(default_factory=list[str])
    stages: list[str] = field(default_factory=list[str])
    phases: list[Phase] = field(default_factory=list[Phase])
    gaps: list[Gap] = field(default_factory=list[Gap])
    variables: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    images: list[str] = field(default_factory=list[str])


def read(file: SourceFile) -> Draft:
    said = [token for token in tokens(file.text) if token.kind != "end"]
    reading = _Reading()
    word = named = ""
    for at, token in enumerate(said):
        if token.text == "{" and token.kind == "mark":
            _open(reading, word, named)
            word = named = ""
        elif token.text == "}" and token.kind == "mark":
            _close(reading)
            word = named = ""
        elif token.kind == "word":
            word, named = token.text, ""
            _word(reading, said, at)
        elif token.kind == "text":
            named = token.text
    return _draft(file, reading)


def _open(reading: _Reading, word: str, named: str) -> None:
    reading.blocks.append(word)
    if word == "stage":
        reading.stages.append(named)


def _close(reading: _Reading) -> None:
    if reading.blocks and reading.blocks.pop() == "stage" and reading.stages:
        reading.stages.pop()


def _word(reading: _Reading, said: list[Token], at: int) -> None:
    token, value = said[at], _argument(said, at)
    following = said[at + 1].text if at + 1 < len(said) else ""
    if token.text == "sh":
        _shell(reading, token, value)
    elif token.text == "image" and value is not None and value.kind == "text" and "docker" in reading.blocks:
        reading.images.append(value.text)
    elif following == "=" and reading.blocks[-1:] == ["environment"]:
        _variable(reading, said, at)
    elif _left_out(token.text, following, value):
        reading.gaps.append(Gap(f"`{token.text}`", token.line))


def _left_out(word: str, following: str, value: Token | None) -> bool:
    if word in _CALLS:
        return value is not None and following != "{"
    return word in _GAPS and following in ("{", "(")


def _shell(reading: _Reading, token: Token, value: Token | None) -> None:
    if value is None:
        reading.gaps.append(Gap("a shell command that the file computes", token.line))
        return
    if value.kind == "woven":
        reading.gaps.append(Gap("a shell command with something of Groovy's in it", token.line))
        return
    command = Command(_dedented(value.text), token.line)
    condition = next((_POST.get(block, "failure()") for before, block in _nested(reading) if before == "post"), "")
    name = (reading.stages[-1] if reading.stages else "") or "Run"
    if condition:
        name = f"After the {'stage ' + name if reading.stages else 'build'}"
    reading.phases.append(Phase(name, (command,), condition))


def _nested(reading: _Reading) -> list[tuple[str, str]]:
    return list(zip(reading.blocks, reading.blocks[1:], strict=False))


def _argument(said: list[Token], at: int) -> Token | None:
    """The string that a call is given: `sh 'x'`, `sh('x')`, `sh script: 'x'`, `sh(label: 'y', script: 'x')`."""
    rest = said[at + 1 : at + 1 + ARGUMENT_TOKENS]
    if rest and rest[0].text == "(":
        rest = rest[1:]
    if rest and rest[0].kind in ("text", "woven"):
        return rest[0]
    for name, colon, value in zip(rest, rest[1:], rest[2:], strict=False):
        if name.kind == "mark" and name.text in "{})":
            return None
        if (name.text, colon.text) == ("script", ":"):
            return value if value.kind in ("text", "woven") else None
    return None


def _variable(reading: _Reading, said: list[Token], at: int) -> None:
    value = said[at + 2] if at + 2 < len(said) else None
    if value is not None and value.kind == "text":
        reading.variables.append((said[at].text, value.text, said[at].line))
    elif value is not None and value.text != "credentials":
        reading.gaps.append(Gap(f"the variable {said[at].text}, which the file computes", said[at].line))
    else:
        reading.variables.append((f"{said[at].text}", "", said[at].line))
        reading.gaps.append(Gap(f"the credentials in {said[at].text}: set a secret", said[at].line))


def _draft(file: SourceFile, reading: _Reading) -> Draft:
    steps, refused = separate_steps_of(reading.phases)
    env, more = variables(each for each in reading.variables if each[1])
    image = reading.images[0] if len(set(reading.images)) == 1 else ""
    gaps = [*reading.gaps, *refused, *more]
    if len(set(reading.images)) > 1:
        gaps.append(Gap("several images: each stage has its own, and the draft is one job"))
    if not steps and not gaps:
        return Draft(file.path)
    job = Job("build", (CHECKOUT, *steps), container=image, env=tuple(env))
    return Draft(file.path, (job,) if steps else (), tuple(gaps))


def _dedented(text: str) -> str:
    return textwrap.dedent(text).strip("\n")
