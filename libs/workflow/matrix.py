"""A job's matrix to its combinations, in GitHub's order and with GitHub's rules for ``exclude`` and ``include``.

It takes the matrix after its expressions were evaluated: plain values only. It knows nothing of jobs, and it decides
neither names of jobs nor keys; it only offers what those are made of (``display_suffix``, ``canonical_json``).

Source: GitHub's documentation, ``jobs.<job_id>.strategy.matrix`` and ``.include``.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from libs.workflow.expressions.values import Value, loosely_equal, to_string

combinations = 256  # GitHub's limit on the jobs of one matrix.
unfiltered_combinations = 1024  # Before `exclude`: far above what it can sensibly thin out, and a bound on the work.
filter_entries = 512  # Of `include` and of `exclude`: each is compared with every combination.
display_characters = 100  # GitHub cuts a job's displayed name here, with dots.

Combination = dict[str, Value]
Filter = Mapping[str, Value]


class MatrixError(ValueError):
    """The matrix cannot be expanded; ``path`` leads to what is wrong, as ``("exclude", 0, "os")``."""

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


def expand(matrix: Mapping[str, Value]) -> list[Combination]:
    """The combinations, the first variable varying slowest, then those that ``include`` adds.

    ``exclude`` comes before ``include``. An empty list means that ``exclude`` took every combination away.
    Raises ``MatrixError``.
    """
    vectors, include, exclude = _split(matrix)
    if not vectors and not include:
        raise MatrixError("a matrix must define at least one vector")
    _check_exclude_keys(exclude, vectors)
    originals = _product(vectors, exclude)
    _check_count(len(originals))
    expanded = _include(originals, include, vectors)
    _check_count(len(expanded))
    return expanded


def canonical_json(combination: Filter) -> bytes:
    """The same bytes for the same values: sorted keys, no spaces, and 1.0 written as 1."""
    return msgspec.json.encode(_canonical(dict(combination)), order="sorted")


def display_suffix(combination: Filter) -> str:
    """``" (ubuntu, 18)"``, the values of every scalar inside; empty when there is nothing to show."""
    shown = [text for text in (to_string(leaf) for leaf in _leaves(combination)) if text]
    return f" ({', '.join(shown)})" if shown else ""


def display_name(job_name: str, combination: Filter) -> str:
    """A job's name with its combination, cut to what GitHub shows."""
    name = job_name + display_suffix(combination)
    return name if len(name) <= display_characters else name[: display_characters - 3] + "..."


Vectors = dict[str, Sequence[Value]]


def _split(matrix: Mapping[str, Value]) -> tuple[Vectors, list[Filter], list[Filter]]:
    vectors: Vectors = {}
    include: list[Filter] = []
    exclude: list[Filter] = []
    for key, value in matrix.items():
        match key:
            case "include":
                include = _filters(value, "include")
            case "exclude":
                exclude = _filters(value, "exclude")
            case _:
                vectors[key] = _vector(key, value)
    return vectors, include, exclude


def _vector(key: str, value: Value) -> Sequence[Value]:
    if not isinstance(value, list):
        raise MatrixError(f"the matrix vector `{key}` must be a list", key)
    if not value:
        raise MatrixError(f"the matrix vector `{key}` does not contain any values", key)
    return value


def _filters(value: Value, name: str) -> list[Filter]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise MatrixError(f"`{name}` must be a list of mappings", name)
    if len(value) > filter_entries:
        raise MatrixError(f"`{name}` has {len(value)} entries, and {filter_entries} is the limit", name)
    filters: list[Filter] = []
    for index, entry in enumerate(value):
        if not isinstance(entry, dict):
            raise MatrixError(f"an entry of `{name}` must be a mapping", name, index)
        if not entry:
            raise MatrixError(f"an entry of `{name}` must not be empty", name, index)
        filters.append(entry)
    return filters


def _product(vectors: Vectors, exclude: Sequence[Filter]) -> list[Combination]:
    """Every combination that no entry of ``exclude`` covers; an entry may name a part of the keys only.

    Counts before it multiplies: ten vectors of ten are ten thousand million combinations.
    """
    if not vectors:
        return []
    count = 1
    for values in vectors.values():
        count *= len(values)
    if count > unfiltered_combinations:
        raise MatrixError(f"the matrix has {count} combinations, and {combinations} is the limit")
    excluded: set[tuple[int, ...]] = set()
    for entry in exclude:
        excluded.update(_covered(_upper(entry), vectors))
    indices = itertools.product(*(range(len(values)) for values in vectors.values()))
    return [
        {key: values[index] for (key, values), index in zip(vectors.items(), chosen, strict=True)}
        for chosen in indices
        if chosen not in excluded
    ]


def _covered(entry: Filter, vectors: Vectors) -> Iterable[tuple[int, ...]]:
    """The combinations, as indices into the vectors, in which an ``exclude`` entry finds all of its values."""
    if not entry:
        return ()
    fitting = (
        [
            index
            for index, value in enumerate(values)
            if key.upper() not in entry or _contains(entry[key.upper()], value)
        ]
        for key, values in vectors.items()
    )
    return itertools.product(*fitting)


def _check_exclude_keys(exclude: Sequence[Filter], vectors: Vectors) -> None:
    known = {key.upper() for key in vectors}
    for index, entry in enumerate(exclude):
        for key in entry:
            if key.upper() not in known:
                raise MatrixError(f"the `exclude` key `{key}` is not a key of the matrix", "exclude", index, key)


def _check_count(count: int) -> None:
    if count > combinations:
        raise MatrixError(f"the matrix has {count} combinations, and {combinations} is the limit")


def _include(originals: list[Combination], include: Sequence[Filter], vectors: Vectors) -> list[Combination]:
    """Each entry extends every original combination whose values it repeats, or else becomes a combination itself."""
    keys = {key.upper() for key in vectors}
    values = [_upper(original) for original in originals]
    additions: list[dict[str, tuple[str, Value]]] = [{} for _ in originals]
    added: list[Combination] = []
    for entry in include:
        repeated = {key: value for key, value in _upper(entry).items() if key in keys}
        extra = {key.upper(): (key, value) for key, value in entry.items() if key.upper() not in keys}
        hits = [index for index, original in enumerate(values) if _repeats(repeated, original)]
        for index in hits:
            additions[index].update(extra)
        if not hits:
            added.append(dict(entry))
    extended = [{**original, **dict(more.values())} for original, more in zip(originals, additions, strict=True)]
    return extended + added


def _repeats(repeated: Filter, original: Filter) -> bool:
    return all(_same(value, original[key]) for key, value in repeated.items())


def _upper(values: Filter) -> dict[str, Value]:
    """Keys are compared without case."""
    return {key.upper(): value for key, value in values.items()}


def _contains(wanted: Value, value: Value) -> bool:
    """Like equality, but a mapping contains one that has fewer keys, and a list one that ends earlier."""
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(
            key in value and _contains(part, value[key]) for key, part in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(value, list)
            and len(wanted) <= len(value)
            and all(_contains(part, value[index]) for index, part in enumerate(wanted))
        )
    return not isinstance(value, dict | list) and loosely_equal(wanted, value)


def _same(first: Value, second: Value) -> bool:
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_same(value, second[key]) for key, value in first.items())
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(_same(a, b) for a, b in zip(first, second, strict=True))
    if isinstance(first, dict | list) or isinstance(second, dict | list):
        return False
    return loosely_equal(first, second)


def _leaves(value: "Value | Filter") -> list[Value]:
    if isinstance(value, Mapping):
        return [leaf for part in value.values() for leaf in _leaves(part)]
    if isinstance(value, list):
        return [leaf for part in value for leaf in _leaves(part)]
    return [value]


def _canonical(value: Value) -> Value:
    if isinstance(value, dict):
        return {key: _canonical(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_canonical(part) for part in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
