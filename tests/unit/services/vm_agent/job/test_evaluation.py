"""Keys of steps: values, and errors that say which key, where and why."""

from __future__ import annotations

import pytest

from libs.workflow.expressions import Scope, Value
from services.vm_agent.job.evaluation import BadKey, Evaluator
from services.vm_agent.job.hashing import HashingFailed

KEY = "jobs.<job_id>.steps"


async def hasher(patterns: tuple[str, ...]) -> str:
    if patterns == ("broken",):
        raise HashingFailed("hashFiles('broken') failed")
    return "hash of " + ",".join(patterns)


def evaluator(**contexts: Value) -> Evaluator:
    return Evaluator(Scope({"github": {}, "env": {}, **contexts}), hasher, "ci.yml:7")


@pytest.mark.parametrize(
    ("template", "seconds"),
    [
        (None, None),
        (2, 120),
        (0.5, 30),
        (0, None),
        (-1, None),
        ("${{ 1.5 }}", 90),
        ("${{ '3' }}", 180),
        ("${{ env.T }}", 60),
    ],
)
async def test_minutes(template: float | str | None, seconds: float | None) -> None:
    assert await evaluator(env={"T": "1"}).seconds(template, f"{KEY}.timeout-minutes") == seconds


@pytest.mark.parametrize("template", ["soon", "${{ true }}", "${{ fromJSON('[1]') }}", "${{ '' }}"])
async def test_minutes_that_are_none(template: str) -> None:
    with pytest.raises(BadKey, match=r"ci.yml:7: timeout-minutes: expected a number of minutes"):
        await evaluator().seconds(template, f"{KEY}.timeout-minutes")


@pytest.mark.parametrize(
    ("template", "expected"), [(True, True), (False, False), ("${{ true }}", True), ("${{ 'False' }}", False)]
)
async def test_booleans(template: bool | str, expected: bool) -> None:
    assert await evaluator().boolean(template, f"{KEY}.continue-on-error") is expected


@pytest.mark.parametrize("template", ["${{ 1 }}", "${{ null }}", "yes"])
async def test_what_is_no_boolean(template: str) -> None:
    with pytest.raises(BadKey, match="expected true or false"):
        await evaluator().boolean(template, f"{KEY}.continue-on-error")


async def test_mappings() -> None:
    made = await evaluator(env={"A": "x"}).mapping({"a": "${{ env.A }}", "b": True, "c": None, "d": 1.0}, f"{KEY}.env")
    assert made == {"a": "x", "b": "true", "c": "", "d": "1"}
    assert await evaluator().mapping("${{ fromJSON('{\"a\": 1}') }}", f"{KEY}.env") == {"a": "1"}
    assert await evaluator().mapping("${{ null }}", f"{KEY}.env") == {}
    inserted = {"${{ insert }}": "${{ fromJSON('{\"a\": 1}') }}", "${{ env.A }}": "${{ env.A }}", "b": 2}
    assert await evaluator(env={"A": "x"}).mapping(inserted, f"{KEY}.env") == {"a": "1", "x": "x", "b": "2"}


@pytest.mark.parametrize(
    "template", ["${{ 'text' }}", "${{ fromJSON('{\"a\": [1]}') }}", {"a": "${{ fromJSON('[1]') }}"}]
)
async def test_what_is_no_mapping_of_texts(template: str | dict[str, str]) -> None:
    with pytest.raises(BadKey, match=r"ci.yml:7: env: "):
        await evaluator().mapping(template, f"{KEY}.env")


async def test_hashes_are_asked_for_as_they_are_met() -> None:
    text = await evaluator().text(
        "${{ hashFiles('a', 'b') }}/${{ hashFiles('c') }}/${{ hashFiles('c') }}", f"{KEY}.run"
    )
    assert text == "hash of a,b/hash of c/hash of c"


async def test_a_hash_that_fails_names_the_key() -> None:
    with pytest.raises(BadKey, match=r"ci.yml:7: if: hashFiles\('broken'\) failed"):
        await evaluator().condition("hashFiles('broken') == ''", f"{KEY}.if")


async def test_contexts_that_a_key_may_not_use_are_errors() -> None:
    with pytest.raises(BadKey, match="secrets"):
        await evaluator(secrets={"A": "x"}).condition("secrets.A == 'x'", f"{KEY}.if")
