"""The guest's side of a sandbox: runs commands and moves files on the word of the host, over one framed byte stream.

It is one file of the standard library's Python. It knows nothing of workflows: it only executes. It is started as
`python3 -I -S agent.py CHANNEL [UID | machine [UID]]`:

    a number         an inherited descriptor; its end is the agent's. With a UID it becomes that user for good (the
                     driver `bubblewrap`, whose pid namespace it is the init of)
    /dev/vport0p1    the port of a virtual machine's serial device, which outlives whoever is at its other end
    vsock:52         a port that the host connects to; a new connection takes the place of the one before
    listen:3         the same on an inherited descriptor, for a machine's twin

On a device or a vsock port it is the init of a machine of its own: it prepares it, runs commands as the user that is
asked for in a group with limits, and takes on the identity that the host gives it. The word `machine` makes it the twin
of one, for tests: an ordinary process that answers like an init and leaves what it may not do.

A frame is `>IBI`: payload length, type, stream; then the payload, JSON for control and raw bytes for data.

    HELLO   to the host, once          {"v": 2, "up": seconds}; it can run a command now
    PING    to the guest, PONG back    echoed bytes
    EXEC    {argv, env, cwd, grace}    ACK when it was started, OUT ..., EXIT {code, signal, cut, oom, full}
            with `user`, as that one; with `terminal` {rows, columns, kind} on one: then DATA is its input
    RESIZE  {rows, columns}            of the stream's terminal
    IDENT   {entropy, hostname, machine_id, boot_id, network, work}, all but the first may be left out
                                       DATA {random, boot_id, hostname, machine_id}, ACK
    TIME    {set, adjust}, nanoseconds DATA {ns}, ACK: what the clock says, after it was set or moved
    PUT     {path}, then DATA ... and an empty DATA (a tar)       ACK when it is unpacked
    GET     {path}                     DATA ... (a tar), ACK
    WRITE   {path, mode, limit}, then DATA ... and an empty DATA  ACK
    READ    {path, limit}              DATA ..., ACK {"missing"} where there is no such file
    FOLDER  {path}                     ACK
    KILL    {signal}                   to the process group of the stream's command
    MORE    `>I`, both ways            so many more bytes of OUT or DATA may be sent on this stream
    HALT    BYE, and the guest ends

An ACK of `{"error": "start" | "refused" | "trouble", "message": ..., "code": ...}` says that it failed. A stream may
have WINDOW_BYTES on the way; what is not granted waits, so that a slow reader blocks its command and nothing else.
Every buffer here is bounded: by the window of its stream or by OUTBOX_BYTES.
"""

import contextlib
import json
import os
import select
import signal
import struct
import sys
import time

HEADER = struct.Struct(">IBI")
HELLO, PING, PONG, EXEC, OUT, _ERR, EXIT, PUT, ACK, GET, DATA, IDENT, KILL, HALT = range(1, 15)
MORE, FOLDER, WRITE, READ, TIME, RESIZE, BYE = range(16, 23)

WINDOW_BYTES = 1024**2
CHUNK_BYTES = 64 * 1024
OUTBOX_BYTES = 256 * 1024
FRAME_BYTES = 1024**2
ENTRIES = 2_000_000
UNPACKED_BYTES = 16 * 1024**3
HEADER_BYTES = 1024**2
PERMISSIONS = 0o777
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
AWAY_SECONDS = 0.005
"""How long the agent waits for a host that is not at the other end: it may have been saved, and restored elsewhere."""


class Refused(Exception):
    """An archive that must not be unpacked."""


class Work:
    """What one stream does: a child process with its pipes, or a file on its way."""

    def __init__(self, stream, kind):
        self.stream = stream
        self.kind = kind
        self.pid = 0
        self.status = None
        self.output = -1  # What the child writes; -1 once at its end.
        self.input = -1  # Where the child reads; -1 once it was closed.
        self.credit = WINDOW_BYTES
        self.waiting = bytearray()  # Bytes for the child or the file that are not written yet.
        self.input_ended = False
        self.grace = 5.0
        self.sent = 0
        self.owed = None  # What was in the pipe when the leader ended is sent in any case.
        self.deadline = None
        self.deaf = False
        self.report = -1
        self.request = {}
        self.memory_kills = 0


class Agent:
    def __init__(self, channel, machine=None, listener=None):
        self.channel = channel
        self.machine = machine
        self.listener = listener
        self.inbox = bytearray()
        self.outbox = bytearray()
        self.works = {}
        self.children = {}
        self.wake, wake_write = os.pipe()
        for descriptor in (channel, self.wake, wake_write):
            if descriptor >= 0:
                os.set_blocking(descriptor, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)

    def serve(self):
        if self.channel >= 0:
            self.hello()
        while True:
            self.turn()

    def hello(self):
        self.send(HELLO, 0, json.dumps({"v": 2, "up": time.monotonic()}).encode())

    def accept(self):
        """A new connection: whoever was there before is forgotten, with all that they had begun."""
        connection, _address = self.listener.accept()
        if self.channel >= 0:
            os.close(self.channel)
        self.inbox.clear()
        self.outbox.clear()
        for work in list(self.works.values()):
            if work.stream > 0:
                kill_group(work.pid, signal.SIGKILL)
                self.children.pop(work.pid, None)
                self.close(work)
        self.channel = connection.detach()
        os.set_blocking(self.channel, False)
        self.hello()

    def away(self):
        """The other end is not there."""
        if self.listener is not None:
            os.close(self.channel)
            self.channel = -1
        elif self.machine is not None and self.machine.real:
            time.sleep(AWAY_SECONDS)
        else:
            raise SystemExit(0)

    def turn(self):
        poll, takers = self.interests()
        for descriptor, _event in poll.poll(self.patience()):
            try:
                takers[descriptor]()
            except (ConnectionError, BrokenPipeError):
                self.away()
        self.reap()
        for work in list(self.works.values()):
            self.conclude(work)

    def interests(self):
        poll, takers = select.poll(), {}

        def want(descriptor, events, taker):
            poll.register(descriptor, events)
            takers[descriptor] = taker

        want(self.wake, select.POLLIN, lambda: os.read(self.wake, 512))
        room = len(self.outbox) < OUTBOX_BYTES
        for work in list(self.works.values()):
            if work.output >= 0 and (work.deaf or (room and work.credit > 0)):
                want(work.output, select.POLLIN, lambda work=work: self.hear(work))
            if work.input >= 0 and (work.waiting or work.input_ended):
                want(work.input, select.POLLOUT, lambda work=work: self.feed(work))
            if work.kind == READ and room and work.credit > 0:
                self.send_file(work)
        if self.listener is not None:
            want(self.listener.fileno(), select.POLLIN, self.accept)
        if self.channel >= 0:
            want(self.channel, select.POLLIN | (select.POLLOUT if self.outbox else 0), self.exchange)
        return poll, takers

    def patience(self):
        deadlines = [work.deadline for work in self.works.values() if work.deadline is not None and not work.deaf]
        return max(0, min(deadlines) - time.monotonic()) * 1000 + 1 if deadlines else None

    def send(self, kind, stream, payload=b""):
        self.outbox += HEADER.pack(len(payload), kind, stream) + payload

    def answer(self, work, **fields):
        self.send(ACK, work.stream, json.dumps(fields).encode())
        self.close(work)

    def exchange(self):
        try:
            if self.outbox:
                del self.outbox[: os.write(self.channel, self.outbox)]
        except BlockingIOError:
            pass
        try:
            data = os.read(self.channel, CHUNK_BYTES)
        except BlockingIOError:
            return
        if not data:
            self.away()
            return
        self.inbox += data
        self.take_frames()

    def exchange_rest(self):
        with contextlib.suppress(OSError):
            os.set_blocking(self.channel, True)
            while self.outbox:
                del self.outbox[: os.write(self.channel, self.outbox)]

    def take_frames(self):
        start = 0
        while len(self.inbox) - start >= HEADER.size:
            length, kind, stream = HEADER.unpack_from(self.inbox, start)
            if length > FRAME_BYTES:
                raise SystemExit("a frame is too long")
            end = start + HEADER.size + length
            if len(self.inbox) < end:
                break
            self.obey(kind, stream, bytes(self.inbox[start + HEADER.size : end]))
            start = end
        del self.inbox[:start]

    def obey(self, kind, stream, payload):
        if kind == PING:
            self.send(PONG, stream, payload)
        elif kind == HALT:
            self.send(BYE, 0)
            self.exchange_rest()
            raise SystemExit(0)
        elif kind == RESIZE:
            if stream in self.works and self.works[stream].request.get("terminal"):
                resize(self.works[stream].output, json.loads(payload))
        elif kind == MORE:
            if stream in self.works:
                self.works[stream].credit += struct.unpack(">I", payload)[0]
        elif kind == DATA:
            if stream in self.works:
                self.take_data(self.works[stream], payload)
        elif kind == KILL:
            if stream in self.works:
                kill_group(self.works[stream].pid, json.loads(payload)["signal"])
        else:
            self.begin(Work(stream, kind), json.loads(payload))

    def begin(self, work, request):
        self.works[work.stream] = work
        work.request = request
        try:
            {
                EXEC: self.start,
                PUT: self.put,
                GET: self.get,
                WRITE: self.write,
                READ: self.read,
                FOLDER: self.folder,
                IDENT: self.identify,
                TIME: self.tell_time,
            }[work.kind](work, request)
        except OSError as trouble:
            self.answer(work, error="trouble", message=f"{request.get('path', '')}: {trouble.strerror or trouble}")

    def identify(self, work, request):
        self.reply(work, self.machine.identify(request))

    def tell_time(self, work, request):
        if self.machine.real and request.get("set"):
            time.clock_settime_ns(time.CLOCK_REALTIME, request["set"])
        if self.machine.real and request.get("adjust"):
            time.clock_settime_ns(time.CLOCK_REALTIME, time.time_ns() + request["adjust"])
        self.reply(work, {"ns": time.time_ns()})

    def reply(self, work, fields):
        self.send(DATA, work.stream, json.dumps(fields).encode())
        self.answer(work)

    # Commands.

    def start(self, work, request):
        import subprocess

        env = {"PATH": DEFAULT_PATH, **request["env"]}
        try:
            whose = {} if self.machine is None else self.machine.options(request)
            outputs = open_terminal(request["terminal"]) if request.get("terminal") else os.pipe()
        except (OSError, KeyError) as trouble:
            self.answer(work, error="start", code=126, message=f"{trouble}")
            return
        reading, writing = outputs
        before = take_terminal if request.get("terminal") else None
        try:
            process = subprocess.Popen(
                request["argv"],
                stdin=writing if request.get("terminal") else subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                cwd=request["cwd"],
                env=env,
                start_new_session=True,
                umask=0o022,
                **preparing(whose, before),
            )
        except (OSError, ValueError, IndexError, subprocess.SubprocessError) as trouble:
            os.close(reading)
            self.answer(work, error="start", **why_not_started(trouble, request, env))
            return
        finally:
            os.close(writing)
        # This agent reaps every child itself, by its pid.
        process.returncode = 0
        work.grace = request["grace"]
        work.memory_kills = 0 if self.machine is None else self.machine.memory_kills()
        self.adopt(work, process.pid, output=reading, source=os.dup(reading) if request.get("terminal") else -1)
        self.send(ACK, work.stream, b"{}")

    def adopt(self, work, pid, output=-1, source=-1):
        work.pid, work.output, work.input = pid, output, source
        self.children[pid] = work
        for descriptor in (output, source):
            if descriptor >= 0:
                os.set_blocking(descriptor, False)

    def hear(self, work):
        limit = CHUNK_BYTES if work.deaf else min(CHUNK_BYTES, work.credit)
        try:
            data = os.read(work.output, limit)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # A terminal that nobody has open any more.
        if not data:
            os.close(work.output)
            work.output = -1
        elif not work.deaf:
            work.credit -= len(data)
            work.sent += len(data)
            self.send(OUT if work.kind == EXEC else DATA, work.stream, data)

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            work = self.children.pop(pid, None)
            if work is not None:
                work.status = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
                work.owed = work.sent + (waiting_bytes(work.output) if work.output >= 0 else 0)

    def conclude(self, work):
        """Ends what is complete: the leader has ended, and all was heard or the grace is over."""
        if work.status is None or work.deaf:
            if work.deaf and work.output < 0:
                self.works.pop(work.stream, None)
            return
        if work.kind == EXEC:
            self.conclude_command(work)
        elif work.output < 0:
            self.conclude_copy(work)

    def conclude_command(self, work):
        if work.output >= 0:
            if work.sent < work.owed:
                return
            work.deadline = work.deadline or time.monotonic() + work.grace
            if time.monotonic() < work.deadline:
                return
        number = -work.status if work.status < 0 else None
        code = 128 + number if number else work.status
        cut = work.output >= 0
        ended = {"code": code, "signal": number, "cut": cut}
        if self.machine is not None:
            ended["oom"] = self.machine.memory_kills() > work.memory_kills
            ended["full"] = full_file_systems() if code else []
        self.send(EXIT, work.stream, json.dumps(ended).encode())
        if cut:
            # Who still writes must neither block nor die of a closed pipe: read on and drop.
            work.deaf = True
            self.works.pop(work.stream)
            self.works[-work.stream] = work
            work.stream = -work.stream
        else:
            self.close(work)

    def close(self, work):
        self.works.pop(work.stream, None)
        for descriptor in (work.output, work.input, work.report):
            if descriptor >= 0:
                os.close(descriptor)
        work.output = work.input = work.report = -1

    # Files.

    def take_data(self, work, payload):
        if work.input_ended or (work.kind == EXEC and work.input < 0) or work.kind not in (PUT, WRITE, EXEC):
            return
        work.waiting += payload
        if work.kind == EXEC:
            return
        work.input_ended = not payload
        if work.kind == PUT:
            return
        self.send(MORE, work.stream, struct.pack(">I", len(payload)))
        if len(work.waiting) > work.request["limit"]:
            self.answer(work, error="trouble", message=f"{work.request['path']}: too large")
        elif work.input_ended:
            self.finish_write(work)

    def feed(self, work):
        """Hands on what has come for the unpacking child, and grants as much again."""
        try:
            written = os.write(work.input, work.waiting) if work.waiting else 0
        except BlockingIOError:
            return
        except OSError:
            work.waiting.clear()
            work.input_ended, written = True, 0
        del work.waiting[:written]
        if written:
            self.send(MORE, work.stream, struct.pack(">I", written))
        if work.input_ended and not work.waiting:
            os.close(work.input)
            work.input = -1

    def put(self, work, request):
        with self.owner():
            os.makedirs(request["path"], exist_ok=True)
        reading, writing = os.pipe()

        def action():
            with self.owner():
                unpack(reading, request["path"])

        self.fork(work, action, theirs=reading, source=writing)

    def owner(self):
        """Files that come from outside belong to the job's user."""
        return contextlib.nullcontext() if self.machine is None else self.machine.as_job_user()

    def get(self, work, request):
        os.lstat(request["path"])
        reading, writing = os.pipe()
        self.fork(work, lambda: pack(request["path"], writing), theirs=writing, output=reading)

    def fork(self, work, action, theirs, output=-1, source=-1):
        import tarfile  # noqa: F401  (once, here, and not in every child)

        work.report, report = os.pipe()
        pid = os.fork()
        if pid == 0:
            child(action, report, keep={theirs, report})
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        os.close(theirs)
        os.close(report)
        self.adopt(work, pid, output, source)

    def conclude_copy(self, work):
        report = os.read(work.report, CHUNK_BYTES)
        if not report and work.status != 0:
            report = json.dumps({"error": "trouble", "message": f"copying ended with {work.status}"}).encode()
        self.send(ACK, work.stream, report or b"{}")
        self.close(work)

    def folder(self, work, request):
        with self.owner():
            os.makedirs(request["path"], exist_ok=True)
        self.answer(work)

    def write(self, work, request):
        """Waits for the data."""

    def finish_write(self, work):
        path, mode = work.request["path"], work.request["mode"]
        try:
            with self.owner():
                os.makedirs(os.path.dirname(path), exist_ok=True)
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK, mode)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(work.waiting)
                    os.fchmod(descriptor, mode)
        except OSError as trouble:
            self.answer(work, error="trouble", message=f"{path}: {trouble.strerror}")
        else:
            self.answer(work)

    def read(self, work, request):
        try:
            descriptor = os.open(request["path"], os.O_RDONLY | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            self.answer(work, missing=True)
            return
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            content = read_regular(file, request["limit"])
        if content is None:
            message = f"{request['path']} is not a regular file of at most {request['limit']} bytes"
            self.answer(work, error="trouble", message=message)
            return
        work.waiting += content

    def send_file(self, work):
        part = bytes(work.waiting[: min(CHUNK_BYTES, work.credit)])
        del work.waiting[: len(part)]
        work.credit -= len(part)
        if part:
            self.send(DATA, work.stream, part)
        if not work.waiting:
            self.answer(work)


def read_regular(file, limit):
    import stat

    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
        return None
    content = bytearray()
    while len(content) <= limit and (part := file.read(limit + 1 - len(content))):
        content += part
    return bytes(content) if len(content) <= limit else None


def kill_group(pid, number):
    if pid:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)


def waiting_bytes(descriptor):
    import fcntl
    import termios

    return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)), "little")


def why_not_started(trouble, request, env):
    """What a shell would say: 127 not found, 126 not executable."""
    name = request["argv"][0] if request["argv"] else ""
    if not name:
        return {"code": 127, "message": "there is no command to run"}
    if not os.path.isdir(request["cwd"]):
        return {"code": 127, "message": f"{name}: the working directory {request['cwd']} does not exist"}
    if isinstance(trouble, FileNotFoundError):
        where = "no such file" if "/" in name else f"command not found in PATH={env['PATH']}"
        return {"code": 127, "message": f"{name}: {where}"}
    return {"code": 126, "message": f"{name}: {getattr(trouble, 'strerror', None) or trouble}"}


def child(action, report, keep):
    """A forked copy of the agent that packs or unpacks, and reports what went wrong."""
    status = 0
    try:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in map(int, os.listdir("/proc/self/fd")):
            if descriptor > 2 and descriptor not in keep:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        action()
    except Refused as trouble:
        status = tell(report, "refused", trouble)
    except BaseException as trouble:
        status = tell(report, "trouble", getattr(trouble, "strerror", None) or trouble)
    finally:
        os._exit(status)


def tell(report, kind, trouble):
    os.write(report, json.dumps({"error": kind, "message": str(trouble)[:1000]}).encode())
    return 1


def pack(path, descriptor):
    import tarfile

    def anonymous(entry):
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry if entry.isreg() or entry.isdir() or entry.issym() or entry.islnk() else None

    with os.fdopen(descriptor, "wb") as file:
        # Python 3.8, which older guests have, takes no parentheses around two.
        archive = tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115 (closed below)
        with archive:
            if os.path.islink(path) or not os.path.isdir(path):
                archive.add(path, os.path.basename(path), filter=anonymous)
                return
            for name in sorted(os.listdir(path)):
                archive.add(os.path.join(path, name), name, filter=anonymous)
                archive.members = []


def unpack(descriptor, folder):
    """Never through a symbolic link: each name is walked with O_NOFOLLOW. The host's `archive` has the same rules."""
    import tarfile

    class Header(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf, encoding, errors):
            header = super().frombuf(buf, encoding, errors)
            if header.type in (b"x", b"g", b"X", b"L", b"K") and header.size > HEADER_BYTES:
                raise Refused(f"a header of {header.size} bytes")
            return header

    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    modes = {}
    entries = total = 0
    try:
        with os.fdopen(descriptor, "rb") as file:
            with tarfile.open(fileobj=file, mode="r|", tarinfo=Header) as archive:
                while (entry := archive.next()) is not None:
                    archive.members = []
                    entries, total = entries + 1, total + (max(entry.size, 0) if entry.isreg() else 0)
                    if entries > ENTRIES or total > UNPACKED_BYTES:
                        raise Refused("the archive is larger than its bounds allow")
                    unpack_entry(archive, entry, root, modes)
            while file.read(CHUNK_BYTES):
                pass
    except tarfile.TarError as trouble:
        raise Refused(f"not a tar archive: {trouble}") from None
    for parts in sorted(modes, reverse=True):
        os.fchmod(enter(root, parts), modes[parts])


def unpack_entry(archive, entry, root, modes):
    parts = parts_of(entry.name)
    if not parts:
        return
    if entry.isdir():
        os.close(enter(root, parts))
        modes[parts] = entry.mode & PERMISSIONS
        return
    parent, name = enter(root, parts[:-1]), parts[-1]
    try:
        make_entry(archive, entry, root, parent, name)
    finally:
        os.close(parent)


def make_entry(archive, entry, root, parent, name):
    import stat

    if entry.isreg():
        clear(parent, name)
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=parent)
        with os.fdopen(descriptor, "wb") as file:
            content = archive.extractfile(entry)
            while data := content.read(4 * CHUNK_BYTES):
                file.write(data)
            file.flush()
            os.fchmod(descriptor, entry.mode & PERMISSIONS)
            os.utime(descriptor, (entry.mtime, entry.mtime))
    elif entry.issym():
        clear(parent, name)
        os.symlink(entry.linkname, name, dir_fd=parent)
    elif entry.islnk():
        target = parts_of(entry.linkname)
        folder = enter(root, target[:-1])
        try:
            if not target or not stat.S_ISREG(os.stat(target[-1], dir_fd=folder, follow_symlinks=False).st_mode):
                raise Refused(f"{entry.name!r} is a link to {entry.linkname!r}, which is no file")
            clear(parent, name)
            os.link(target[-1], name, src_dir_fd=folder, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(folder)
    else:
        raise Refused(f"{entry.name!r} is a device or a pipe; only files, folders and links are unpacked")


def clear(parent, name):
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return
    except IsADirectoryError:
        raise Refused(f"{name!r} is a folder already, and the archive has a file of that name") from None


def enter(root, parts):
    here = os.dup(root)
    for part in parts:
        try:
            inner = open_folder(part, here)
        finally:
            os.close(here)
        here = inner
    return here


def open_folder(name, parent):
    import stat

    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(name, flags, dir_fd=parent)
    except FileNotFoundError:
        os.mkdir(name, 0o755, dir_fd=parent)
        return os.open(name, flags, dir_fd=parent)
    except OSError:
        if stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            raise
        raise Refused(f"{name!r} is a link or a file, and the archive goes on below it") from None


def parts_of(name):
    if name.startswith("/") or "\0" in name:
        raise Refused(f"{name!r} is no relative name")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise Refused(f"{name!r} leads outside")
    return parts


# Terminals.


def open_terminal(window):
    """Our end and theirs."""
    ours, theirs = os.openpty()
    resize(ours, window)
    return ours, theirs


def resize(descriptor, window):
    import fcntl
    import termios

    size = struct.pack("HHHH", window["rows"] & 0xFFFF, window["columns"] & 0xFFFF, 0, 0)
    with contextlib.suppress(OSError):
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, size)


def take_terminal():
    """Makes the child's standard input the controlling terminal of its session."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def preparing(whose, terminal):
    """The options of Popen, with one function that does before the program starts what both need."""
    enter = whose.pop("enter", None)
    if enter is None and terminal is None:
        return whose

    def prepare():
        if enter is not None:
            enter()
        if terminal is not None:
            terminal()

    return {**whose, "preexec_fn": prepare}


# The machine that the agent is the init of.

JOB_USER = "runner"
JOB_GROUP = "/sys/fs/cgroup/job"
RESERVED_BYTES = 64 * 1024**2
"""Of the machine's memory, kept from jobs: a guest that has none left answers nobody for a minute."""
JOB_PROCESSES = 16_384
WORK_FOLDER = "/home/runner/work"
FULL_BYTES = 1024**2
RNDADDENTROPY, RNDRESEEDCRNG = 0x40085203, 0x5207
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_NOATIME = 2, 4, 8, 4096, 1024
MOUNTS = (
    ("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=620,ptmxmode=666,gid=5"),
    ("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"),  # noqa: S108  (a mount, and the guest's own)
    ("cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""),
)
LINKS = (
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
)


class Machine:
    """`real`: this is the init of a guest. Else it is the twin of one, an ordinary process without its rights, and what
    it may not do it leaves."""

    def __init__(self, real):
        self.real = real
        self.connected = None
        self.group = -1

    def prepare(self):
        if self.real:
            for source, target, kind, flags, data in MOUNTS:
                os.makedirs(target, exist_ok=True)
                mount(source, target, kind, flags, data)
            for target, name in LINKS:
                with contextlib.suppress(FileExistsError):
                    os.symlink(target, f"/dev/{name}")
            os.environ["PATH"] = DEFAULT_PATH
            self.limit_jobs()
            run("ip", "link", "set", "lo", "up")
        run("true")

    def limit_jobs(self):
        """Jobs get a group with less memory than the machine has: the agent must always be able to answer."""
        with contextlib.suppress(OSError):
            write("/sys/fs/cgroup/cgroup.subtree_control", "+memory +pids +cpu")
        os.makedirs(JOB_GROUP, exist_ok=True)
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        write(f"{JOB_GROUP}/memory.max", str(max(total - RESERVED_BYTES, total // 2)))
        write(f"{JOB_GROUP}/pids.max", str(JOB_PROCESSES))
        self.group = os.open(f"{JOB_GROUP}/cgroup.procs", os.O_WRONLY)

    def options(self, request):
        """Of Popen, for a command. Raises KeyError where there is no such user."""
        if not self.real:
            return {}
        import grp
        import pwd

        name = request.get("user") or JOB_USER
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            raise KeyError(f"there is no user {name} in this machine") from None
        groups = [group.gr_gid for group in grp.getgrall() if name in group.gr_mem]
        enter = lambda: os.write(self.group, b"0")  # noqa: E731
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": groups, "enter": enter}

    @contextlib.contextmanager
    def as_job_user(self):
        if not self.real:
            yield
            return
        import pwd

        user = pwd.getpwnam(JOB_USER)
        os.setegid(user.pw_gid)
        os.seteuid(user.pw_uid)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(0)

    def memory_kills(self):
        """How often the kernel has killed something of the jobs because they had no memory left."""
        with contextlib.suppress(OSError), open(f"{JOB_GROUP}/memory.events") as file:
            for line in file:
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
        return 0

    def identify(self, request):
        """Before any job's code: a clone has its template's names, and what the kernel drew before it was saved."""
        if self.real:
            stir(bytes.fromhex(request["entropy"]))
            self.take_names(request)
            if request.get("network"):
                self.connect(request["network"])
            if request.get("work"):
                self.mount_work()
        names = {
            "boot_id": read("/proc/sys/kernel/random/boot_id"),
            "hostname": os.uname().nodename,
            "machine_id": read("/etc/machine-id") if self.real else "",
        }
        if not self.real:
            # It may not change what all of this machine share, and says what it was told.
            names.update({name: request[name] for name in names if request.get(name)})
        return {"random": os.getrandom(32).hex(), **names}

    def take_names(self, request):
        if request.get("hostname"):
            write("/proc/sys/kernel/hostname", request["hostname"])
            write("/etc/hostname", request["hostname"] + "\n")
            name = request["hostname"]
            write("/etc/hosts", f"127.0.0.1 localhost {name}\n::1 localhost ip6-localhost ip6-loopback\n")
        if request.get("machine_id"):
            write("/etc/machine-id", request["machine_id"] + "\n")
        if request.get("boot_id"):
            write("/run/boot_id", request["boot_id"] + "\n")
            os.chmod("/run/boot_id", 0o444)
            mount("/run/boot_id", "/proc/sys/kernel/random/boot_id", "", MS_BIND, "")

    def connect(self, network):
        """`address` with its bits, `gateway`, `resolver`; the same in every machine, so a clone has it already."""
        if network == self.connected:
            return
        commands = f"""link set eth0 up
address add {network["address"]} dev eth0
route add default via {network["gateway"]}
"""
        run("ip", "-batch", "-", text=commands)
        write("/etc/resolv.conf", f"nameserver {network['resolver']}\n")
        self.connected = network

    def mount_work(self):
        if os.path.ismount(WORK_FOLDER):
            return
        mount(f"/dev/{work_disk()}", WORK_FOLDER, "ext4", MS_NOATIME | MS_NODEV, "")

    def end(self):
        """As the end of a real machine: a restart, which its VMM takes for the end."""
        if self.real:
            os.sync()
            libc().reboot(0x01234567)


def stir(entropy):
    """Into the kernel's random numbers, and makes it draw from them at once."""
    import fcntl

    descriptor = os.open("/dev/random", os.O_RDWR)
    try:
        fcntl.ioctl(descriptor, RNDADDENTROPY, struct.pack("ii", len(entropy) * 8, len(entropy)) + entropy)
        fcntl.ioctl(descriptor, RNDRESEEDCRNG)
    finally:
        os.close(descriptor)


def work_disk():
    """The one that says so; Firecracker's disks have numbers of their own, and this is the second."""
    for disk in sorted(os.listdir("/sys/block")):
        with contextlib.suppress(OSError):
            if read(f"/sys/block/{disk}/serial") == "work":
                return disk
    return "vdb"


def full_file_systems():
    found = []
    for folder in ("/", WORK_FOLDER):
        with contextlib.suppress(OSError):
            room = os.statvfs(folder)
            if room.f_blocks and (room.f_bavail * room.f_frsize < FULL_BYTES or (room.f_files and not room.f_favail)):
                found.append(folder)
    return found


def libc():
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind, flags, data):
    import ctypes

    arguments = [word.encode() or None for word in (source, target, kind)]
    if libc().mount(*arguments, ctypes.c_ulong(flags), data.encode() or None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{target} cannot be mounted: {os.strerror(number)}")


def run(*argv, text=""):
    """Raises OSError where it fails."""
    import subprocess

    done = subprocess.run(argv, input=text.encode(), capture_output=True, check=False, env={"PATH": DEFAULT_PATH})
    if done.returncode != 0:
        raise OSError(f"{' '.join(argv)}: {done.stderr.decode(errors='replace').strip()[:300]}")


def read(path):
    with open(path) as file:
        return file.read().strip()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def close_all_but(kept):
    """A descriptor left over from whoever started the guest could lead a job out of it: /proc/1/fd is open to it."""
    nothing = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor > 2 and descriptor not in kept:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def become(uid):
    """From root to a user without any right, for good; the jobs are started by that user."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def listen(port):
    """Waits on a vsock port, whoever asks: only the host can."""
    import socket

    listener = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    listener.bind((socket.VMADDR_CID_ANY, port))
    listener.listen(1)
    return listener


def inherited(descriptor):
    import socket

    return socket.socket(fileno=descriptor)


def say(text):
    """On the machine's console, if it has one."""
    with contextlib.suppress(OSError):
        write("/dev/kmsg", f"firebreak agent: {text}\n")


def serve_machine(where, uid, real):
    """Never returns in a real machine: its end is the machine's."""
    machine = Machine(real)
    try:
        channel, listener = -1, None
        if where.startswith("vsock:"):
            listener = listen(int(where.partition(":")[2]))
        elif where.startswith("listen:"):
            listener = inherited(int(where.partition(":")[2]))
        else:
            channel = int(where) if where.isdigit() else os.open(where, os.O_RDWR)
        close_all_but({channel, listener.fileno() if listener else -1})
        if uid is not None:
            become(uid)
        machine.prepare()
        Agent(channel, machine, listener).serve()
    except BaseException as trouble:
        say(repr(trouble))
        if not real:
            raise
    finally:
        machine.end()


def main():
    where = sys.argv[1]
    twin = sys.argv[2:3] == ["machine"]
    if twin or not where.isdigit():
        serve_machine(where, uid=None if not twin or len(sys.argv) < 4 else int(sys.argv[3]), real=not twin)
        return
    close_all_but({int(where)})
    if len(sys.argv) > 2:
        become(int(sys.argv[2]))
    Agent(int(where)).serve()


if __name__ == "__main__":
    main()
