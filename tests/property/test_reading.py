"""Reading workflows: whatever the bytes, an answer; wherever an expression stands, its error stands there."""

import random

import yaml
from hypothesis import given
from hypothesis import strategies as st

from libs.workflow.nodes import Scalar
from libs.workflow.problems import Problems
from libs.workflow.reading.locations import locate
from libs.workflow.reading.workflow import Reading, read_workflow
from libs.workflow.source import read_document
from tests.unit.libs.workflow.reading.test_accepted import accepted

texts = sorted(accepted.values())


def assert_placed(reading: Reading, content: bytes) -> None:
    """Either a workflow, or an error; and each problem within the file (or at its end)."""
    errors = [problem for problem in reading.problems if problem.severity == "error"]
    assert (reading.workflow is None) == bool(errors)
    lines = content.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in reading.problems:
        assert 1 <= problem.line <= len(lines) + 1
        assert problem.column >= 1
        assert problem.message.strip()
        assert "\n" not in problem.render()


@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer(content: bytes) -> None:
    assert_placed(read_workflow("w.yml", content), content)


@given(st.sampled_from(texts), st.integers(0, 10_000), st.sampled_from(list("\t\n :-[]{}'\"&*!|>%@`#,?$\\\x00é\ufeff")))
def test_a_workflow_with_one_character_put_in_gets_an_answer(text: str, place: int, character: str) -> None:
    place %= len(text)
    content = (text[:place] + character + text[place:]).encode()
    assert_placed(read_workflow("w.yml", content), content)


@given(st.sampled_from(texts), st.integers(0, 10_000), st.integers(1, 12))
def test_a_workflow_with_a_piece_cut_out_gets_an_answer(text: str, place: int, length: int) -> None:
    place %= len(text)
    content = (text[:place] + text[place + length :]).encode()
    assert_placed(read_workflow("w.yml", content), content)


@given(st.randoms(use_true_random=False), st.integers(1, 6))
def test_any_nodes_at_any_key_get_an_answer(rng: random.Random, levels: int) -> None:
    content = yaml.safe_dump(_anything(rng, levels)).encode()
    assert_placed(read_workflow("w.yml", content), content)


words = [
    "on",
    "jobs",
    "name",
    "run-name",
    "env",
    "defaults",
    "permissions",
    "steps",
    "run",
    "uses",
    "with",
    "if",
    "needs",
    "runs-on",
    "strategy",
    "matrix",
    "include",
    "exclude",
    "push",
    "pull_request",
    "branches",
    "paths",
    "types",
    "workflow_dispatch",
    "inputs",
    "type",
    "default",
    "options",
    "a",
    "b",
    "${{x}}",
    "${{github.a}}",
    "labels",
    "group",
    "schedule",
    "cron",
    "timezone",
    "workflow_call",
    "workflow_run",
    "secrets",
    "concurrency",
    "cancel-in-progress",
    "queue",
    "environment",
    "container",
    "services",
    "image",
    "credentials",
    "ports",
    "snapshot",
    "image-name",
    "background",
    "wait",
    "wait-all",
    "cancel",
    "parallel",
    "${{insert}}",
    "./.github/workflows/a.yml",
    "o/r@v1",
    "* * * * *",
]


def _anything(rng: random.Random, levels: int) -> object:
    kind = rng.randrange(8 if levels else 5)
    if kind < 2:
        return rng.choice(words)
    if kind < 5:
        return rng.choice([None, True, 0, -1.5, "", "x: y", "2"])
    if kind == 5:
        return [_anything(rng, levels - 1) for _ in range(rng.randrange(3))]
    return {rng.choice(words): _anything(rng, levels - 1) for _ in range(rng.randrange(5))}


marker = "${{"
content_lines = st.lists(
    st.text("ab '\"\\:#-é\t", max_size=6).map(str.strip), min_size=0, max_size=4
)  # Indentation at the start of a line would be part of a block's content.


@given(content_lines, content_lines, st.sampled_from(["|", ">", "|-", ">+", "'", '"', '"folded', "plain"]), st.data())
def test_an_expression_is_found_where_it_stands(
    before: list[str], after: list[str], style: str, data: st.DataObject
) -> None:
    """Its own line holds nothing else that looks like one, so that the place in the file is known beforehand."""
    lines = [*before, f"x {marker} y", *after]
    text = _scalar(lines, style)
    if text is None:
        return
    document = read_document(text.encode(), Problems("w.yml"))
    assert document.root is not None
    scalar = document.root.entries[0].value  # type: ignore[union-attr]
    assert isinstance(scalar, Scalar)

    line, column = locate(document.text, scalar, scalar.text.index(marker))

    source_line = document.text.split("\n")[line - 1]
    assert source_line[column - 1 :].startswith(marker)


def _scalar(lines: list[str], style: str) -> str | None:
    """A mapping whose only value is the lines in a style, or None where the style cannot hold them."""
    if style[0] in "|>":
        return f"k: {style}\n" + "".join(f"  {line}\n" if line else "\n" for line in lines)
    if style == "'":
        return "k: '" + "\n  ".join(line.replace("'", "''") for line in lines) + "'\n"
    if style == '"':
        return 'k: "' + "\\n".join(_escaped(line) for line in lines) + '"\n'
    if style == '"folded':
        return 'k: "' + "\n  ".join(_escaped(line) for line in lines) + '"\n'
    plain = [line for line in lines if line]
    if any(set(line) & set("'\"\\:#-\t") for line in plain) or not plain[0][0].isalpha():
        return None
    return "k: " + "\n  ".join(plain) + "\n"


def _escaped(line: str) -> str:
    return line.replace("\\", "\\\\").replace('"', '\\"').replace("é", "\\u00e9").replace("\t", "\\t")
