"""Messages as rows of a Parquet file: plain columns that any tool reads. The archive's only importer of pyarrow.

seq       the message's place in its stream
time      when the server stored it, UTC, microseconds
subject   the subject
headers   a JSON object of its headers, without the server's own; empty where there are none
data      the bytes as they were stored
"""
# pyarrow has no types: everything that it returns is unknown to the checker.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO

import msgspec

from libs.bus.port import Stored
from services.learner.archive.day import microseconds

COMPRESSION_LEVEL = 3
"""Levels above it save 5 % and cost four times the time."""
_SERVERS_OWN = "Nats-"
"""Conditions and ids of the append, which the server has acted on."""
_NONE: dict[str, str] = {}
_headers = msgspec.json.Decoder(dict[str, str])


class Damaged(Exception):
    """A file of the archive is missing, or is not what was written; the message names it."""


class Rows:
    """Writes one row group after another into an open file."""

    def __init__(self, file: IO[bytes]) -> None:
        import pyarrow
        import pyarrow.parquet

        self._schema = pyarrow.schema(
            [
                ("seq", pyarrow.int64()),
                ("time", pyarrow.timestamp("us", tz="UTC")),
                ("subject", pyarrow.string()),
                ("headers", pyarrow.string()),
                ("data", pyarrow.binary()),
            ]
        )
        self._writer = pyarrow.parquet.ParquetWriter(
            file,
            self._schema,
            compression="zstd",
            compression_level=COMPRESSION_LEVEL,
            use_dictionary=["subject"],  # pyright: ignore[reportArgumentType]  # its stub knows a bool alone
            write_page_checksum=True,
        )

    def write(self, messages: Sequence[Stored]) -> None:
        import pyarrow

        columns = [
            [message.seq for message in messages],
            [microseconds(message.time) for message in messages],
            [message.subject for message in messages],
            [headers_of(message) for message in messages],
            [message.data for message in messages],
        ]
        arrays = [pyarrow.array(column, kind) for column, kind in zip(columns, self._schema.types, strict=True)]
        self._writer.write_table(pyarrow.Table.from_arrays(arrays, schema=self._schema), row_group_size=len(messages))

    def close(self) -> None:
        self._writer.close()


class Groups:
    """The row groups of a file, each read by itself: what is in memory is one of them. Raises Damaged."""

    def __init__(self, path: Path) -> None:
        import pyarrow
        import pyarrow.parquet

        self.path = path
        self._errors = (pyarrow.ArrowException, OSError, KeyError, ValueError)
        try:
            self._file = pyarrow.parquet.ParquetFile(path, page_checksum_verification=True)
        except self._errors as error:
            raise Damaged(f"{path}: {error}") from error

    def __enter__(self) -> Groups:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._file.num_row_groups

    def read(self, group: int, *, with_headers: bool = True) -> list[Stored]:
        """Without their headers, messages are read in two thirds of the time."""
        import pyarrow

        columns = ["seq", "time", "subject", "data", *(["headers"] if with_headers else [])]
        try:
            table = self._file.read_row_group(group, columns, use_threads=False)
            seqs, subjects, data = (table[name].to_pylist() for name in ("seq", "subject", "data"))
            # A datetime of Arrow's making takes ten times as long; a float has some four digits to spare.
            times = table["time"].cast(pyarrow.int64()).to_pylist()
            headers = map(_read_headers, table["headers"].to_pylist()) if with_headers else itertools.repeat(_NONE)
            return [
                Stored(seq, subject, body, datetime.fromtimestamp(time / 1e6, UTC), read)
                for seq, subject, body, time, read in zip(seqs, subjects, data, times, headers, strict=with_headers)
            ]
        except (*self._errors, msgspec.MsgspecError, TypeError) as error:
            raise Damaged(f"{self.path}: row group {group}: {error}") from error


def headers_of(stored: Stored) -> str:
    """As they are kept."""
    kept = {name: value for name, value in stored.headers.items() if not name.startswith(_SERVERS_OWN)}
    return msgspec.json.encode(kept, order="sorted").decode() if kept else ""


def _read_headers(text: str) -> dict[str, str]:
    return _headers.decode(text) if text else {}
