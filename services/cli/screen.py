"""The user's terminal for a session elsewhere: raw while it lasts, and as it was afterwards. Without one, pipes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Callable, Generator

import click

from libs.contracts.debug import DebugReady
from services.cli import words

READ_BYTES = 4096
END_OF_INPUT = b"\x04"
"""What a terminal makes of Ctrl-D: the shell at the other end has one, even where we have not."""


class TerminalScreen:
    """`typing` is False for a command, which has no input."""

    def __init__(self, *, typing: bool) -> None:
        self._typing = typing
        self._listening = asyncio.Event()
        """Nothing is read before somebody could hear it, nor behind the end."""

    def ready(self, said: DebugReady) -> None:
        if self._typing:
            kept = "its memory and its disk" if said.what == "memory" else "its work disk"
            note = f" ({said.note})" if said.note else ""
            text = f"A machine with {kept} stands{note}. It is gone when you leave."
            click.echo(words.plain(text) + "\r", err=True)
            self._listening.set()
        elif said.note:
            click.echo(words.plain(said.note), err=True)

    async def show(self, data: bytes) -> None:
        """As it is: it is what a terminal would have got."""
        await asyncio.to_thread(_write, data)

    async def keys(self) -> bytes:
        """Waits without a thread, which could not be ended."""
        await self._listening.wait()
        await _readable(sys.stdin.fileno())
        data = os.read(sys.stdin.fileno(), READ_BYTES)
        if not data:
            self._listening.clear()
        return data or END_OF_INPUT


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    there = asyncio.Event()
    try:
        loop.add_reader(descriptor, there.set)
    except PermissionError:
        return  # A file, which can always be read.
    try:
        await there.wait()
    finally:
        loop.remove_reader(descriptor)


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


@contextlib.contextmanager
def raw(on_resize: Callable[[int, int], object]) -> Generator[None]:
    """Every key goes to the other end, Ctrl-C too. Nothing where standard input is no terminal."""
    if not sys.stdin.isatty():
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGWINCH, lambda: on_resize(*window()))
    tty.setraw(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
        loop.remove_signal_handler(signal.SIGWINCH)


def window() -> tuple[int, int]:
    """Rows and columns."""
    size = shutil.get_terminal_size()
    return size.lines, size.columns
