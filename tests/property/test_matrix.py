"""A matrix's combinations, whatever the matrix: the rules that hold for all of them."""

from hypothesis import given
from hypothesis import strategies as st

from libs.workflow.matrix import Combination, canonical_json, expand

names = st.sampled_from(["a", "b", "c"])
values = st.sampled_from([1, 2, "x", "y", True])
vectors = st.dictionaries(names, st.lists(values, min_size=1, max_size=3, unique_by=repr), min_size=1, max_size=3)
entries = st.lists(
    st.dictionaries(st.sampled_from(["a", "b", "c", "extra"]), values, min_size=1, max_size=3), max_size=4
)


def canonical(combinations: list[Combination]) -> list[bytes]:
    return [canonical_json(combination) for combination in combinations]


@given(vectors)
def test_the_product_has_every_combination_once(matrix: dict[str, list[object]]) -> None:
    combinations = expand(matrix)  # type: ignore[arg-type]

    count = 1
    for vector in matrix.values():
        count *= len(vector)
    assert len(combinations) == count
    assert len(set(canonical(combinations))) == count


@given(vectors, entries)
def test_exclude_takes_exactly_what_it_covers(
    matrix: dict[str, list[object]], exclude: list[dict[str, object]]
) -> None:
    known = ({key: value for key, value in entry.items() if key in matrix} for entry in exclude)
    exclude = [entry for entry in known if entry]

    kept = canonical(expand({**matrix, "exclude": exclude}))  # type: ignore[dict-item]

    for combination in expand(matrix):  # type: ignore[arg-type]
        covered = any(entry and all(_equal(combination[key], entry[key]) for key in entry) for entry in exclude)
        assert (canonical_json(combination) in kept) is not covered


@given(vectors, entries)
def test_include_keeps_originals_and_loses_no_entry(
    matrix: dict[str, list[object]], include: list[dict[str, object]]
) -> None:
    originals = expand(matrix)  # type: ignore[arg-type]

    combinations = expand({**matrix, "include": include})  # type: ignore[dict-item]

    for original, extended in zip(originals, combinations, strict=False):
        assert {key: extended[key] for key in matrix} == original
    added = combinations[len(originals) :]
    for entry in include:
        extends = any(
            all(_equal(original[key], entry[key]) for key in entry if key in matrix) for original in originals
        )
        assert extends or canonical_json(entry) in canonical(added)  # type: ignore[arg-type]


def _equal(first: object, second: object) -> bool:
    """`==` of the language for the few values above: true is 1, and words are not numbers."""
    if isinstance(first, str) or isinstance(second, str):
        return first == second
    return float(first) == float(second)  # type: ignore[arg-type]
