"""An answer as Arrow's IPC stream, in DuckDB's own batches: no row becomes Python."""
# pyarrow has no types: everything that it returns is unknown to the checker.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pyarrow import ipc

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation

BATCH_ROWS = 10_000


class Sink(Protocol):
    def write(self, data: bytes, /) -> int: ...


class _Pipe:
    """As a file of Python's, which is what pyarrow writes to. Closing it is not the writer's to do."""

    closed = False

    def __init__(self, sink: Sink) -> None:
        self._sink, self.size = sink, 0

    def write(self, data: Any) -> int:
        self.size += len(data)
        return self._sink.write(bytes(data))

    def flush(self) -> None: ...

    def close(self) -> None: ...


def write_arrow(relation: DuckDBPyRelation, sink: Sink, *, rows: int, bytes: int) -> bool:
    """Writes at most so many rows, and no further batch after so many bytes; true where there were more."""
    reader: Any = relation.to_arrow_reader(BATCH_ROWS)
    pipe, left = _Pipe(sink), rows
    with ipc.new_stream(pipe, reader.schema) as writer:
        for batch in reader:
            if batch.num_rows and (left <= 0 or pipe.size >= bytes):
                return True
            writer.write_batch(batch.slice(0, left))
            left -= batch.num_rows
    return left < 0
