"""libyaml's complaints in plain words, at the place where the author has to look.

libyaml says what its scanner met ("could not find expected ':'"), which helps who wrote the scanner. This module knows
those phrases and what usually causes them, and nothing else of YAML.
"""

from yaml import MarkedYAMLError

_causes = {
    "mapping values are not allowed in this context": (
        "a `:` is not allowed here; check the indentation, or put the value in quotes"
    ),
    "could not find expected ':'": "a `:` is missing after this key, or the line is indented wrongly",
    "found character that cannot start any token": "a value cannot start with this character; put it in quotes",
    "found a tab character that violates indentation": "a tab cannot indent YAML; use spaces",
    "did not find expected '-' indicator": "expected a `-` here, because the block is a list; check the indentation",
    "did not find expected key": "expected a key here; check the indentation",
    "did not find expected ',' or ']'": "expected `,` or `]`",
    "did not find expected ',' or '}'": "expected `,` or `}`",
    "did not find expected node content": "expected a value here",
    "did not find expected <document start>": "expected the end of the file here",
    "found unexpected end of stream": "the file ends inside a quoted string; the closing quote is missing",
    "found unknown escape character": 'this escape is unknown in double quotes; use single quotes or "\\\\"',
}


def explain(error: MarkedYAMLError, text: str) -> tuple[int, int, str]:
    """1-based line and column, and the message. ``text`` is the document: a tab is told from other characters."""
    problem = error.problem or error.context or "not valid YAML"
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    words = _causes.get(problem, problem)
    if problem == "found character that cannot start any token" and mark and text[mark.index : mark.index + 1] == "\t":
        words = "a tab cannot indent YAML; use spaces"
    opened = error.context_mark
    if opened and error.context and (opened.line, opened.column) != (line - 1, column - 1) and _names_opening(problem):
        words += f" ({error.context.removeprefix('while ')} that starts on line {opened.line + 1})"
    return line, column, f"not valid YAML: {words}"


def _names_opening(problem: str) -> bool:
    """Whether the message gains from saying where the construct began: brackets, quotes and blocks do."""
    return problem.startswith(("did not find expected", "found unexpected end"))
