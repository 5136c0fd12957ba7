"""Whatever stands in an `action.yml`, and whatever `uses:` says: an answer, never a crash."""

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from libs.workflow.actions.manifest import read_action
from libs.workflow.actions.uses import BadUses, Remote, Same, parse_uses

_KEYS = "runs using steps run shell uses with env if inputs outputs value default main pre post pre-if image args"
WORDS = st.sampled_from([*_KEYS.split(), "node20", "composite", "docker", "${{ inputs.a }}", "./a", "a/b@c"])
TREES = st.recursive(
    st.one_of(WORDS, st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=5)),
    max_leaves=30,
)


@given(st.one_of(st.binary(max_size=200), TREES.map(lambda tree: yaml.safe_dump(tree).encode())))
def test_reading_answers_with_an_action_or_with_errors(content: bytes) -> None:
    manifest = read_action("action.yml", content)
    failed = any(problem.severity == "error" for problem in manifest.problems)
    assert (manifest.action is None) == failed
    assert all(problem.line >= 1 and problem.column >= 1 for problem in manifest.problems)


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(list("./@$ab-\\ :")), max_size=20).map("".join)))
def test_a_reference_never_leads_out_of_its_repository(text: str) -> None:
    try:
        reference = parse_uses(text)
    except BadUses:
        return
    if isinstance(reference, Remote | Same):
        assert ".." not in reference.path.split("/")
        assert not reference.path.startswith("/")
