"""The table of contexts and functions beside GitHub's own schemas of workflow and action files (npm, `make test`)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from libs.workflow.expressions import Availability
from libs.workflow.expressions.availability import availabilities

NPM = Path(__file__).parents[4] / "npm"
SCHEMAS = NPM / "node_modules" / "@actions" / "workflow-parser" / "dist"
FILES = [("workflow", "workflow-root-strict", ""), ("action", "action-root-strict", "action")]


@pytest.mark.parametrize(("file", "root", "prefix"), FILES, ids=["workflow", "action"])
def test_every_key_has_what_the_schema_gives_it(file: str, root: str, prefix: str) -> None:
    scalars = sorted(set(scalars_of(definitions(file), root, prefix)))
    assert len(scalars) > 25
    differing = {path: (sorted(allowed), sorted(ours(path))) for path, allowed in scalars if ours(path) != allowed}
    assert differing == {}, "key: (GitHub's, ours)"


@pytest.mark.parametrize("key", availabilities)
def test_no_key_of_the_table_is_unknown_to_the_schema(key: str) -> None:
    known = {path for file, root, prefix in FILES for path, _ in scalars_of(definitions(file), root, prefix)}
    path = placeholders_alike(key)
    assert any(f"{other}.".startswith(f"{path}.") for other in known)


@lru_cache(maxsize=2)
def definitions(file: str) -> dict[str, Any]:
    """Skips where the package is not installed; NO_SKIPS makes that a failure."""
    schema = SCHEMAS / f"{file}-v1.0.min.json"
    if not schema.exists():
        how = f"GitHub's schemas are not installed: run `npm ci` in {NPM}"
        if os.environ.get("NO_SKIPS"):
            pytest.fail(how)
        pytest.skip(how)
    return json.loads(schema.read_text())["definitions"]


def scalars_of(
    known: dict[str, Any], name: str, path: str, allowed: frozenset[str] = frozenset(), within: tuple[str, ...] = ()
) -> Iterator[tuple[str, frozenset[str]]]:
    """Key path (`<>` for any name) and allowed names of each scalar; what a parent allows, its children may too.

    `within` are the definitions around this one: steps hold parallel steps.
    """
    if name in within:
        return
    definition = known.get(name, {})
    allowed |= {re.sub(r"\(.*", "", item) for item in definition.get("context", [])}
    inner: list[tuple[str, str]] = [(path, item) for item in definition.get("one-of", [])]
    if "sequence" in definition:
        inner.append((path, definition["sequence"]["item-type"]))
    mapping = definition.get("mapping", {})
    for key, value in mapping.get("properties", {}).items():
        inner.append((f"{path}.{key}".lstrip("."), value if isinstance(value, str) else value["type"]))
    if "loose-value-type" in mapping:
        inner.append((f"{path}.<>".lstrip("."), mapping["loose-value-type"]))
    if not inner:
        yield path, allowed
    for deeper, item in inner:
        yield from scalars_of(known, item, deeper, allowed, (*within, name))


def ours(path: str) -> frozenset[str]:
    """As `availability_of`, which wants GitHub's own placeholders in place of `<>`."""
    while path:
        if path in table():
            return frozenset((*table()[path].contexts, *table()[path].functions))
        path = path.rpartition(".")[0]
    return frozenset()


@lru_cache(maxsize=1)
def table() -> dict[str, Availability]:
    return {placeholders_alike(key): row for key, row in availabilities.items()}


def placeholders_alike(key: str) -> str:
    return re.sub(r"<.*?>", "<>", key)
