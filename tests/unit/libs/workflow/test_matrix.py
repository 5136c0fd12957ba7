"""A matrix to its combinations: the examples of GitHub's documentation, and the limits."""

import pytest

from libs.workflow.matrix import MatrixError, canonical_json, display_name, display_suffix, expand


def test_the_first_variable_varies_slowest() -> None:
    assert expand({"os": ["a", "b"], "version": [10, 12]}) == [
        {"os": "a", "version": 10},
        {"os": "a", "version": 12},
        {"os": "b", "version": 10},
        {"os": "b", "version": 12},
    ]


def test_the_documented_example_of_include() -> None:
    combinations = expand(
        {
            "fruit": ["apple", "pear"],
            "animal": ["cat", "dog"],
            "include": [
                {"color": "green"},
                {"color": "pink", "animal": "cat"},
                {"fruit": "apple", "shape": "circle"},
                {"fruit": "banana"},
                {"fruit": "banana", "animal": "cat"},
            ],
        }
    )

    assert combinations == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]


def test_the_documented_example_of_expanding_configurations() -> None:
    combinations = expand(
        {
            "os": ["windows-latest", "ubuntu-latest"],
            "node": [14, 16],
            "include": [{"os": "windows-latest", "node": 16, "npm": 6}],
        }
    )

    assert combinations == [
        {"os": "windows-latest", "node": 14},
        {"os": "windows-latest", "node": 16, "npm": 6},
        {"os": "ubuntu-latest", "node": 14},
        {"os": "ubuntu-latest", "node": 16},
    ]


def test_the_documented_example_of_adding_a_configuration() -> None:
    combinations = expand(
        {"os": ["macos", "ubuntu"], "version": [12, 14], "include": [{"os": "windows", "version": 17}]}
    )

    assert combinations[-1] == {"os": "windows", "version": 17}
    assert len(combinations) == 5


def test_the_documented_example_of_include_without_vectors() -> None:
    include = [{"site": "production", "datacenter": "site-a"}, {"site": "staging", "datacenter": "site-b"}]

    assert expand({"include": list(include)}) == include


def test_the_documented_example_of_exclude() -> None:
    combinations = expand(
        {
            "os": ["macos-latest", "windows-latest"],
            "version": [12, 14, 16],
            "environment": ["staging", "production"],
            "exclude": [
                {"os": "macos-latest", "version": 12, "environment": "production"},
                {"os": "windows-latest", "version": 16},
            ],
        }
    )

    assert len(combinations) == 9
    assert {"os": "macos-latest", "version": 12, "environment": "staging"} in combinations
    assert not any(each["os"] == "windows-latest" and each["version"] == 16 for each in combinations)


def test_the_documented_example_of_experimental_jobs() -> None:
    combinations = expand(
        {
            "node": [13, 14],
            "os": ["macos", "ubuntu"],
            "experimental": [False],
            "include": [{"node": 15, "os": "ubuntu", "experimental": True}],
        }
    )

    assert [each["experimental"] for each in combinations] == [False] * 4 + [True]


def test_include_adds_back_what_exclude_took_away() -> None:
    assert expand({"a": [1, 2], "exclude": [{"a": 1}], "include": [{"a": 1, "b": 2}]}) == [{"a": 2}, {"a": 1, "b": 2}]


def test_exclude_that_takes_everything_leaves_nothing() -> None:
    assert expand({"a": [1], "exclude": [{"a": 1}]}) == []


def test_exclude_matches_a_part_of_an_object() -> None:
    combinations = expand(
        {"node": [{"version": 14, "env": "x"}, {"version": 20}], "exclude": [{"node": {"version": 14}}]}
    )

    assert combinations == [{"node": {"version": 20}}]


@pytest.mark.parametrize("name", ["include", "exclude"])
def test_an_empty_entry_is_refused(name: str) -> None:
    with pytest.raises(MatrixError, match=f"an entry of `{name}` must not be empty"):
        expand({"a": [1], name: [{}]})


@pytest.mark.parametrize(
    ("value", "excluded"), [("Ubuntu", "ubuntu"), (1, "1"), (True, 1), (None, 0), (1.0, 1), ("0x10", 16)]
)
def test_values_are_compared_as_expressions_compare_them(value: object, excluded: object) -> None:
    assert expand({"a": [value, "other"], "exclude": [{"a": excluded}]}) == [{"a": "other"}]  # type: ignore[dict-item]


def test_keys_are_compared_without_case() -> None:
    assert expand({"OS": ["a", "b"], "exclude": [{"os": "a"}], "include": [{"Os": "b", "x": 1}]}) == [
        {"OS": "b", "x": 1}
    ]


def test_include_that_repeats_an_object_extends_its_combination() -> None:
    assert expand({"n": [{"v": 1}, {"v": 2}], "include": [{"n": {"v": 2}, "x": True}]}) == [
        {"n": {"v": 1}},
        {"n": {"v": 2}, "x": True},
    ]


def test_include_of_nothing_is_nothing() -> None:
    assert expand({"a": [1], "include": [], "exclude": []}) == [{"a": 1}]
    assert expand({"a": [1], "include": None}) == [{"a": 1}]


def test_256_combinations_are_allowed() -> None:
    assert len(expand({"a": list(range(16)), "b": list(range(16))})) == 256


def test_more_than_256_are_allowed_before_exclude() -> None:
    numbers: list[object] = list(range(257))

    assert len(expand({"a": numbers, "exclude": [{"a": 0}]})) == 256  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("matrix", "message", "path"),
    [
        ({}, "must define at least one vector", ()),
        ({"include": []}, "must define at least one vector", ()),
        ({"exclude": []}, "must define at least one vector", ()),
        ({"a": []}, "does not contain any values", ("a",)),
        ({"a": "x"}, "must be a list", ("a",)),
        ({"a": {"b": 1}}, "must be a list", ("a",)),
        ({"a": None}, "must be a list", ("a",)),
        ({"a": [1], "include": {"b": 1}}, "`include` must be a list", ("include",)),
        ({"a": [1], "include": [1]}, "must be a mapping", ("include", 0)),
        ({"a": [1], "exclude": [{"a": 1}, "x"]}, "must be a mapping", ("exclude", 1)),
        ({"a": [1], "exclude": [{"b": 1}]}, "`b` is not a key of the matrix", ("exclude", 0, "b")),
        ({"a": list(range(257))}, "257 combinations, and 256 is the limit", ()),
        ({"a": list(range(256)), "include": [{"a": 1000}]}, "257 combinations", ()),
        ({"a": [1], "exclude": [{"a": 2}] * 513}, "513 entries, and 512 is the limit", ("exclude",)),
        ({f"k{number}": list(range(100)) for number in range(20)}, "combinations, and 256 is the limit", ()),
    ],
)
def test_a_matrix_that_cannot_be_expanded_says_where(matrix: object, message: str, path: tuple[str | int, ...]) -> None:
    with pytest.raises(MatrixError) as caught:
        expand(matrix)  # type: ignore[arg-type]

    assert message in caught.value.message
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("combination", "expected"),
    [
        ({}, ""),
        ({"os": "ubuntu", "v": 18}, " (ubuntu, 18)"),
        ({"a": True, "b": None, "c": ""}, " (true)"),
        ({"a": 1.0, "b": 3.10}, " (1, 3.1)"),
        ({"n": {"version": 14, "env": "X"}, "list": [1, 2]}, " (14, X, 1, 2)"),
        ({"n": {}}, ""),
    ],
)
def test_a_combination_is_shown_by_the_values_inside(combination: dict[str, object], expected: str) -> None:
    assert display_suffix(combination) == expected  # type: ignore[arg-type]


def test_a_long_name_is_cut_as_github_cuts_it() -> None:
    assert display_name("build", {"a": "x" * 200}) == "build (" + "x" * 90 + "..."
    assert len(display_name("build", {"a": "x" * 200})) == 100


def test_canonical_json_depends_on_values_alone() -> None:
    assert canonical_json({"b": 1.0, "a": {"d": [2.0], "c": None}}) == b'{"a":{"c":null,"d":[2]},"b":1}'
    assert canonical_json({"a": "1"}) != canonical_json({"a": 1})
