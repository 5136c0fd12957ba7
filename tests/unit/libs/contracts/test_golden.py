"""Names and fields are storage format: what any version ever wrote is read by this one."""

import json

import msgspec
import pytest

from libs.contracts.registry import EVENTS, OTHERS
from tests.golden.write import FOLDER, example, messages

GOLDEN = sorted(FOLDER.glob("*/*.json"))
UNIONS = {**EVENTS, **OTHERS}


@pytest.mark.parametrize("name", messages())
def test_every_message_has_a_golden_file_with_all_its_fields(name: str) -> None:
    wanted = json.loads(msgspec.json.encode(example(messages()[name])))
    stored = [json.loads(path.read_text()).keys() for path in (FOLDER / name).glob("*.json")]
    assert wanted.keys() in stored, "a new field: run `python -m tests.golden.write` and commit the new file"


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_stored_message_is_still_read_and_keeps_every_value(path) -> None:
    group = path.parent.name.partition(".")[0]
    message = msgspec.json.decode(path.read_bytes(), type=UNIONS[group])
    assert type(message).__name__ == path.parent.name.partition(".")[2]
    written = json.loads(msgspec.json.encode(message))
    assert _holds(written, json.loads(path.read_text()))


def _holds(written, stored) -> bool:
    """All that was stored is there, however deep; a field that was added since then has its default."""
    if isinstance(stored, dict):
        return all(key in written and _holds(written[key], value) for key, value in stored.items())
    if isinstance(stored, list):
        return len(written) == len(stored) and all(map(_holds, written, stored))
    return written == stored


def test_no_golden_folder_is_nobodys() -> None:
    assert {path.parent.name for path in GOLDEN} == set(messages())


@pytest.mark.parametrize("name", EVENTS)
def test_an_unknown_field_is_ignored_so_that_an_older_reader_survives(name: str) -> None:
    for kind in [kind for key, kind in messages().items() if key.startswith(f"{name}.")]:
        data = json.loads(msgspec.json.encode(example(kind)))
        assert msgspec.json.decode(json.dumps({**data, "added_later": 1}), type=kind) == example(kind)
