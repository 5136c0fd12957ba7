"""What one step prints, line by line: commands are obeyed, everything else is masked and logged.

The usual block of output holds neither a command nor a secret and passes as a whole. A secret is masked from the line
after its `add-mask` on, as in GitHub's runner.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from libs.contracts.attempt import Annotation
from libs.workflow.runner.command_syntax import may_hold_command
from libs.workflow.runner.commands import CommandReader
from libs.workflow.runner.effects import (
    AddMask,
    AddPath,
    Annotate,
    CommandFailed,
    Debug,
    Effect,
    Print,
    SaveState,
    SetOutput,
    SetVariable,
)
from libs.workflow.runner.masking import Masker, TooManyMasks
from services.vm_agent.log.cutting import LINE_BYTES, Block, CutLine, LineCutter
from services.vm_agent.log.job_log import JobLog

ANNOTATIONS_A_LEVEL = 10
"""Of one step: GitHub shows no more."""
ANNOTATION_CHARACTERS = 4 * 1024
"""Of one text: GitHub's message may have 64 KiB, but an event with thirty of them must stay far below 1 MiB."""
TAIL_LINES = 20
"""The end of a step's output, from which a failure's fingerprint is made."""
CUT_MARK = " …[cut: the line is over 1 MiB]"


@dataclass(slots=True)
class Said:
    """What a step said through commands."""

    outputs: dict[str, str] = field(default_factory=dict[str, str])
    state: dict[str, str] = field(default_factory=dict[str, str])
    variables: dict[str, str] = field(default_factory=dict[str, str])
    paths: list[str] = field(default_factory=list[str])
    annotations: list[Annotation] = field(default_factory=list[Annotation])
    failed: bool = False


class StepOutput:
    """`take` is the Output of the step's command. `debug` shows debug messages."""

    def __init__(self, step: int, log: JobLog, masker: Masker, reader: CommandReader, *, debug: bool = False) -> None:
        self._step, self._log, self._masker, self._reader, self._debug = step, log, masker, reader, debug
        self._cutter = LineCutter(lambda: masker.longest)
        self.said = Said()
        self.tail: list[str] = []

    async def take(self, data: bytes) -> None:
        for part in self._cutter.take(data):
            await self._part(part)

    async def end(self) -> None:
        """The command has ended: a last line without an end counts."""
        for part in self._cutter.end():
            await self._part(part)

    async def print(self, text: str, *, wait: bool = False) -> None:
        """The runner's own words in this step's log: masked, not obeyed."""
        await self._log.write(self._step, self._masker.mask(text).split("\n"), wait=wait)

    async def error(self, message: str) -> None:
        """An error of this step: a line and an annotation."""
        self._annotate(Annotation("error", message))
        await self.print(f"##[error]{message}")

    async def warning(self, message: str) -> None:
        self._annotate(Annotation("warning", message))
        await self.print(f"##[warning]{message}")

    async def _part(self, part: Block | CutLine) -> None:
        match part:
            case CutLine(text, unsure):
                shown = self._masker.mask_cut(text, max(0, min(LINE_BYTES, len(text) - unsure)))
                await self._write([shown + CUT_MARK])
            case Block(text) if not may_hold_command(text):
                await self._write(self._masker.mask(text).split("\n"))
            case Block(text):
                await self._obey(text.split("\n"))

    async def _obey(self, lines: list[str]) -> None:
        plain: list[str] = []
        for line in lines:
            effects = self._reader.read(line) if may_hold_command(line) else None
            if effects is None:
                plain.append(line)
                continue
            await self._plain(plain)
            plain = []
            for effect in effects:
                await self._do(effect)
        await self._plain(plain)

    async def _plain(self, lines: list[str]) -> None:
        if lines:
            await self._write(self._masker.mask("\n".join(lines)).split("\n"))

    async def _write(self, lines: list[str]) -> None:
        self.tail = lines[-TAIL_LINES:] if len(lines) >= TAIL_LINES else (self.tail + lines)[-TAIL_LINES:]
        await self._log.write(self._step, lines)

    async def _do(self, effect: Effect) -> None:
        match effect:
            case Print(text):
                await self.print(text)
            case Debug(text):
                if self._debug:
                    await self.print(f"##[debug]{text}")
            case Annotate(annotation):
                self._annotate(annotation)
            case SetOutput(name, value):
                self.said.outputs[name] = value
            case SaveState(name, value):
                self.said.state[name] = value
            case SetVariable(name, value):
                self.said.variables[name] = value
            case AddPath(path):
                self.said.paths.append(path)
            case AddMask(value):
                await self._mask(value)
            case CommandFailed(messages):
                self.said.failed = True
                for message in messages:
                    await self.error(message)

    async def _mask(self, value: str) -> None:
        try:
            self._masker.add(value)
        except TooManyMasks as error:
            self.said.failed = True
            await self.error(str(error))

    def _annotate(self, annotation: Annotation) -> None:
        level = [known for known in self.said.annotations if known.level == annotation.level]
        if len(level) < ANNOTATIONS_A_LEVEL:
            self.said.annotations.append(self._masked(annotation))

    def _masked(self, annotation: Annotation) -> Annotation:
        return Annotation(
            level=annotation.level,
            message=self._short(annotation.message),
            title=self._short(annotation.title),
            file=self._short(annotation.file),
            line=annotation.line,
            end_line=annotation.end_line,
            column=annotation.column,
            end_column=annotation.end_column,
        )

    def _short(self, text: str) -> str:
        text = self._masker.mask(text)
        return text if len(text) <= ANNOTATION_CHARACTERS else text[:ANNOTATION_CHARACTERS] + "…"
