"""How much one line of a log says about why a command failed: whether it names a test, a place, an error, or nothing.

Tools are known by how their lines look, never by what command was run: a script that calls `make` that calls a compiler
ends with the compiler's words, then make's. Nothing here knows what a failure means.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final

LINE_CHARACTERS: Final = 1000
"""Of one line that are looked at; a line may be a mebibyte, and its beginning says what it is."""


class Rank(IntEnum):
    """From nothing to a test by name. `WRAPPER`: it says that something else failed, and not what."""

    NOISE = 0
    WRAPPER = 1
    PLAIN = 2
    SIGNAL = 3
    ERROR = 4
    PLACED = 5
    TEST = 6


_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_WHITE = re.compile(r"[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ue000-\uf8ff\ufeff]+")
"""Nothing is put in their place: what stood on both sides of one is to be masked if together it is a secret."""
_PREFIX = re.compile(
    r"""^\s*(?:
      \d{4}-\d\d-\d\dT[\d:.]+Z\s        # a log's own times
    | \#\#\[\w+\]
    | \#\d+\s(?:\d+\.\d+\s)?            # BuildKit's step and seconds
    | [│╷╵|]\s                          # Terraform's frame
    )*""",
    re.VERBOSE,
)

_EXITED: Final = "Process completed with exit code"
_UNLINKED: Final = "undefined reference to "

_NOISE = re.compile(
    r"""
      at\s\S.*[(:]\d+                   # a frame of a stack
    | at\s[\w.$<>/]+\(.*\)
    | File\s".*",\sline\s\d+
    | \.\.\.\s\d+\smore$
    | [\W_]*$                           # nothing, or a rule
    | Node\.js\sv\d
    | \[(?:INFO|DEBUG)\]
    | (?:INFO|DEBUG|NOTICE|notice|info|note):?\s
    | (?:npm\s(?:ERR!|error)|\[ERROR\])\s*(?:\[Help\s\d\].*|->\s\[Help.*)?$
    | npm\snotice | Unable\sto\sfind\simage\s.*\slocally
    | npm\s(?:ERR!|error)\s(?:A\scomplete\slog|errno|path|command|in\sworkspace|workspace|location|syscall
        |gyp\s(?:verb|info))
    | npm\s(?:ERR!|error)\s+(?:at\s|\S*_logs/)
    | \[ERROR\]\s(?:To\ssee\sthe\sfull|Re-run\sMaven|For\smore\sinformation|After\scorrecting|\s*mvn\s<args>)
    | >\s(?:Run\swith|Get\smore\shelp)
    | \*\s(?:Try|Get\smore\shelp)
    """,
    re.VERBOSE,
)
_WRAPPER = re.compile(
    r"""
      (?:g?make|mingw32-make|ninja|gmake)(?:\[\d+\])?:.*(?:\bError\s\d|stopped)
    | npm\s(?:ERR!|error)\s(?:code\sELIFECYCLE|Test\sfailed|Exit\sstatus|Lifecycle\sscript|Failed\sat\sthe
        |This\sis\sprobably|.*\sExit\sstatus\s\d)
    | (?:error\s)?Command\sfailed(?:\swith\sexit\scode)?
    | ELIFECYCLE|\s*ELIFECYCLE
    | \[?ERROR\]?:?\s(?:Failed\sto\sexecute\sgoal|There\sare\stest\sfailures|Tests\srun:|Failures:|Errors:
        |COMPILATION\sERROR|BUILD\sFAILURE|ELIFECYCLE)
    | (?:BUILD|Build)\s(?:FAILED|failed)
    | FAILURE:\sBuild\sfailed
    | (?:>\sTask\s\S+\sFAILED|Execution\sfailed\sfor\stask|\*\sWhat\swent\swrong)
    | error:\s(?:could\snot\scompile|test\sfailed,\sto\srerun|aborting\sdue\sto|process\sdidn't\sexit|\d+\starget)
    | collect2:\serror:\sld\sreturned
    | FAIL(?:ED)?$
    | FAIL\s+\S+\s+(?:\d|\[)
    | (?:Found|✖|\u00d7)\s\d+\s(?:error|problem)
    | (?:Test\s(?:Suites|Files)|Tests|Test\sSuites):?\s+.*\bfailed
    | =*\s*\d+\sfailed\b
    | \d+\s(?:failing|failures?|errors?|tests?\sfailed|problems?)\b
    | FAILED\s\((?:failures|errors)
    | test\sresult:\sFAILED
    | !+\s(?:Interrupted|stopping)
    | The\sprocess\s'.*'\sfailed\swith\sexit\scode
    | rake\saborted!|Script\s.*\sreturned\swith\serror\scode
    | subprocess\.CalledProcessError
    | (?:ERROR|error|Error):\s(?:Job|Task|Command|command|script|Script)\b.*(?:failed|exited)
    """,
    re.VERBOSE,
)
_TEST = re.compile(
    r"""
      (?:FAILED|ERROR)\s\S+(?:::\S|\.py\b)          # pytest
    | (?:FAIL|ERROR):\s\w+\s\(                      # unittest
    | ●\s(?!Console|Validation|Deprecation)\S       # Jest
    | FAIL\s+\S+\s>\s                               # Vitest
    | [\u00d7✗✕✘]\s\S                                    # TAP's and Mocha's marks
    | \d+\)\s(?!\s)\S.*(?:[:#\s]\S|$)               # Mocha, PHPUnit, RSpec: numbered failures
    | ---\sFAIL:\s                                  # Go
    | test\s\S+\s\.\.\.\sFAILED                     # Rust
    | thread\s'.*'\s(?:\(\d+\)\s)?panicked\sat
    | \[ERROR\]\s+\w+(?:Test|Tests|IT|TestCase|Spec)\.\w+ # Surefire
    | [\w.$]+\s>\s.*\sFAILED$                       # Gradle
    | rspec\s\./\S+:\d+
    | not\sok\s\d+
    | Failed\s[\w.]+\.[\w.]+(?:\(|\s\[)             # dotnet test
    """,
    re.VERBOSE,
)
_PLACED = re.compile(
    r"""
      (?:\[ERROR\]\s+|\w:\s)?[\w@./\\+~-]+\.\w+[:(\[]+\s?\d+.*(?:\berror\b|\bundefined\b|\bcannot\b|\bnot\b
        |expected|unused|Unresolved|FATAL|fatal)
    | [\w@./\\-]+\.go:\d+:\d+:\s
    | error(?:\[|\s)[A-Z]+\d+
    | (?:[\w.]+\.)?\w*(?:Error|Exception|Failure|Exit|Interrupt)(?:\s\[\w+\])?:\s\S
    | (?:[\w]+\.)+\w*(?:Error|Exception)$
    | (?:MemoryError|KeyboardInterrupt|RecursionError|AssertionError|SystemError|StopIteration|NotImplementedError)$
    | E\s{2,}\S.*(?:Error|Exception|assert|Failed)
    | Caused\sby:\s
    | Exception\sin\sthread\s
    | panic:\s
    | CMake\sError\sat\s
    | (?:PHP\s)?(?:Fatal|Parse)\serror:
    | npm\s(?:ERR!|error)\s(?!code\s)\S
    | \d+:\d+\s+error\s                             # ESLint
    """,
    re.VERBOSE,
)
_ERROR = re.compile(
    r"""
      (?:\S{1,60}:\s)?(?:fatal|error|ERROR|Error|FATAL|E|Err|failure|Failure)\b\s?(?:\w+\s)?[:!]
    | (?:\[(?:ERROR|error|FATAL|FAIL)\]|ERROR\b|FATAL\b|error\s\S|✖|✗|\u00d7)
    | npm\s(?:ERR!|error)
    | curl:\s\(\d+\) | wget:\s
    | \S+:\s(?:line\s\d+:\s)?.*(?:command\snot\sfound|No\ssuch\sfile|Permission\sdenied|unbound\svariable
        |syntax\serror|not\sfound|Is\sa\sdirectory|cannot\s)
    | Error\sresponse\sfrom\sdaemon | Cannot\sconnect\sto\sthe\sDocker
    | FAILED\b | FAIL\b
    """,
    re.VERBOSE,
)
_WORDS: Final = (
    *(
        "error",
        "fail",
        "exception",
        "panic",
        "fatal",
        "assert",
        "not found",
        "denied",
        "timed out",
        "timeout",
        "refused",
    ),
    *("unable", "cannot", "could not", "invalid", "missing", "no such", "aborted", "segmentation", "killed"),
    *("unexpected", "undefined", "conflict", "caused by", "not ok", "unbound", "exit", "interrupt", "problem", "err:"),
    *("is a directory", "can't", "no space", "out of memory"),
)
"""Without one of them a line is of a failure only if it begins like a test's."""
_MARKS: Final = frozenset("●\u00d7✗✕✘✖0123456789r")


def plain(line: str) -> str:
    """One line, bounded, without colours, control characters, and what a log or a tool puts before every line."""
    bare = _CONTROLS.sub("", _WHITE.sub(" ", _ESCAPES.sub("", line[:LINE_CHARACTERS])))
    return _PREFIX.sub("", bare, count=1).strip()


def rank(line: str) -> Rank:
    """Of a plain line."""
    if _NOISE.match(line):
        return Rank.NOISE
    lowered = line.lower()
    told = any(word in lowered for word in _WORDS)
    if not told and line[0] not in _MARKS:
        return Rank.PLAIN
    if _EXITED in line or _WRAPPER.match(line):
        return Rank.WRAPPER
    if _TEST.match(line):
        return Rank.TEST
    if _UNLINKED in line or _PLACED.match(line):
        return Rank.PLACED
    if _ERROR.match(line):
        return Rank.ERROR
    return Rank.SIGNAL if told else Rank.PLAIN
