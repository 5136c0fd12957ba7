"""Runs in the machine: keeps the byte stream to the guest agent while the host comes and goes with short commands.

The API has no streams: each of its calls runs a command and answers when that has ended. So the stream is carried by
calls, with positions as in TCP: a call that was lost, or came twice, changes nothing. One file of the standard library
for the Python that old distributions have; the host sends it. `serve AGENT [UID]`, `push POSITION NONCE` with base64 of
compressed bytes on standard input, and `pull POSITION NONCE SECONDS`; both answer one line that begins with the nonce.
"""

import base64
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import zlib

KEPT_BYTES = 1024 * 1024
"""Of the agent's bytes that the host has not confirmed; with so many, the agent must wait."""
PULLED_BYTES = 256 * 1024
"""The most that one answer carries, compressed."""
FLAT_BYTES = 192 * 1024
"""So many are taken where they cannot be compressed."""
BACKLOG = 64
AWAY_SECONDS = 15 * 60
"""Without a call from the host for so long, the agent is ended, and with it all that it started: nobody will come for
the result, and an agent that came back would have ended the machine."""
APART = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
"""The agent is the first process of a pid namespace, where a job cannot end it."""


def port():
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "relay.sock")


class Relay:
    def __init__(self, channel):
        self.channel = channel
        self.taken = 0
        self.inbound = bytearray()
        self.kept = bytearray()
        self.start = 0
        self.over = False
        self.called = time.monotonic()

    def serve(self, listener):
        self.channel.setblocking(False)
        waiting = []
        while True:
            self.turn(listener, waiting)
            for one in list(waiting):
                connection, asked, until = one
                if self.kept[asked - self.start :] or self.over or time.monotonic() >= until:
                    waiting.remove(one)
                    answer(connection, self.pulled(asked))

    def turn(self, listener, waiting):
        reading = [listener]
        if not self.over and len(self.kept) < KEPT_BYTES:
            reading.append(self.channel)
        writing = [self.channel] if self.inbound and not self.over else []
        until = min([self.called + AWAY_SECONDS, *(until for _, _, until in waiting)])
        patience = max(0, until - time.monotonic()) if waiting or not self.over else None
        ready, writable, _ = select.select(reading, writing, [], patience)
        with contextlib.suppress(BlockingIOError):
            if writable:
                self.feed()
        with contextlib.suppress(BlockingIOError):
            if self.channel in ready:
                self.hear()
        if listener in ready:
            connection, _ = listener.accept()
            self.called = time.monotonic()
            self.take(connection, waiting)
        elif not self.over and time.monotonic() - self.called >= AWAY_SECONDS:
            # The end of its stream is the agent's.
            self.channel.shutdown(socket.SHUT_RDWR)
            self.over = True

    def feed(self):
        try:
            del self.inbound[: self.channel.send(self.inbound[:65536])]
        except (BrokenPipeError, ConnectionError):
            self.over = True

    def hear(self):
        try:
            data = self.channel.recv(65536)
        except ConnectionError:
            data = b""
        self.over = self.over or not data
        self.kept += data

    def take(self, connection, waiting):
        connection.settimeout(10)
        try:
            with connection.makefile("rb") as lines:
                asked = json.loads(lines.readline())
                data = lines.read(asked.get("length", 0))
        except (OSError, ValueError):
            connection.close()
            return
        if asked["do"] == "push":
            # What came before and comes again is passed over; a gap is never taken.
            known = self.taken - asked["position"]
            if 0 <= known < len(data):
                self.inbound += data[known:]
                self.taken += len(data) - known
            answer(connection, ({"taken": self.taken, "over": self.over}, b""))
            return
        position = asked["position"]
        if self.start <= position <= self.start + len(self.kept):
            del self.kept[: position - self.start]
            self.start = position
            waiting.append((connection, position, time.monotonic() + asked["seconds"]))
        else:
            answer(connection, ({"lost": True}, b""))

    def pulled(self, position):
        if position != self.start:
            return {"lost": True}, b""
        return {"over": self.over and len(self.kept) <= KEPT_BYTES}, bytes(self.kept)


def answer(connection, said):
    fields, data = said
    with contextlib.suppress(OSError), connection:
        connection.sendall(json.dumps(fields).encode() + b"\n" + data)


def serve(agent, uid):
    listener = socket.socket(socket.AF_UNIX)
    if os.path.exists(port()):
        os.unlink(port())
    old = os.umask(0o077)
    listener.bind(port() + ".new")
    os.umask(old)
    listener.listen(BACKLOG)
    # A shell's background command ignores some signals, and all that it starts would: a job's commands must not.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    ours, theirs = socket.socketpair()
    inside = [sys.executable, "-I", "-S", agent, str(theirs.fileno()), *([uid] if uid else [])]
    apart = APART if subprocess.run([*APART, "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0 else []
    subprocess.Popen(apart + inside, pass_fds=[theirs.fileno()], env={"PATH": os.environ["PATH"]}, cwd="/")
    theirs.close()
    os.rename(port() + ".new", port())
    Relay(ours).serve(listener)


def ask(data=b"", **fields):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(port())
        connection.sendall(json.dumps(dict(fields, length=len(data))).encode() + b"\n" + data)
        with connection.makefile("rb") as lines:
            return json.loads(lines.readline()), lines.read()


def squeeze(data):
    """As much from the front as one answer carries."""
    packed = zlib.compress(data, 1)
    return packed if len(packed) <= PULLED_BYTES else zlib.compress(data[:FLAT_BYTES], 1)


def main():
    words = sys.argv[1:]
    if words[0] == "serve":
        serve(words[1], words[2] if len(words) > 2 else "")
    elif words[0] == "push":
        data = zlib.decompress(base64.b64decode(sys.stdin.buffer.read()))
        said, _ = ask(data, do="push", position=int(words[1]))
        print(words[2], json.dumps(said), "-")
    else:
        said, data = ask(do="pull", position=int(words[1]), seconds=float(words[3]))
        print(words[2], json.dumps(said), base64.b64encode(squeeze(data)).decode())


if __name__ == "__main__":
    main()
