"""Workflow texts for the tests of the language: a sound workflow with a few lines of the test's own in one place."""

import textwrap

minimal = "on: push\njobs: {a: {runs-on: x, steps: [{run: x}]}}\n"


def with_on(settings: str) -> str:
    """`on:` is the settings, from line 2 and column 3 on."""
    return f"on:\n{textwrap.indent(settings, '  ')}\njobs: {{a: {{runs-on: x, steps: [{{run: x}}]}}}}\n"


def with_top(lines: str) -> str:
    """Keys of the workflow, from line 3 on."""
    return f"{minimal}{lines}\n"


def with_job(lines: str) -> str:
    """Keys of a sound job `a`, from line 6 and column 5 on."""
    return "on: push\njobs:\n  a:\n    runs-on: x\n    steps: [{run: x}]\n" + textwrap.indent(lines, "    ") + "\n"


def with_step(lines: str) -> str:
    """The keys of a job's only step, from line 6 and column 9 on."""
    step = textwrap.indent(lines, "        ").removeprefix("        ")
    return f"on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - {step}\n"


def with_jobs(lines: str) -> str:
    """The whole mapping `jobs`, from line 3 and column 3 on; `{J}` stands for what a job needs."""
    return "on: push\njobs:\n" + textwrap.indent(lines.replace("{J}", "runs-on: x, steps: [{run: x}]"), "  ") + "\n"


def with_strategy(lines: str) -> str:
    """The mapping `strategy`, from line 7 and column 7 on."""
    return with_job("strategy:\n" + textwrap.indent(lines, "  "))
