"""Packs folders into tar streams and unpacks tar streams into folders, as if whoever made the archive were an enemy.

Nothing is ever unpacked through a symbolic link, whether it came with the archive or stood there before: each name is
walked with O_NOFOLLOW. That is why an archive may bring links that point outside (a repository may hold such links, and
git would make them); `links_inside` refuses those as well, for folders that the host itself will walk.
Blocking; `streamed` brings the async streams of the Sandbox protocol to it.
"""

from __future__ import annotations

import os
import posixpath
import stat
import tarfile
from typing import IO, ClassVar, NoReturn, Protocol, cast

from services.vm_agent.sandbox.protocol import ARCHIVE_BYTES, ARCHIVE_ENTRIES, ArchiveRefused, FileTrouble

EXTENDED_HEADER_BYTES = 1024**2
"""A name or a PAX header is read into memory whole; no honest one comes near."""
EXTENDED_HEADERS = 8
"""In a row: they are read one inside the other. An honest entry has two, its own and one of the whole archive."""
NAME_CHARACTERS = 4096
"""Linux takes no longer path."""
NAME_PARTS = 256
"""Each may become a folder in a folder; programs that walk or remove such trees go into each from the one before."""
FOLDER_NAMES_CHARACTERS = 64 * 1024**2
"""Folders are remembered until the end of the archive."""
COPY_BYTES = 256 * 1024
PERMISSIONS = 0o777
"""Set-uid, set-gid and sticky bits do not travel."""
_EXTENDED_TYPES = frozenset(
    {
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    }
)


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...


class _Extended:
    """What one archive has had of headers that the reader keeps in memory."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._of_all_bytes = 0

    def take(self, header: tarfile.TarInfo) -> None:
        """Raises ArchiveRefused."""
        if header.size < 0:
            raise ArchiveRefused(f"{header.name!r} has a size of {header.size}")
        if header.type not in _EXTENDED_TYPES:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        self._of_all_bytes += header.size if header.type == tarfile.XGLTYPE else 0
        size = max(header.size, self._of_all_bytes)
        if size > EXTENDED_HEADER_BYTES:
            raise ArchiveRefused(f"the archive has a header of {size} bytes; {EXTENDED_HEADER_BYTES} are allowed")
        if self._in_a_row > EXTENDED_HEADERS:
            raise ArchiveRefused(f"the archive has more than {EXTENDED_HEADERS} headers for one file")


class _Header(tarfile.TarInfo):
    """As the reader makes one, with bounds; `extended` is of one archive."""

    extended: ClassVar[_Extended]

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        header = super().frombuf(buf, encoding, errors)
        cls.extended.take(header)
        return header

    def _refuse_holes(self, *_: object) -> NoReturn:
        """The reader would keep the list of a file's holes in memory, however long it is."""
        raise ArchiveRefused("the archive has a file with holes (a sparse one), which is not unpacked")

    # As the reader calls them, by the four ways of saying it.
    _proc_sparse = _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _refuse_holes


def _reader() -> type[_Header]:
    class Header(_Header):
        extended = _Extended()

    return Header


class _Heard:
    """Tells what went wrong at the source from what is wrong with the archive."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self.trouble: Exception | None = None

    def read(self, size: int, /) -> bytes:
        try:
            return self._source.read(size)
        except Exception as trouble:
            self.trouble = trouble
            raise


def unpack(
    source: Readable,
    folder: str,
    *,
    links_inside: bool = False,
    most_bytes: int = ARCHIVE_BYTES,
    most_entries: int = ARCHIVE_ENTRIES,
) -> None:
    """Into `folder`, which exists. Raises ArchiveRefused, FileTrouble; what was unpacked before that stays."""
    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    heard = _Heard(source)
    try:
        unpacking = _Unpacking(root, links_inside, most_bytes, most_entries)
        with tarfile.open(fileobj=cast(IO[bytes], heard), mode="r|", tarinfo=_reader()) as archive:
            while (entry := archive.next()) is not None:
                # The reader would keep every header of the archive in memory; the stubs leave the attribute out.
                archive.members = []  # pyright: ignore[reportAttributeAccessIssue]
                unpacking.take(archive, entry)
        unpacking.finish()
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as trouble:
        if trouble is heard.trouble:
            raise
        # The reader's own, of numbers and names that are none, beside what it names.
        raise ArchiveRefused(f"not a tar archive: {trouble}") from None
    except OSError as trouble:
        raise FileTrouble(f"cannot unpack into {folder}: {trouble.strerror or trouble}") from None
    finally:
        os.close(root)


def pack(path: str, sink: Writable) -> None:
    """The folder's contents, or the one file, with relative names, no sockets or pipes. Raises FileTrouble."""
    try:
        with tarfile.open(fileobj=cast(IO[bytes], sink), mode="w|", format=tarfile.PAX_FORMAT) as archive:
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                archive.add(path, posixpath.basename(path), filter=_anonymous)
                return
            for name in sorted(os.listdir(path)):
                archive.add(os.path.join(path, name), name, filter=_anonymous)
                archive.members = []  # pyright: ignore[reportAttributeAccessIssue]  (as in `unpack`)
    except OSError as trouble:
        raise FileTrouble(f"cannot pack {path}: {trouble.strerror or trouble}") from None


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry if entry.isreg() or entry.isdir() or entry.issym() or entry.islnk() else None


class _Unpacking:
    """One archive on its way into the folder behind the descriptor `root`."""

    def __init__(self, root: int, links_inside: bool, most_bytes: int, most_entries: int) -> None:
        self._root = root
        self._links_inside = links_inside
        self._bytes_left = most_bytes
        self._entries_left = most_entries
        self._folder_names_left = FOLDER_NAMES_CHARACTERS
        self._folder_modes: dict[tuple[str, ...], int] = {}

    def take(self, archive: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
        self._entries_left -= 1
        self._bytes_left -= max(entry.size, 0) if entry.isreg() else 0
        self._folder_names_left -= len(entry.name) if entry.isdir() else 0
        if min(self._entries_left, self._bytes_left, self._folder_names_left) < 0:
            raise ArchiveRefused("the archive is larger than its bounds allow")
        parts = _parts(entry.name)
        if not parts:
            return
        if entry.isdir():
            self._make_folder(parts, entry.mode)
            return
        parent = self._enter(parts[:-1])
        try:
            self._make(archive, entry, parent, parts)
        finally:
            os.close(parent)

    def finish(self) -> None:
        """Folders get their modes last: one without write permission could not be filled."""
        for parts, mode in sorted(self._folder_modes.items(), reverse=True):
            folder = self._enter(parts)
            os.fchmod(folder, mode & PERMISSIONS)
            os.close(folder)

    def _make(self, archive: tarfile.TarFile, entry: tarfile.TarInfo, parent: int, parts: tuple[str, ...]) -> None:
        if entry.isreg():
            self._write_file(archive, entry, parent, parts[-1])
        elif entry.issym():
            self._check_link(entry, parts)
            _clear(parent, parts[-1])
            os.symlink(entry.linkname, parts[-1], dir_fd=parent)
        elif entry.islnk():
            self._link(entry, parent, parts[-1])
        else:
            raise ArchiveRefused(f"{entry.name!r} is a device or a pipe; only files, folders and links are unpacked")

    def _write_file(self, archive: tarfile.TarFile, entry: tarfile.TarInfo, parent: int, name: str) -> None:
        _clear(parent, name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(name, flags, 0o600, dir_fd=parent), "wb") as file:
            content: IO[bytes] | None = archive.extractfile(entry)
            while content is not None and (data := content.read(COPY_BYTES)):
                file.write(data)
            file.flush()
            os.fchmod(file.fileno(), entry.mode & PERMISSIONS)
            os.utime(file.fileno(), (entry.mtime, entry.mtime))

    def _check_link(self, entry: tarfile.TarInfo, parts: tuple[str, ...]) -> None:
        if not self._links_inside:
            return
        target = posixpath.normpath(posixpath.join("/".join(parts[:-1]), entry.linkname))
        if target.startswith(("/", "../")) or target == "..":
            raise ArchiveRefused(f"{entry.name!r} is a link that leads outside, to {entry.linkname!r}")

    def _link(self, entry: tarfile.TarInfo, parent: int, name: str) -> None:
        """A hard link takes the very file, so its target must lie inside and be a file."""
        target = _parts(entry.linkname)
        if not target:
            raise ArchiveRefused(f"{entry.name!r} is a link to {entry.linkname!r}, which is no file of the archive")
        folder = self._enter(target[:-1])
        try:
            if not stat.S_ISREG(os.stat(target[-1], dir_fd=folder, follow_symlinks=False).st_mode):
                raise ArchiveRefused(f"{entry.name!r} is a link to {entry.linkname!r}, which is no file")
            _clear(parent, name)
            os.link(target[-1], name, src_dir_fd=folder, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(folder)

    def _make_folder(self, parts: tuple[str, ...], mode: int) -> None:
        os.close(self._enter(parts))
        self._folder_modes[parts] = mode

    def _enter(self, parts: tuple[str, ...]) -> int:
        """A descriptor of the folder, made with its parents. Raises ArchiveRefused where a link is in the way."""
        here = os.dup(self._root)
        try:
            for part in parts:
                inner = _open_folder(part, here)
                os.close(here)
                here = inner
        except BaseException:
            os.close(here)
            raise
        return here


def _open_folder(name: str, parent: int) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(name, flags, dir_fd=parent)
    except FileNotFoundError:
        os.mkdir(name, 0o755, dir_fd=parent)
        return os.open(name, flags, dir_fd=parent)
    except (NotADirectoryError, OSError) as trouble:
        if stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            raise
        raise ArchiveRefused(f"{name!r} is a link or a file, and the archive goes on below it") from trouble


def _clear(parent: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return
    except IsADirectoryError:
        raise ArchiveRefused(f"{name!r} is a folder already, and the archive has a file of that name") from None


def _parts(name: str) -> tuple[str, ...]:
    """The name's parts below the folder; empty for the folder itself. Raises ArchiveRefused."""
    if len(name) > NAME_CHARACTERS:
        raise ArchiveRefused(f"a name of {len(name)} characters; {NAME_CHARACTERS} are allowed")
    if name.startswith("/") or "\0" in name:
        raise ArchiveRefused(f"{name!r} is no relative name")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise ArchiveRefused(f"{name!r} leads outside")
    if len(parts) > NAME_PARTS:
        raise ArchiveRefused(f"a name of {len(parts)} folders in each other; {NAME_PARTS} are allowed")
    return parts
