"""From bytes to lines: a block of whole lines at a time, so that the usual log costs a few calls and not one a line.

Lines end at `\\n`, `\\r\\n` or `\\r`, as GitHub's runner reads them. Bytes that are no UTF-8 become U+FFFD, NUL
disappears. A line over the bound comes as its beginning; its rest is dropped. Nothing here masks or interprets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

LINE_BYTES = 1024 * 1024
"""What is kept of one line: more is not text that anybody reads, and all of it would have to be masked at once."""
BYTES_A_CHARACTER = 4


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines, `\\n` between them and none at the end."""

    text: str


@dataclass(frozen=True, slots=True)
class CutLine:
    """The beginning of a line that is too long. Its last `unsure` characters may be the beginning of a secret and are
    there for the masking alone.
    """

    text: str
    unsure: int


class LineCutter:
    """`longest` tells how many characters the longest secret has now."""

    def __init__(self, longest: Callable[[], int]) -> None:
        self._longest = longest
        self._rest = b""
        self._dropping = False

    def take(self, data: bytes) -> list[Block | CutLine]:
        if self._dropping:
            data = self._behind_the_line(data)
        if self._rest:
            data = self._rest + data
        # A `\r` at the very end may be half of a `\r\n`: it waits.
        end = max(data.rfind(b"\n"), data.rfind(b"\r", 0, max(len(data) - 1, 0)))
        self._rest = data[end + 1 :]
        parts: list[Block | CutLine] = [Block(_text(data[: end + 1]))] if end >= 0 else []
        if len(self._rest) > LINE_BYTES and (cut := self._cut()) is not None:
            parts.append(cut)
        return parts

    def end(self) -> list[Block | CutLine]:
        """What stands behind the last line end."""
        rest, self._rest, self._dropping = self._rest, b"", False
        return [Block(_text(rest if rest.endswith(b"\r") else rest + b"\n"))] if rest else []

    def _cut(self) -> CutLine | None:
        unsure = self._longest()
        if len(self._rest) <= LINE_BYTES + BYTES_A_CHARACTER * unsure:
            return None
        text, self._rest, self._dropping = _decoded(self._rest), b"", True
        return CutLine(text, unsure)

    def _behind_the_line(self, data: bytes) -> bytes:
        ends = [place for place in (data.find(b"\n"), data.find(b"\r")) if place >= 0]
        if not ends:
            return b""
        self._dropping = False
        end = min(ends)
        return data[end + 2 :] if data[end : end + 2] == b"\r\n" else data[end + 1 :]


def _text(lines: bytes) -> str:
    """Lines with their ends to a text without the last end."""
    if b"\r" in lines:
        lines = lines.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return _decoded(lines[:-1])


def _decoded(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return text.replace("\0", "") if "\0" in text else text
