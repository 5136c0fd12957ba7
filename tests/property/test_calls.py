"""Whatever a job writes behind `uses`, and whatever it passes: an answer or the language's own error."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.plan import CalledInput
from libs.workflow.calls import BadCall, bound_inputs, call_name

PARTS = st.sampled_from(
    ["./", "$/", "owner/", "repo/", ".github/workflows/", "x.yml", "y.yaml", "@", "v1", "..", "/", "\\", "\x00", "${{"]
)
USES = st.one_of(st.text(), st.lists(PARTS).map("".join))
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(allow_nan=True), st.text(max_size=5))
VALUES = st.one_of(SCALARS, st.lists(SCALARS), st.dictionaries(st.text(max_size=3), SCALARS))
NAMES = st.sampled_from(["a", "A", "b", "c"])
KINDS = {"string": str, "boolean": bool, "number": (int, float)}
DECLARED = st.dictionaries(
    st.sampled_from(["a", "b"]), st.builds(CalledInput, st.sampled_from(sorted(KINDS)), st.booleans(), SCALARS)
)


@given(USES)
def test_a_name_is_a_path_right_in_the_folder_of_workflows(uses: str):
    try:
        name = call_name(uses)
    except BadCall:
        return
    folder, _, file = name.path.rpartition("/")
    assert folder == ".github/workflows"
    assert file.endswith((".yml", ".yaml"))
    assert bool(name.owner) == bool(name.repository) == bool(name.ref)
    assert not name.owner or uses == f"{name.owner}/{name.repository}/{name.path}@{name.ref}"


@given(DECLARED, st.dictionaries(NAMES, VALUES))
def test_bound_inputs_are_all_that_are_declared_each_of_its_type(declared: dict[str, CalledInput], given_: object):
    try:
        bound = bound_inputs(declared, given_, lambda text: text)  # type: ignore[arg-type]
    except BadCall:
        return
    assert bound.keys() == declared.keys()
    for name, value in bound.items():
        assert isinstance(value, KINDS[declared[name].type])
        assert declared[name].type == "boolean" or not isinstance(value, bool)
