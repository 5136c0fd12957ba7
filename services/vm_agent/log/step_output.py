"""What one step prints, line by line: commands are obeyed, everything else is masked and logged.

The usual block of output holds neither a command nor a secret and passes as a whole. A secret is masked from the line
after its `add-mask` on, as in GitHub's runner.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from msgspec.structs import astuple, replace

from libs.contracts.attempt import Annotation
from libs.workflow.runner.annotations import relative_to
from libs.workflow.runner.command_syntax import may_hold_command
from libs.workflow.runner.commands import CommandReader
from libs.workflow.runner.effects import (
    AddMask,
    AddMatchers,
    AddPath,
    Annotate,
    CommandFailed,
    Debug,
    Effect,
    Print,
    RemoveMatchers,
    SaveState,
    SetOutput,
    SetVariable,
)
from libs.workflow.runner.masking import Masker, TooManyMasks
from services.vm_agent.log.cutting import LINE_BYTES, Block, CutLine, LineCutter
from services.vm_agent.log.job_log import JobLog
from services.vm_agent.log.matching.matchers import Found, Matchers, MatchersRefused
from services.vm_agent.log.said import SAID_CHARACTERS, Said
from services.vm_agent.sandbox.protocol import FileTrouble

TAIL_LINES = 50
"""The end of a step's output, from which it is told what a failure is known by: a test's report and what stands behind
it."""
CUT_MARK = " …[cut: the line is over 1 MiB]"


class StepOutput:
    """`take` is the Output of the step's command. `debug` shows debug messages. Without `matchers` none are run."""

    def __init__(
        self,
        step: int,
        log: JobLog,
        masker: Masker,
        reader: CommandReader,
        *,
        matchers: Matchers | None = None,
        debug: bool = False,
    ) -> None:
        self._step, self._log, self._masker, self._reader, self._debug = step, log, masker, reader, debug
        self._matchers = matchers
        self._asks_as = matchers.step() if matchers is not None else 0
        self._cutter = LineCutter(lambda: masker.longest)
        self.machine_path: Callable[[str], str] | None = None
        """Of a path that the step's processes name; None where they run in no container."""
        self.said = Said()
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)

    async def take(self, data: bytes) -> None:
        for part in self._cutter.take(data):
            await self._part(part)

    async def end(self) -> None:
        """The command has ended: a last line without an end counts."""
        for part in self._cutter.end():
            await self._part(part)
        if self._matchers is not None:
            await self._matchers.end(self._asks_as)

    async def print(self, text: str, *, wait: bool = False) -> None:
        """The runner's own words in this step's log: masked, not obeyed."""
        await self._log.write(self._step, self._masker.mask(text).split("\n"), wait=wait)

    async def error(self, message: str) -> None:
        """An error of this step: a line and an annotation."""
        self.said.annotate(Annotation("error", message), self._masker)
        await self.print(f"##[error]{message}")

    async def warning(self, message: str) -> None:
        self.said.annotate(Annotation("warning", message), self._masker)
        await self.print(f"##[warning]{message}")

    async def _part(self, part: Block | CutLine) -> None:
        match part:
            case CutLine(text, unsure):
                shown = self._masker.mask_cut(text, max(0, min(LINE_BYTES, len(text) - unsure)))
                await self._write([shown + CUT_MARK])
            case Block(text) if not may_hold_command(text) and not self._matching:
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

    @property
    def _matching(self) -> bool:
        return self._matchers is not None and self._matchers.active

    async def _plain(self, lines: list[str]) -> None:
        """Lines that are no commands; each may be a problem."""
        if not lines:
            return
        if self._matchers is None or not self._matchers.active:
            await self._write_masked(lines)
            return
        matched = await self._matchers.match(self._asks_as, lines)
        for warning in matched.warnings:
            await self.warning(warning)
        written = 0
        for found in matched.found:
            await self._write_masked(lines[written : found.place])
            await self._problem(self._matchers, found)
            written = found.place + 1
        await self._write_masked(lines[written:])

    async def _problem(self, matchers: Matchers, found: Found) -> None:
        """Its place in the repository costs a look into the sandbox, and is looked for only where it will be shown."""
        await self._write_masked([f"##[{found.level}]{found.line}"])
        if self.said.has_room(found.level):
            self.said.annotate(await matchers.annotation(found, self._translated), self._masker)

    async def _write_masked(self, lines: list[str]) -> None:
        if lines:
            await self._write(self._masker.mask("\n".join(lines)).split("\n"))

    async def _write(self, lines: list[str]) -> None:
        self.tail.extend(lines[-TAIL_LINES:])
        await self._log.write(self._step, lines)

    async def _do(self, effect: Effect) -> None:
        match effect:
            case Print(text):
                await self.print(text)
            case Debug(text):
                if self._debug:
                    await self.print(f"##[debug]{text}")
            case Annotate(annotation):
                file = relative_to(self._translated(annotation.file), self._reader.workspace)
                self.said.annotate(replace(annotation, file=file), self._masker)
            case SetOutput() | SaveState() | SetVariable() | AddPath():
                await self._set(effect)
            case AddMask(value):
                await self._mask(value)
            case AddMatchers() | RemoveMatchers():
                await self._change_matchers(effect)
            case CommandFailed(messages):
                self.said.failed = True
                for message in messages:
                    await self.error(message)

    def _translated(self, path: str) -> str:
        return path if self.machine_path is None else self.machine_path(path)

    async def _set(self, effect: SetOutput | SaveState | SetVariable | AddPath) -> None:
        said = self.said
        had_room = said.takes()
        if not said.takes(*astuple(effect)):
            said.failed = True
            if had_room:
                await self.error(f"A step may set {SAID_CHARACTERS} characters by commands: the rest is lost.")
            return
        match effect:
            case AddPath(path):
                said.paths.append(path)
            case SetOutput(name, value):
                said.outputs[name] = value
            case SaveState(name, value):
                said.state[name] = value
            case SetVariable(name, value):
                said.variables[name] = value

    async def _change_matchers(self, effect: AddMatchers | RemoveMatchers) -> None:
        """A pattern that cannot be run here is a warning; a file that says nothing sensible fails the command."""
        if self._matchers is None:
            return
        try:
            match effect:
                case AddMatchers(file):
                    warning = await self._matchers.add(self._translated(file))
                case RemoveMatchers(owner, file):
                    warning = await self._matchers.remove(owner, self._translated(file))
        except (MatchersRefused, FileTrouble) as error:
            await self._do(CommandFailed((f"Unable to process command '{effect.line}' successfully.", str(error))))
            return
        if warning:
            await self.warning(warning)

    async def _mask(self, value: str) -> None:
        try:
            self._masker.add(value)
        except TooManyMasks as error:
            self.said.failed = True
            await self.error(str(error))
