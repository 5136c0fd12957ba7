"""Runner files as GitHub's runner on Linux reads them: what a step wrote, and what is kept and said of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from libs.workflow.runner.files import RUNNER_FILE_BYTES, SUMMARY_BYTES
from services.vm_agent.job.answers import JOB_CHARACTERS
from tests.conformance.runner.spoken import spoken


@dataclass(frozen=True)
class Case:
    """What was written, the pairs read of it, and the last error, where there is one."""

    written: bytes
    pairs: dict[str, str] = field(default_factory=dict)
    error: str = ""


HEREDOCS: dict[str, Case] = {
    "one line": Case(b"A<<EOF\none\nEOF\n", {"A": "one"}),
    "several lines": Case(b"A<<EOF\none\ntwo\n\nfour\nEOF\n", {"A": "one\ntwo\n\nfour"}),
    "nothing": Case(b"A<<EOF\nEOF\n", {"A": ""}),
    "an empty line": Case(b"A<<EOF\n\nEOF\n", {"A": ""}),
    "two empty lines": Case(b"A<<EOF\n\n\nEOF\n", {"A": "\n"}),
    "empty lines around": Case(b"A<<EOF\n\nx\n\nEOF\n", {"A": "\nx\n"}),
    "no line end behind the delimiter": Case(b"A<<EOF\none\nEOF", {"A": "one"}),
    "any delimiter": Case(b"A<<ghadelimiter_0a-1b\none\nghadelimiter_0a-1b\n", {"A": "one"}),
    "a delimiter with spaces": Case(b"A<< E F \none\n E F \n", {"A": "one"}),
    "a delimiter with an equals sign": Case(b"A<<E=F\none\nE=F\n", {"A": "one"}),
    "a delimiter in quotes": Case(b'A<<"EOF"\none\n"EOF"\n', {"A": "one"}),
    "a delimiter with the mark": Case(b"A<<E<<F\none\nE<<F\n", {"A": "one"}),
    "the delimiter alone ends it": Case(b"A<<EOF\nxEOF\nEOFx\n EOF\nEOF \nEOF\n", {"A": "xEOF\nEOFx\n EOF\nEOF "}),
    "the delimiter in another case": Case(b"A<<EOF\neof\nEOF\n", {"A": "eof"}),
    "pairs within are text": Case(b"A<<EOF\nB=1\nC<<D\nEOF\nE=2\n", {"A": "B=1\nC<<D", "E": "2"}),
    "one behind the other": Case(b"A<<X\n1\nX\nB<<X\n2\nX\n", {"A": "1", "B": "2"}),
    "spaces of the name": Case(b" A <<EOF\none\nEOF\n", {" A ": "one"}),
    "other systems' line ends are kept": Case(b"A<<EOF\r\none\r\nEOF\r\n", {"A": "one\r"}),
    "a lone carriage return": Case(b"A<<EOF\none\rtwo\nEOF\n", {"A": "one\rtwo"}),
    "a last line that is no line": Case(b"A<<EOF\none", {}, "Invalid value. EOF marker missing new line."),
    "no delimiter": Case(b"A<<EOF\none\n", {}, "Invalid value. Matching delimiter not found 'EOF'"),
    "nothing behind": Case(b"A<<EOF\n", {}, "Invalid value. Matching delimiter not found 'EOF'"),
    "no name": Case(
        b"<<EOF\none\nEOF\n", {}, "Invalid format '<<EOF'. Name must not be empty and delimiter must not be empty"
    ),
    "no word": Case(b"A<<\none\n", {}, "Invalid format 'A<<'. Name must not be empty and delimiter must not be empty"),
    "what was read before counts": Case(
        b"A=1\nB<<EOF\none\n", {"A": "1"}, "Invalid value. Matching delimiter not found 'EOF'"
    ),
}
PAIRS: dict[str, Case] = {
    "one": Case(b"A=1\n", {"A": "1"}),
    "no line end": Case(b"A=1", {"A": "1"}),
    "no value": Case(b"A=\n", {"A": ""}),
    "equals signs": Case(b"A=b=c==\n", {"A": "b=c=="}),
    "spaces are kept": Case(b" A = b \n", {" A ": " b "}),
    "quotes are kept": Case(b"A=\"b\"\nB='c'\n", {"A": '"b"', "B": "'c'"}),
    "empty lines": Case(b"\n\nA=1\n\nB=2\n\n", {"A": "1", "B": "2"}),
    "the last counts": Case(b"A=1\nA=2\n", {"A": "2"}),
    "names differ by case": Case(b"a=1\nA=2\n", {"a": "1", "A": "2"}),
    "a heredoc's mark in a value": Case(b"A=b<<c\n", {"A": "b<<c"}),
    "a byte order mark": Case(b"\xef\xbb\xbfA=1\n", {"A": "1"}),
    "no UTF-8": Case(b"A=\xff\xfe\n", {"A": "\ufffd\ufffd"}),
    "other writings": Case("Ä=ö€😀\n".encode(), {"Ä": "ö€😀"}),
    "a line of another system": Case(b"A=1\r\nB=2\r\n", {"A": "1\r", "B": "2\r"}),
    "nothing": Case(b"", {}),
    "no equals sign": Case(b"A\n", {}, "Invalid format 'A'"),
    "a comment is none": Case(b"# note\n", {}, "Invalid format '# note'"),
    "no name": Case(b"=1\n", {}, "Invalid format '=1'. Name must not be empty"),
    "what was read before counts": Case(b"A=1\nB\nC=3\n", {"A": "1"}, "Invalid format 'B'"),
    "too much": Case(b"A=" + b"x" * RUNNER_FILE_BYTES, {}, "/t/"),
}


async def check(name: str, case: Case) -> None:
    done = await spoken(written={name: case.written})
    kept = {"env": done.said.variables, "output": done.said.outputs, "state": done.said.state}[name]
    assert kept == case.pairs
    assert done.said.failed is bool(case.error)
    if case.error:
        assert done.lines[0] == f"##[error]Unable to process file command '{name}' successfully."
        assert done.lines[1].startswith(f"##[error]{case.error}")
    else:
        assert done.lines == []


@pytest.mark.row("runner: heredocs")
@pytest.mark.parametrize("case", HEREDOCS)
@pytest.mark.parametrize("name", ["env", "output", "state"])
async def test_heredocs(name: str, case: str) -> None:
    await check(name, HEREDOCS[case])


@pytest.mark.row("runner: GITHUB_ENV", "runner: GITHUB_OUTPUT", "runner: GITHUB_STATE")
@pytest.mark.parametrize("case", PAIRS)
@pytest.mark.parametrize("name", ["env", "output", "state"])
async def test_pairs(name: str, case: str) -> None:
    await check(name, PAIRS[case])


@pytest.mark.row("runner: GITHUB_ENV")
@pytest.mark.parametrize("written", [b"NODE_OPTIONS=x\nA=1\n", b"node_options<<E\nx\nE\nA=1\n"])
async def test_what_no_step_may_set(written: bytes) -> None:
    done = await spoken(written={"env": written})
    assert done.said.variables == {"A": "1"}
    assert done.lines == ["##[error]Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command."]
    assert not done.said.failed


@pytest.mark.row("runner: GITHUB_OUTPUT", "runner: GITHUB_STATE")
async def test_other_files_may_name_it() -> None:
    done = await spoken(written={"output": b"NODE_OPTIONS=x\n", "state": b"NODE_OPTIONS=y\n"})
    assert (done.said.outputs, done.said.state) == ({"NODE_OPTIONS": "x"}, {"NODE_OPTIONS": "y"})


@pytest.mark.row("runner: GITHUB_PATH")
@pytest.mark.parametrize(
    ("written", "paths"),
    [
        (b"/a\n/b c\n", ["/a", "/b c"]),
        (b"/a", ["/a"]),
        (b"\n/a\n\n/b\r\n", ["/a", "/b"]),
        (b"\xef\xbb\xbf/a\n", ["/a"]),
        (b" /a \n", [" /a "]),
        (b"A=b\n", ["A=b"]),
        (b"", []),
    ],
)
async def test_paths(written: bytes, paths: list[str]) -> None:
    assert (await spoken(written={"path": written})).said.paths == paths


@pytest.mark.row("runner: GITHUB_STEP_SUMMARY")
async def test_a_summary_is_kept_masked() -> None:
    done = await spoken(written={"step_summary": b"# Title\n\np4ssw0rd-long\n"}, secrets=("p4ssw0rd-long",))
    assert done.summary == "# Title\n\n***\n"


@pytest.mark.row("runner: GITHUB_STEP_SUMMARY")
@pytest.mark.parametrize(("size", "kept"), [(0, False), (SUMMARY_BYTES, True), (SUMMARY_BYTES + 1024, False)])
async def test_a_summary_is_bounded(size: int, kept: bool) -> None:
    done = await spoken(written={"step_summary": b"x" * size})
    assert (done.summary is not None) is kept
    told = "##[error]$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k, got 1025k."
    assert done.lines == ([told] if size > SUMMARY_BYTES else [])
    assert not done.said.failed


@pytest.mark.row("runner: GITHUB_OUTPUT")
async def test_a_file_counts_behind_the_commands() -> None:
    done = await spoken(b"::set-output name=a::1\n::set-output name=b::1", written={"output": b"a=2\n"})
    assert done.said.outputs == {"a": "2", "b": "1"}


@pytest.mark.row("runner: GITHUB_OUTPUT")
@pytest.mark.parametrize(("size", "kept"), [(100, True), (1000, False)])
async def test_what_a_jobs_steps_set_is_bounded(size: int, kept: bool) -> None:
    written = {"output": b"a=" + b"x" * size}
    done = await spoken(written=written, said_before=JOB_CHARACTERS - 500)
    assert bool(done.said.outputs) is kept
    assert done.said.failed is not kept
    assert [line for line in done.lines if "64 MiB in all" in line] == done.lines
