"""A process that folds row groups of the archive: a request a frame on standard input, an answer a frame on standard
output, in the same order. It ends with its input, so it outlives nobody.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from services.learner.archive.parquet import Damaged, Groups
from services.learner.replay.frames import LENGTH_BYTES, FoldGroup, Group, Unreadable, folded

_requests = msgspec.msgpack.Decoder(FoldGroup)


def main(requests: BinaryIO, answers: BinaryIO) -> None:
    groups: Groups | None = None
    while header := requests.read(LENGTH_BYTES):
        request = _requests.decode(requests.read(int.from_bytes(header)))
        answer: Group | Unreadable
        try:
            if groups is None or str(groups.path) != request.path:
                groups = Groups(Path(request.path))
            answer = folded(groups.read(request.group, with_headers=False), request.after)
        except Damaged as error:
            answer = Unreadable(str(error))
        data = msgspec.msgpack.encode(answer)
        answers.write(len(data).to_bytes(LENGTH_BYTES) + data)
        answers.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
