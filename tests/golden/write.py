"""Writes a golden file for each message that has none yet: `python -m tests.golden.write`.

A file that is there is never changed: it is what some version has stored, and every later version must read it.
When a message gains a field, its old file stays and a new one with the next number joins it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from libs.contracts.registry import EVENTS, OTHERS, types_of

FOLDER = Path(__file__).parent / "contracts"


def messages() -> dict[str, type[msgspec.Struct]]:
    """Name of the golden folder -> type."""
    return {
        f"{group}.{kind.__name__}": kind for group, union in {**EVENTS, **OTHERS}.items() for kind in types_of(union)
    }


def example(kind: type[msgspec.Struct]) -> Any:
    """An instance in which every field has a value that is not its default."""
    return msgspec.convert(_value(msgspec.inspect.type_info(kind)), kind)


def _value(info: Any) -> Any:
    match info:
        case msgspec.inspect.StructType():
            fields = {field.encode_name: _value(field.type) for field in info.fields}
            return {**({info.tag_field: info.tag} if info.tag_field else {}), **fields}
        case msgspec.inspect.UnionType():
            return _value(next(t for t in info.types if not isinstance(t, msgspec.inspect.NoneType)))
        case msgspec.inspect.VarTupleType() | msgspec.inspect.ListType():
            return [_value(info.item_type)]
        case msgspec.inspect.DictType():
            return {"key": _value(info.value_type)}
        case msgspec.inspect.LiteralType():
            return info.values[-1]
        case msgspec.inspect.IntType():
            return 7
        case msgspec.inspect.FloatType():
            return 1.5
        case msgspec.inspect.BoolType():
            return True
        case msgspec.inspect.BytesType():
            return "Ynl0ZXM="
        case msgspec.inspect.DateTimeType():
            return datetime(2026, 11, 24, tzinfo=UTC)
        case msgspec.inspect.RawType():
            return msgspec.Raw(b'{"type":"RunStarted"}')
        case msgspec.inspect.StrType():
            return "text"
        case _:
            return {"any": [1, None, "json"]}


def main() -> None:
    for name, kind in messages().items():
        folder = FOLDER / name
        instance = example(kind)
        text = json.dumps(json.loads(msgspec.json.encode(instance)), indent=1) + "\n"
        known = [
            path for path in folder.glob("*.json") if json.loads(path.read_text()).keys() == json.loads(text).keys()
        ]
        if not known:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{len(list(folder.glob('*.json'))) + 1}.json").write_text(text)


if __name__ == "__main__":
    main()
