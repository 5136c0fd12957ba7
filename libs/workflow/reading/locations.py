"""Where in the file a character of a scalar's content stands, so that an expression's error points at the expression.

The content of a scalar is not its source: quotes are undone, lines folded, blocks unindented. This is asked only
when there is an error, so it may walk; it knows YAML's styles and nothing of expressions.
"""

from libs.workflow.nodes import Scalar

_escape_lengths = {"x": 4, "u": 6, "U": 10}
_blanks = " \t\n"


def locate(text: str, scalar: Scalar, offset: int) -> tuple[int, int]:
    """The 1-based line and column of the character at ``offset`` of ``scalar.text``, in the document ``text``."""
    start = _skip_properties(text, scalar)
    match scalar.style:
        case "'" | '"':
            found = _in_quotes(text, start, scalar, offset)
        case "|" | ">":
            found = _by_counting(text, text.find("\n", start) + 1, scalar, offset)
        case _:
            found = _by_counting(text, start, scalar, offset)
    line_start = text.rfind("\n", 0, found) + 1
    return text.count("\n", 0, found) + 1, found - line_start + 1


def _skip_properties(text: str, scalar: Scalar) -> int:
    """Past an anchor and a tag, which libyaml counts to the scalar."""
    start = scalar.start
    while start < scalar.end and text[start] in "&!":
        while start < scalar.end and text[start] not in _blanks:
            start += 1
        while start < scalar.end and text[start] in _blanks:
            start += 1
    return start


def _by_counting(text: str, start: int, scalar: Scalar, offset: int) -> int:
    """Folding and unindenting change white space only: the nth other character is the nth in the source, too."""
    wanted = sum(character not in _blanks for character in scalar.text[:offset])
    for index in range(start, scalar.end):
        if text[index] not in _blanks:
            if wanted == 0:
                return index
            wanted -= 1
    return max(start, scalar.end - 1)


def _in_quotes(text: str, start: int, scalar: Scalar, offset: int) -> int:
    sources = _quoted_sources(text[start + 1 : scalar.end - 1], scalar.style)
    if len(sources) < len(scalar.text):
        return scalar.start
    return start + 1 + (sources[offset] if offset < len(sources) else scalar.end - start - 2)


def _quoted_sources(raw: str, style: str) -> list[int]:
    """For each character of the content, the offset in ``raw`` that it came from."""
    sources: list[int] = []
    unescaped_to = 0
    index = 0
    while index < len(raw):
        character = raw[index]
        if character == "\n":
            index = _fold(raw, index, sources, unescaped_to)
        elif character == "\\" and style == '"':
            index = _escape(raw, index, sources)
            unescaped_to = len(sources)
        else:
            sources.append(index)
            index += 2 if character == style else 1
    return sources


def _fold(raw: str, index: int, sources: list[int], unescaped_to: int) -> int:
    """One line break becomes a space, more become one break fewer; blanks around them vanish."""
    while len(sources) > unescaped_to and raw[sources[-1]] in " \t":
        sources.pop()
    end = index
    while end < len(raw) and raw[end] in _blanks:
        end += 1
    breaks = raw.count("\n", index, end)
    sources.extend([index] * max(1, breaks - 1))
    return end


def _escape(raw: str, index: int, sources: list[int]) -> int:
    following = raw[index + 1 : index + 2]
    if following != "\n":
        sources.append(index)
        return index + _escape_lengths.get(following, 2)
    end = index + 1
    while end < len(raw) and raw[end] in _blanks:
        end += 1
    sources.extend([index] * (raw.count("\n", index, end) - 1))
    return end
