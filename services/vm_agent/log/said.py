"""What a step said besides its output: through workflow commands, problem matchers and its runner files."""

from __future__ import annotations

from dataclasses import dataclass, field

from libs.contracts.attempt import Annotation, AnnotationLevel
from libs.workflow.runner.masking import Masker

ANNOTATIONS_A_LEVEL = 10
"""Of one step: GitHub shows no more."""
ANNOTATION_CHARACTERS = 4 * 1024
"""Of one text, as in the runner: an event with thirty of them must stay far below 1 MiB."""
SAID_CHARACTERS = 8 * 1024 * 1024
"""Of names and values that a step sets by commands, as much as in one runner file: all of it is held in memory."""


@dataclass(slots=True)
class Said:
    """`state` is an action's own, for its post step: `STATE_<name>`."""

    outputs: dict[str, str] = field(default_factory=dict[str, str])
    state: dict[str, str] = field(default_factory=dict[str, str])
    variables: dict[str, str] = field(default_factory=dict[str, str])
    paths: list[str] = field(default_factory=list[str])
    annotations: list[Annotation] = field(default_factory=list[Annotation])
    failed: bool = False
    commanded: int = 0
    """Characters that were set by commands."""

    def takes(self, *texts: str) -> bool:
        """Whether there is still room for these; they count either way."""
        self.commanded += sum(map(len, texts))
        return self.commanded <= SAID_CHARACTERS

    @property
    def characters(self) -> int:
        """Of all that it set, by commands and by files."""
        pairs = (*self.outputs.items(), *self.state.items(), *self.variables.items())
        return sum(len(name) + len(value) for name, value in pairs) + sum(map(len, self.paths))

    def forget(self) -> None:
        """What it set; not what it said of lines of code."""
        for kept in (self.outputs, self.state, self.variables, self.paths):
            kept.clear()

    def has_room(self, level: AnnotationLevel) -> bool:
        return sum(known.level == level for known in self.annotations) < ANNOTATIONS_A_LEVEL

    def annotate(self, annotation: Annotation, masker: Masker) -> None:
        """Masked and shortened; one too many of its level is left out."""
        if self.has_room(annotation.level):
            self.annotations.append(_fit(annotation, masker))


def _fit(annotation: Annotation, masker: Masker) -> Annotation:
    return Annotation(
        level=annotation.level,
        message=_short(annotation.message, masker),
        title=_short(annotation.title, masker),
        file=_short(annotation.file, masker),
        line=annotation.line,
        end_line=annotation.end_line,
        column=annotation.column,
        end_column=annotation.end_column,
    )


def _short(text: str, masker: Masker) -> str:
    text = masker.mask(text)
    return text if len(text) <= ANNOTATION_CHARACTERS else text[:ANNOTATION_CHARACTERS] + "…"
