"""Bytes of any kind as expressions, conditions and templates: nothing but the language's own errors may come of them.

python -m tests.fuzz.fuzz_expressions [--seconds N]

With atheris the input follows what the code covers. Without it the input is random changes of the conformance cases,
and the last line says so: that finds what is shallow, and is no substitute.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

SECONDS = 60
MOST_BYTES = 4_096
"""Longer inputs are slower and not odder; the limits on length have tests of their own."""

FOUND = Path(__file__).parents[2] / "build" / "fuzz"
"""What a guided run has found is kept, and the next one goes on from there; an input that breaks is written here."""

CONTEXTS_JSON = (
    '{"github": {"ref": "main", "list": [1, "a", null, {"b": [true]}], "n": 1.5}, "job": {"status": "failure"}}'
)


def check(data: bytes) -> None:
    """Raises AssertionError, or whatever the language should not have raised."""
    import json

    from libs.workflow.expressions import (
        ExpressionError,
        HashFilesWanted,
        Scope,
        answer,
        evaluate_condition,
        evaluate_string,
        parse,
        to_source,
    )
    from libs.workflow.expressions.availability import Availability, special_functions

    text = data.decode("utf-8", "surrogateescape")
    contexts = json.loads(CONTEXTS_JSON)
    found = answer(text, contexts)
    json.dumps(found, allow_nan=False)
    if "error" in found:
        assert isinstance(found["error"], dict)
        column = found["error"]["column"]
        assert isinstance(column, int)
        assert 1 <= column <= len(text) + 1, f"column {column} is outside of the text"
    scope = Scope(contexts)
    for evaluate in (evaluate_string, evaluate_condition):
        try:
            evaluate(text, scope)
        except (ExpressionError, HashFilesWanted):
            continue
    known = Availability("", tuple(contexts), special_functions)
    try:
        printed = to_source(parse(text, known))
    except ExpressionError:
        return
    assert to_source(parse(printed, known)) == printed, "printed, it is parsed to something else"


def seeds() -> list[bytes]:
    from tests.conformance.expressions.cases import cases

    texts = {case.text for _, case in cases()}
    return sorted(text.encode("utf-8", "surrogatepass") for text in texts if len(text) < MOST_BYTES)


def guided(seconds: int) -> None:
    """libFuzzer ends the process itself: 0 after its time, otherwise with the input that broke."""
    atheris = import_module("atheris")  # Only `make fuzz` installs it, so that nothing may import it by its name.
    with atheris.instrument_imports(include=["libs.workflow.expressions"]):
        check(b"1")
    folder = FOUND / "expressions"
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (folder / f"case-{number}").write_bytes(seed)
    limits = [f"-max_total_time={seconds}", f"-max_len={MOST_BYTES}", "-rss_limit_mb=2048", "-timeout=20"]
    dictionary = Path(__file__).parent / "expressions.dict"
    atheris.Setup([sys.argv[0], *limits, f"-dict={dictionary}", f"-artifact_prefix={FOUND}/", str(folder)], check)
    atheris.Fuzz()


def at_random(seconds: int) -> None:
    corpus = seeds()
    chance = random.Random()
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        data = changed(chance.choice(corpus), corpus, chance)
        try:
            check(data)
        except BaseException:
            sys.stderr.write(f"the input that broke: {data!r}\n")
            raise
        count += 1
    sys.stdout.write(
        f"{count:,} random inputs in {seconds} s, none broke; atheris is not installed, so none was guided\n"
    )


def changed(data: bytes, corpus: list[bytes], chance: random.Random) -> bytes:
    """A few random edits: bytes replaced, pieces cut, doubled, or brought in from another input."""
    result = bytearray(data)
    edits: list[Callable[[int], None]] = [
        lambda at: result.insert(at, chance.randrange(256)),
        lambda at: result.insert(at, ord(chance.choice("()[].*!'=<>&|,0x{}$- "))),
        lambda at: result.__delitem__(slice(at, at + chance.randrange(1, 8))),
        lambda at: result.__setitem__(slice(at, at), chance.choice(corpus)),
        lambda at: result.__setitem__(slice(at, at), result[at : at + 16] * chance.choice((1, 2, 60))),
    ]
    for _ in range(chance.randrange(1, 6)):
        chance.choice(edits)(chance.randrange(len(result) + 1))
    return bytes(result[:MOST_BYTES])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    seconds = parser.parse_args().seconds
    if find_spec("atheris"):
        guided(seconds)
    else:
        at_random(seconds)


if __name__ == "__main__":
    main()
