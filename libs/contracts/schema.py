"""Writes proto/: JSON Schema of every message, for people and other languages.

python -m libs.contracts.schema proto            writes
python -m libs.contracts.schema --check proto    exits 1 where a file is stale
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec

from libs.contracts.registry import EVENTS, OTHERS

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def files() -> dict[str, str]:
    """File name -> text."""
    return {f"{name}.json": _document(name, union) for name, union in {**EVENTS, **OTHERS}.items()}


def _document(name: str, union: object) -> str:
    (schema,), definitions = msgspec.json.schema_components(
        [union], schema_hook=_any_json, ref_template="#/$defs/{name}"
    )
    document = {"$schema": _DIALECT, "title": name, **schema, "$defs": definitions}
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _any_json(kind: type) -> dict[str, object]:
    """`object` in a contract is any JSON value."""
    if kind is not object:
        raise NotImplementedError(f"{kind} has no schema")
    return {"description": "any JSON value"}


def stale(folder: Path) -> list[str]:
    """The names of files that are missing, different, or no longer anybody's."""
    wanted = files()
    there = {path.name: path.read_text() for path in folder.glob("*.json")}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def main(arguments: list[str]) -> int:
    folder = Path(arguments[-1])
    if arguments[0] == "--check":
        names = stale(folder)
        for name in names:
            sys.stderr.write(f"{folder / name} is stale: run `make schema`\n")
        return 1 if names else 0
    folder.mkdir(exist_ok=True)
    wanted = files()
    for name in stale(folder):
        (folder / name).unlink(missing_ok=True)
        if name in wanted:
            (folder / name).write_text(wanted[name])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
