"""GitHub's table of what each key may use."""

import pytest

from libs.workflow.expressions.availability import (
    all_contexts,
    availabilities,
    availability_of,
    everywhere,
    special_functions,
)

rows = [
    ("run-name", "github inputs vars", ""),
    ("concurrency", "github inputs vars", ""),
    ("concurrency.group", "github inputs vars", ""),
    ("env", "github secrets inputs vars", ""),
    ("jobs.<job_id>.if", "github needs vars inputs", "always cancelled success failure"),
    ("jobs.<job_id>.strategy.matrix.os", "github needs vars inputs", ""),
    ("jobs.<job_id>.runs-on", "github needs strategy matrix vars inputs", ""),
    ("jobs.<job_id>.env.NAME", "github needs strategy matrix vars secrets inputs", ""),
    ("jobs.<job_id>.container.image", "github needs strategy matrix vars inputs", ""),
    ("jobs.<job_id>.container.ports", "github needs strategy matrix vars inputs", ""),
    ("jobs.<job_id>.container.credentials.username", "github needs strategy matrix env vars secrets inputs", ""),
    (
        "jobs.<job_id>.container.env.<env_id>",
        "github needs strategy matrix job runner env vars secrets steps inputs",
        "",
    ),
    ("jobs.<job_id>.environment.name", "github needs strategy matrix vars inputs", ""),
    ("jobs.<job_id>.environment.url", "github needs strategy matrix job runner env vars steps inputs", ""),
    ("jobs.<job_id>.outputs.<output_id>", "github needs strategy matrix job runner env vars secrets steps inputs", ""),
    ("jobs.<job_id>.steps.run", "github needs strategy matrix job runner env vars secrets steps inputs", "hashFiles"),
    (
        "jobs.<job_id>.steps.with.path",
        "github needs strategy matrix job runner env vars secrets steps inputs",
        "hashFiles",
    ),
    (
        "jobs.<job_id>.steps.if",
        "github needs strategy matrix job runner env vars steps inputs",
        "always cancelled success failure hashFiles",
    ),
    ("jobs.<job_id>.secrets.<secrets_id>", "github needs strategy matrix secrets inputs vars", ""),
    ("on.workflow_call.outputs.<output_id>.value", "github jobs vars inputs", ""),
    ("jobs.<job_id>.steps.uses", "", ""),
    ("jobs.<job_id>.steps.shell", "", ""),
    ("jobs.<job_id>.uses", "", ""),
    ("jobs.<job_id>.needs", "", ""),
    ("permissions", "", ""),
    ("", "", ""),
]


@pytest.mark.parametrize(("key", "contexts", "functions"), rows)
def test_rows(key: str, contexts: str, functions: str) -> None:
    availability = availability_of(key)
    assert set(availability.contexts) == set(contexts.split())
    assert set(availability.functions) == set(functions.split())


def test_every_row_names_only_what_there_is() -> None:
    for key, availability in availabilities.items():
        assert availability.key == key
        assert set(availability.contexts) <= set(all_contexts)
        assert set(availability.functions) <= set(special_functions)


def test_secrets_are_in_no_condition() -> None:
    for key, availability in availabilities.items():
        if key.endswith((".if", "-if")):
            assert "secrets" not in availability.contexts


def test_everywhere_has_everything() -> None:
    assert set(everywhere.contexts) == set(all_contexts)
    assert set(everywhere.functions) == set(special_functions)
