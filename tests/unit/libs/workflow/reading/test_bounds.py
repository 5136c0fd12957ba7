"""What a file may cost to read: a large workflow is quick, and a hostile one is bounded."""

import time

import pytest

from libs.workflow.problems import problems_in_file
from libs.workflow.reading.workflow import Reading, read_workflow
from tests.unit.libs.workflow.workflows import minimal, with_top

head = "on: push\njobs:\n"
job = "runs-on: x, steps: [{run: x}]"


def large_workflow() -> str:
    """Some 10,000 lines, every expression another."""
    lines = ["on: push", "jobs:"]
    for number in range(100):
        lines += [f"  job{number}:", "    runs-on: ubuntu-latest", "    steps:"]
        for step in range(24):
            lines += [
                f"      - name: step {step} of ${{{{ github.ref }}}}",
                f"        run: echo ${{{{ github.event.x{number}_{step} == 'a' && env.y{step} || 'no' }}}}",
                "        env:",
                f"          A: ${{{{ vars.z{number}_{step} }}}}",
            ]
    return "\n".join(lines) + "\n"


def processor_seconds(text: str) -> tuple[float, Reading]:
    started = time.process_time()
    reading = read_workflow("w.yml", text.encode())
    return time.process_time() - started, reading


def test_ten_thousand_lines_are_read_within_a_second() -> None:
    text = large_workflow()
    assert text.count("\n") > 9_500

    seconds, reading = processor_seconds(text)

    assert reading.problems == ()
    assert seconds < 1


hostile = {
    "unknown keys": with_top("".join(f"k{number}: 1\n" for number in range(5_000))),
    "errors in one scalar": with_top("env:\n  A: '" + "${{a}}" * 10_000 + "'"),
    "open expressions": with_top("env:\n  A: '" + "${{ " * 100_000 + "'"),
    "open strings": with_top('env:\n  A: "' + "${{ ' " * 50_000 + '"'),
    "unknown needs": head
    + "".join(f"  a{n}: {{needs: [{','.join(f'z{n}_{m}' for m in range(20))}], {job}}}\n" for n in range(300)),
    "a long chain into a circle": head + "".join(f"  a{n}: {{needs: a{(n + 1) % 900}, {job}}}\n" for n in range(900)),
    "too many jobs": head + "".join(f"  a{n}: {{{job}}}\n" for n in range(1_500)),
    "too many steps": f"{head}  a:\n    runs-on: x\n    steps:\n" + "      - {run: x}\n" * 1_500,
    "a matrix of many filters": head
    + "  a: {runs-on: x, steps: [{run: x}], strategy: {matrix: {a: ["
    + ",".join(map(str, range(1_000)))
    + "], exclude: ["
    + ",".join("{a: 2000}" for _ in range(600))
    + "], include: [{b: 1}]}}}\n",
    "aliases of an erroneous job": f"{head}  a: &a {{{','.join(f'k{n}: 1' for n in range(100))}}}\n"
    + "".join(f"  b{n}: *a\n" for n in range(500)),
}


@pytest.mark.parametrize("text", hostile.values(), ids=hostile.keys())
def test_a_hostile_file_costs_little_and_ends_in_bounded_problems(text: str) -> None:
    seconds, reading = processor_seconds(text)

    assert seconds < 2
    assert len(reading.problems) <= problems_in_file + 1


def test_more_problems_than_anybody_reads_are_cut_and_that_is_said() -> None:
    reading = read_workflow("w.yml", hostile["unknown keys"].encode())

    assert reading.workflow is None
    assert len(reading.problems) == problems_in_file + 1
    assert "more than 500 problems" in reading.problems[-1].message


def test_problems_are_sorted_by_place_and_each_is_told_once() -> None:
    reading = read_workflow("w.yml", (minimal + "b: 1\na: &x {<<: 1}\nc: *x\n").encode())
    places = [(problem.line, problem.column) for problem in reading.problems]

    assert places == sorted(places)
    assert len(set(reading.problems)) == len(reading.problems)
