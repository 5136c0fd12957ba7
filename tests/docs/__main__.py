"""python -m tests.docs            writes what docs/ takes from the code
python -m tests.docs --check    exits 1 where a page is stale
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.docs import blocks, command_line, differences, events, language

DOCS = Path(__file__).parents[2] / "docs"
WITH_BLOCKS = ("architecture.md", "analytics.md")


def pages() -> dict[str, str]:
    """File name below docs/ -> what it should hold."""
    whole = {
        "events.md": events.text(),
        "command-line.md": command_line.text(),
        "workflow-language.md": language.text(),
        "differences.md": differences.text(),
    }
    return whole | {name: blocks.filled((DOCS / name).read_text()) for name in WITH_BLOCKS}


def stale() -> list[str]:
    return [name for name, text in pages().items() if not (DOCS / name).exists() or (DOCS / name).read_text() != text]


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        for name in stale():
            sys.stderr.write(f"docs/{name} is stale: run `python -m tests.docs`\n")
        return 1 if stale() else 0
    for name, text in pages().items():
        (DOCS / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
