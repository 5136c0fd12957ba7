"""A Makefile's targets that continuous integration would call, by their usual names, in their usual order."""

from __future__ import annotations

import re

from services.model.drafting.draft import CHECKOUT, Draft, Gap, Job, SourceFile, Step

_ORDER = (
    ("install", "deps", "dependencies", "setup", "bootstrap", "init", "vendor"),
    ("generate", "gen", "codegen"),
    ("format-check", "fmt-check", "check-format", "lint", "vet", "typecheck", "type-check", "types"),
    ("build", "compile", "all"),
    ("unit", "unit-test", "test-unit", "test", "tests", "check"),
    ("integration", "integration-test", "test-integration", "e2e"),
)
"""Groups of names in the order in which they run; of `all` and `build`, of `test` and `check`, the first is enough."""
_ONE_OF = (("build", "compile", "all"), ("test", "tests", "check"), ("install", "deps", "dependencies"))
_TARGET = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._/ -]*?)\s*::?(?!=)", re.MULTILINE)


def read(file: SourceFile) -> Draft:
    lines = {name: line for line, name in reversed(_targets(file.text))}
    chosen: list[str] = []
    for group in _ORDER:
        for name in group:
            if name in lines and not _said(name, chosen):
                chosen.append(name)
    steps = tuple(Step(f"Make {name}", f"make {name}", line=lines[name]) for name in chosen)
    gaps = [Gap("what `make` needs on the machine: the file does not say what has to be installed")]
    left = [name for name in lines if name not in chosen]
    if left:
        gaps.append(Gap("targets that are not called: " + ", ".join(left[:15]) + (", ..." if len(left) > 15 else "")))
    return Draft(file.path, (Job("build", (CHECKOUT, *steps)),) if steps else (), tuple(gaps) if lines else ())


def _targets(text: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for match in _TARGET.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        found += [(line, name) for name in match[1].split() if "%" not in name]
    return found


def _said(name: str, chosen: list[str]) -> bool:
    return any(name in names and any(other in names for other in chosen) for names in _ONE_OF)
