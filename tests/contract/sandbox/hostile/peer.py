"""A guest that lies, as a program of its own: it stands where a machine's VMM would, and speaks as its guest agent.

`python -I -S peer.py ATTACK DESCRIPTOR`: it answers as an honest guest does until the attack's moment comes, and again
after it, so that what ends it is the attack and not its silence. Only the standard library, as for the guest agent.
"""

import json
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import NoReturn

HEADER = struct.Struct(">IBI")
HELLO, PING, PONG, EXEC, OUT, EXIT, PUT, ACK, GET, DATA, IDENT, KILL = 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13
MORE, FOLDER, WRITE, READ, TIME, BYE = 16, 17, 18, 19, 20, 22
CHUNK = b"y" * 65536
SLOWLY_SECONDS = 0.01
A_TWINS_RANDOM = "ab" * 32
YEAR_1_NS, FAR_AHEAD_NS = -62_135_596_800 * 10**9, 10**30


def frame(kind: int, stream: int, payload: bytes = b"") -> bytes:
    return HEADER.pack(len(payload), kind, stream) + payload


HONEST_HELLO = frame(HELLO, 0, b'{"v": 2, "up": 1.5}')


class Peer:
    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.ident: dict[str, object] = {}
        """What an attack wants said instead of the truth."""
        self.ns: object = None

    def say(self, data: bytes) -> None:
        self.channel.sendall(data)

    def until(self, *asked: int) -> int:
        """Honest until one of these is asked; its stream."""
        while True:
            kind, stream, payload = self.hear()
            if kind in asked:
                return stream
            self.answer(kind, stream, payload)

    def honest(self) -> NoReturn:
        while True:
            self.answer(*self.hear())

    def hear(self) -> tuple[int, int, bytes]:
        length, kind, stream = HEADER.unpack(self.exactly(HEADER.size))
        return kind, stream, self.exactly(length)

    def is_spoken_to(self) -> bool:
        return bool(select.select([self.channel], [], [], 0)[0])

    def exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.channel.recv(count - len(data))
            if not part:
                sys.exit(0)
            data += part
        return data

    def answer(self, kind: int, stream: int, payload: bytes) -> None:
        if kind == PING:
            self.say(frame(PONG, 0, payload))
        elif kind == TIME:
            self.tell(stream, {"ns": time.time_ns() if self.ns is None else self.ns})
        elif kind == IDENT:
            given = json.loads(payload)
            names = {name: given[name] for name in ("boot_id", "hostname", "machine_id")}
            self.tell(stream, {"random": os.urandom(32).hex(), **names, **self.ident})
        elif kind in (FOLDER, WRITE, PUT):
            # It keeps nothing, so it need not wait for what is to be kept.
            self.say(frame(ACK, stream, b"{}"))
        elif kind == READ:
            self.say(frame(ACK, stream, b'{"missing": true}'))

    def tell(self, stream: int, fields: dict[str, object]) -> None:
        self.say(frame(DATA, stream, json.dumps(fields).encode()) + frame(ACK, stream, b"{}"))


def silent() -> NoReturn:
    while True:
        signal.pause()


def drip(peer: Peer, data: bytes) -> NoReturn:
    """A byte at a time, for ever: it begins anew where `data` ends."""
    while True:
        for byte in data:
            peer.say(bytes([byte]))
            time.sleep(SLOWLY_SECONDS)


# At the start.


def says(first: bytes) -> Callable[[Peer], None]:
    def attack(peer: Peer) -> None:
        peer.say(first)
        peer.honest()

    return attack


def identifies(**lies: object) -> Callable[[Peer], None]:
    def attack(peer: Peer) -> None:
        peer.ident = lies
        peer.say(HONEST_HELLO)
        peer.honest()

    return attack


def has_time(ns: object) -> Callable[[Peer], None]:
    def attack(peer: Peer) -> None:
        peer.ns = ns
        peer.say(HONEST_HELLO)
        peer.honest()

    return attack


def answers_identity(*pieces: bytes) -> Callable[[Peer], None]:
    def attack(peer: Peer) -> None:
        peer.say(HONEST_HELLO)
        stream = peer.until(IDENT)
        for piece in pieces:
            peer.say(frame(DATA, stream, piece))
        peer.say(frame(ACK, stream, b"{}"))
        peer.honest()

    return attack


def ends_at_once(peer: Peer) -> None:
    print("kernel panic - not syncing", flush=True)
    sys.exit(3)


START: dict[str, Callable[[Peer], None]] = {
    "no hello": lambda peer: silent(),
    "hello twice": says(HONEST_HELLO * 2),
    "hello of a megabyte": says(frame(HELLO, 0, b'{"v": 2, "x": "' + b"x" * 1024**2 + b'"}')),
    "hello of another version": says(frame(HELLO, 0, b'{"v": 1}')),
    "hello of a version with a thousand digits": says(frame(HELLO, 0, b'{"v": 1' + b"0" * 1000 + b"}")),
    "hello of a version that is a text": says(frame(HELLO, 0, b'{"v": "2"}')),
    "hello that is no JSON": says(frame(HELLO, 0, b"hello")),
    "hello of lists in lists": says(frame(HELLO, 0, b"[" * 60_000)),
    "hello a byte at a time": lambda peer: drip(peer, frame(HELLO, 0, b" " * 60_000)),
    "another protocol": says(b"HTTP/1.1 200 OK\r\n\r\n"),
    "an end at once": ends_at_once,
    "the random numbers of another": identifies(random=A_TWINS_RANDOM),
    "no random numbers": identifies(random=""),
    "random numbers that are none": identifies(random="not hexadecimal at all, but long enough for it"),
    "random numbers that are a list": identifies(random=[1, 2]),
    "another boot id": identifies(boot_id="00000000-0000-0000-0000-000000000000"),
    "another host name": identifies(hostname="localhost"),
    "an identity of invalid UTF-8": answers_identity(b'{"random": "\xff\xfe"}'),
    "an identity that does not end": answers_identity(*[b" " * 4000] * 20),
    "a clock of the year 1": has_time(YEAR_1_NS),
    "a clock of 1970": has_time(0),
    "a clock far ahead": has_time(FAR_AHEAD_NS),
    "a clock that is a text": has_time("1700000000000000000"),
    "a clock that is true": has_time(True),
    "a clock that is nothing": has_time([]),
}


# When a command was asked for: `ack` says that it runs, `stream` is its number.


def after_start(lie: Callable[[int], bytes]) -> Callable[[Peer], None]:
    def attack(peer: Peer) -> None:
        stream = peer.until(EXEC)
        peer.say(frame(ACK, stream, b"{}") + lie(stream))
        peer.honest()

    return attack


def before_start(lie: Callable[[int], bytes]) -> Callable[[Peer], None]:
    def attack(peer: Peer) -> None:
        peer.say(lie(peer.until(EXEC)))
        peer.honest()

    return attack


def exits(payload: bytes) -> Callable[[Peer], None]:
    return after_start(lambda stream: frame(EXIT, stream, payload))


def endless(payload: bytes, count: int, *, reads: bool) -> Callable[[Peer], None]:
    """Output for ever; with `reads` it answers pings and keeps to its window."""

    def attack(peer: Peer) -> None:
        stream = peer.until(EXEC)
        peer.say(frame(ACK, stream, b"{}"))
        piece, credit = frame(OUT, stream, payload) * count, 1024**2
        while True:
            while reads and (credit < len(payload) * count or peer.is_spoken_to()):
                kind, number, said = peer.hear()
                credit += int.from_bytes(said, "big") if kind == MORE else 0
                peer.answer(kind, number, said)
            peer.say(piece)
            credit -= len(payload) * count
            if not reads:
                time.sleep(0.001)

    return attack


def drips_output(peer: Peer) -> None:
    stream = peer.until(EXEC)
    peer.say(frame(ACK, stream, b"{}"))
    drip(peer, frame(OUT, stream, CHUNK))


def silent_after(data: Callable[[int], bytes]) -> Callable[[Peer], None]:
    def attack(peer: Peer) -> None:
        peer.say(data(peer.until(EXEC)))
        silent()

    return attack


def ignores(peer: Peer) -> None:
    peer.until(EXEC)
    peer.honest()


def hangs_up(peer: Peer) -> None:
    peer.until(EXEC)
    peer.channel.close()
    silent()


COMMAND: dict[str, Callable[[Peer], None]] = {
    "output beyond the window": after_start(lambda stream: frame(OUT, stream, CHUNK) * 200),
    "output for ever, without reading": endless(CHUNK, 1, reads=False),
    "single bytes for ever, without reading": endless(b"x", 500, reads=False),
    "a length of four gigabytes": after_start(lambda stream: HEADER.pack(2**32 - 1, OUT, stream)),
    "a length one too long": after_start(lambda stream: HEADER.pack(1024**2 + 1, OUT, stream)),
    "an answer of a megabyte": before_start(lambda stream: HEADER.pack(1024**2, ACK, stream)),
    "an unknown type": after_start(lambda stream: frame(99, stream)),
    "a request to the host": after_start(lambda stream: frame(EXEC, stream, b"{}")),
    "output of a stream that is not open": after_start(lambda stream: frame(OUT, 77, b"x")),
    "output of stream 0": after_start(lambda stream: frame(OUT, 0, b"x")),
    "output before the start": before_start(lambda stream: frame(OUT, stream, b"x")),
    "an exit before the start": before_start(lambda stream: frame(EXIT, stream, b'{"code": 0}')),
    "a start of invalid UTF-8": before_start(lambda stream: frame(ACK, stream, b'{"message": "\xff"}')),
    "two starts": after_start(lambda stream: frame(ACK, stream, b"{}")),
    "two exits": after_start(lambda stream: frame(EXIT, stream, b'{"code": 0}') * 2),
    "output after the exit": after_start(lambda s: frame(EXIT, s, b'{"code": 0}') + frame(OUT, s, b"x")),
    "output of no bytes": after_start(lambda stream: frame(OUT, stream)),
    "a file's data": after_start(lambda stream: frame(DATA, stream, b"x")),
    "a code of 256": exits(b'{"code": 256}'),
    "a code of -1": exits(b'{"code": -1}'),
    "a code of 1e9": exits(b'{"code": 1e9}'),
    "a code of a thousand digits": exits(b'{"code": 1' + b"0" * 1000 + b"}"),
    "a code that is a text": exits(b'{"code": "0"}'),
    "a code that is true": exits(b'{"code": true}'),
    "a code that is null": exits(b'{"code": null}'),
    "no code": exits(b"{}"),
    "a list for an exit": exits(b"[0]"),
    "nothing for an exit": exits(b""),
    "an exit of invalid UTF-8": exits(b'{"code": 0, "full": ["\xc3\x28"]}'),
    "an exit of half a character": exits(b'{"code": 0, "full": ["\\ud800"]}'),
    "an exit of lists in lists": exits(b'{"code": ' + b"[" * 60_000),
    "an exit with a thousand full folders": exits(json.dumps({"code": 1, "full": ["/x"] * 1000}).encode()),
    "signal 0": exits(b'{"code": 1, "signal": 0}'),
    "signal 65": exits(b'{"code": 1, "signal": 65}'),
    "signal -9": exits(b'{"code": 1, "signal": -9}'),
    "a signal's name": exits(b'{"code": 1, "signal": "SIGKILL"}'),
    "hello again": after_start(lambda stream: HONEST_HELLO),
    "a pong that nobody asked for": after_start(lambda stream: frame(PONG, 0, b"x" * 16)),
    "a flood of grants": after_start(lambda stream: frame(MORE, stream, b"\0\0\0\1") * 10_000),
    "a grant of three bytes": after_start(lambda stream: frame(MORE, stream, b"\0\0\1")),
    "a goodbye that nobody asked for": after_start(lambda stream: frame(BYE, 0)),
    "a frame a byte at a time": drips_output,
    "silence after the start": silent_after(lambda stream: frame(ACK, stream, b"{}")),
    "silence before the start": silent_after(lambda stream: b""),
    "silence within a header": silent_after(lambda stream: frame(ACK, stream, b"{}")[:4]),
    "silence within a frame": silent_after(lambda s: frame(ACK, s, b"{}") + frame(OUT, s, CHUNK)[:-1]),
    "pongs and nothing else": ignores,
    "a closed channel": hangs_up,
}
SILENT = frozenset(
    {
        "output for ever, without reading",
        "single bytes for ever, without reading",
        "a frame a byte at a time",
        "silence after the start",
        "silence before the start",
        "silence within a header",
        "silence within a frame",
        "pongs and nothing else",
    }
)
"""What ends these is that a question has no answer."""


BUSY: dict[str, Callable[[Peer], None]] = {
    "output for ever": endless(CHUNK, 1, reads=True),
    "single bytes for ever": endless(b"x", 500, reads=True),
}
"""Within the rules, as a job's own `yes` is: these go on until somebody ends them."""


# When a file is asked for, or given.


def answers(kind: int, *frames: tuple[int, bytes]) -> Callable[[Peer], None]:
    """These to the first such request, then the honest end of it."""

    def attack(peer: Peer) -> None:
        stream = peer.until(kind)
        for one, payload in frames:
            peer.say(frame(one, stream, payload))
        peer.honest()

    return attack


def sends_for_ever(peer: Peer) -> None:
    """Keeps to its window, and does not hear that it was told to stop."""
    stream = peer.until(GET)
    credit = 1024**2
    while True:
        while credit < len(CHUNK) or peer.is_spoken_to():
            kind, number, said = peer.hear()
            credit += int.from_bytes(said, "big") if kind == MORE else 0
            peer.answer(kind, number, said)
        peer.say(frame(DATA, stream, CHUNK))
        credit -= len(CHUNK)


def sends_archive(peer: Peer) -> None:
    """The bytes of the file that it was started with."""
    with open(sys.argv[3], "rb") as file:
        while True:
            stream = peer.until(GET)
            file.seek(0)
            while data := file.read(len(CHUNK)):
                peer.say(frame(DATA, stream, data))
            peer.say(frame(ACK, stream, b"{}"))


DONE = (ACK, b"{}")
FILES: dict[str, Callable[[Peer], None]] = {
    "more than was asked for": answers(READ, (DATA, b"x" * 11), DONE),
    "an error of its own": answers(READ, (ACK, b'{"error": "\\u001b[2J::error::x", "message": "a\\nb\\u001b]0;x"}')),
    "an end of another kind": answers(READ, (EXIT, b'{"code": 0}')),
    "output for a file": answers(READ, (OUT, b"x")),
    "a grant for what is read": answers(READ, (MORE, b"\0\0\0\1")),
    "data after the end": answers(READ, DONE, (DATA, b"x")),
    # One byte more than the window, so that it is a lie however much was sent by then.
    "grants beyond what it was sent": answers(PUT, (MORE, b"\0\x10\0\1")),
    "data for what it is given": answers(PUT, (DATA, b"x")),
    "an archive for ever": sends_for_ever,
    "the archive": sends_archive,
}
ATTACKS = {**COMMAND, **BUSY, **FILES}


def main() -> None:
    name, channel = sys.argv[1], socket.socket(fileno=int(sys.argv[2]))
    peer = Peer(channel)
    if name in START:
        START[name](peer)
        return
    peer.say(HONEST_HELLO)
    ATTACKS[name](peer)


if __name__ == "__main__":
    main()
