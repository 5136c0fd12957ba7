"""proto/ says what the structs say."""

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from libs.contracts import schema
from tests.golden.write import FOLDER

PROTO = Path(__file__).parents[4] / "proto"


def test_proto_is_not_stale() -> None:
    assert schema.stale(PROTO) == []


def test_a_changed_file_is_stale_and_a_strange_one_too(tmp_path: Path) -> None:
    schema.main([str(tmp_path)])
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "strange.json").write_text("{}")
    assert schema.stale(tmp_path) == ["run.json", "strange.json"]
    schema.main([str(tmp_path)])
    assert schema.stale(tmp_path) == []


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*/*.json")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_golden_messages_obey_the_schema(path: Path) -> None:
    document = json.loads((PROTO / f"{path.parent.name.partition('.')[0]}.json").read_text())
    jsonschema.validate(json.loads(path.read_text()), document)


def test_a_message_of_the_wrong_shape_does_not() -> None:
    document = json.loads((PROTO / "run.json").read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"type": "JobAssigned", "job": 3}, document)


def test_python_reads_what_the_schema_allows() -> None:
    from libs.contracts.run import JobAssigned, RunEvent

    event = msgspec.json.decode(b'{"type":"JobAssigned","job":"build","n":1,"host":"h"}', type=RunEvent)
    assert isinstance(event, JobAssigned)
