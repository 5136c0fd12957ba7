"""What is kept beside a disk alone holds no secret."""

from __future__ import annotations

from services.vm_agent.job.recipe import Recipe, Story, without_secrets


def recipe(index: int, script: str, **env: str) -> Recipe:
    return Recipe(index, f"step {index}", ("bash", "-e"), env, "/w", f"/t/{index}.sh", script)


def test_variables_and_scripts_with_a_secret_are_left_out() -> None:
    story = Story(
        1, {"A": "plain", "TOKEN": "x-s3cret"}, "/w", (recipe(0, "deploy s3cret"), recipe(1, "make", B="s3cret", C="c"))
    )
    clean = without_secrets(story, lambda text: "s3cret" in text)
    assert clean == Story(1, {"A": "plain"}, "/w", (recipe(1, "make", C="c"),))
