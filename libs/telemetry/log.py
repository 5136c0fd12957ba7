"""Structured logs on standard error: one line an event, for people (`text`) or machines (`json`).

An event is a sentence that never changes; what varies are its fields. Nobody logs a secret, an environment or a body.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Literal, TextIO

import msgspec

Level = Literal["debug", "info", "warning", "error"]
_RANK: dict[Level, int] = {"debug": 0, "info": 1, "warning": 2, "error": 3}


@dataclass(slots=True)
class _Sink:
    """Where lines go; set once by the process that owns standard error (`libs.process`)."""

    format: Literal["text", "json"] = "text"
    least: Level = "info"
    stream: TextIO | None = None


_sink = _Sink()


def configure(format: Literal["text", "json"], least: Level = "info", stream: TextIO | None = None) -> None:
    """For a process's entry point alone."""
    _sink.format, _sink.least, _sink.stream = format, least, stream


@dataclass(frozen=True, slots=True)
class Logger:
    """Named after the service; `bound` fields stand in every line."""

    name: str
    bound: tuple[tuple[str, object], ...] = ()

    def bind(self, **fields: object) -> Logger:
        return Logger(self.name, (*self.bound, *fields.items()))

    def debug(self, event: str, **fields: object) -> None:
        self._write("debug", event, fields)

    def info(self, event: str, **fields: object) -> None:
        self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._write("error", event, fields)

    def _write(self, level: Level, event: str, fields: dict[str, object]) -> None:
        if _RANK[level] < _RANK[_sink.least]:
            return
        stream = _sink.stream or sys.stderr
        stream.write(_line(_sink.format, level, self.name, event, {**dict(self.bound), **fields}) + "\n")
        stream.flush()


def get(name: str) -> Logger:
    return Logger(name)


def _line(format: str, level: Level, name: str, event: str, fields: dict[str, object]) -> str:
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    if format == "json":
        record = {"time": now + "Z", "level": level, "service": name, "event": event, **fields}
        return msgspec.json.encode(record, enc_hook=str).decode()
    words = " ".join(f"{key}={_word(value)}" for key, value in fields.items())
    return f"{now} {level:7} {name}: {event}" + (f"  {words}" if words else "")


def _word(value: object) -> str:
    """One line whatever the value holds: control characters are escaped, since parts of it come from outside."""
    text = str(value)
    safe = text if text.isprintable() else text.encode("unicode_escape").decode()
    return f'"{safe}"' if " " in safe else safe
