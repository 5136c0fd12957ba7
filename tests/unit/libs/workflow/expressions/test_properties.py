"""Which properties are told to be none, and which are left alone."""

import pytest

from libs.workflow.expressions import doubtful_properties, parse

doubtful = [
    ("github.reff", 8, "`github.reff` does not exist, and is null (did you mean 'ref'?)"),
    ("github['event-name']", 8, "`github.event-name` does not exist, and is null (did you mean 'event_name'?)"),
    ("runner.operating_system", 8, "`runner.operating_system` does not exist, and is null"),
    ("strategy.job_index", 10, "`strategy.job_index` does not exist, and is null (did you mean 'job-index'?)"),
    ("job.state", 5, "`job.state` does not exist, and is null (did you mean 'status'?)"),
    ("steps.build.output.x", 13, "`steps.build.output` does not exist, and is null (did you mean 'outputs'?)"),
    ("steps[matrix.a].result", 17, "`steps[...].result` does not exist, and is null"),
    ("needs.*.results", 9, "`needs.*.results` does not exist, and is null (did you mean 'result'?)"),
    ("needs.a.outcome", 9, "`needs.a.outcome` does not exist, and is null"),
    ("job.services.db.port['1']", 17, "`job.services.db.port` does not exist, and is null (did you mean 'ports'?)"),
    ("job.container.name", 15, "`job.container.name` does not exist, and is null"),
    ("format('{0}', github.x)", 22, "`github.x` does not exist, and is null"),
]

fine = [
    "github.ref",
    "GitHub.REF",
    "github.repositoryurl",
    "github.event.reff.anything",
    "github[matrix.name]",
    "github.ref.length",
    "env.anything",
    "vars.x.y",
    "secrets.github_token",
    "matrix.os.name",
    "inputs.x",
    "steps.any.outputs.any",
    "steps.any.outcome",
    "steps.*.conclusion",
    "needs.any.result",
    "needs.*.outputs.x",
    "jobs.a.outputs.b",
    "job.services.db.ports['5432']",
    "job.workflow_sha",
    "fromJSON(github.event.x).y",
    "(github.ref || runner.os).x",
    "github.*",
]


@pytest.mark.parametrize(("text", "column", "message"), doubtful, ids=[text for text, _, _ in doubtful])
def test_a_property_that_does_not_exist_is_told_with_its_column(text: str, column: int, message: str) -> None:
    assert doubtful_properties(parse(text)) == ((column, message),)


@pytest.mark.parametrize("text", fine)
def test_what_exists_or_cannot_be_known_is_left_alone(text: str) -> None:
    assert doubtful_properties(parse(text)) == ()


def test_several_come_in_the_order_in_which_they_are_written() -> None:
    assert [column for column, _ in doubtful_properties(parse("github.b && github.a == runner.c"))] == [8, 20, 32]
