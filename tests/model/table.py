"""The figures of a real model, as a table. It judges nothing."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field


@dataclass
class Table:
    model: str
    rows: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def count(self, what: str, found: int, of: int) -> None:
        self.rows.append((what, f"{found} of {of}"))

    def latency(self, what: str, seconds: list[float]) -> None:
        said = f"{statistics.median(seconds):.1f} s, max {max(seconds):.1f} s" if seconds else "no answer"
        self.rows.append((f"{what}: latency p50", said))

    def text(self) -> str:
        width = max(len(what) for what, _ in self.rows)
        lines = [f"| {what.ljust(width)} | {figure} |" for what, figure in self.rows]
        head = f"| {f'qwen2.5-coder-{self.model}'.ljust(width)} | figure |"
        return "\n".join([head, f"| {'-' * width} | --- |", *lines])
