"""Workflow commands as GitHub documents them: what a step prints, and what is shown and kept of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from libs.contracts.attempt import Annotation
from tests.conformance.runner.spoken import WORKSPACE, spoken

UNSECURE = {"ACTIONS_ALLOW_UNSECURE_COMMANDS": "true"}
WEAK = {"ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS": "true"}
DEPRECATED = (
    "##[warning]The `{}` command is deprecated and will be disabled soon. Please upgrade to using Environment Files."
)
DISABLED = (
    "##[error]The `{}` command is disabled. Please upgrade to using Environment Files or opt into unsecure command "
    "execution by setting the `ACTIONS_ALLOW_UNSECURE_COMMANDS` environment variable to `true`."
)


@dataclass(frozen=True)
class Case:
    """What is printed, and what comes of it. `notes` are annotations by level and message, with their place."""

    printed: str
    lines: list[str] = field(default_factory=list)
    notes: list[Annotation] | None = None
    outputs: dict[str, str] = field(default_factory=dict)
    state: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    failed: bool = False
    debug: bool = False


def note(message: str, level: str = "error", **fields: object) -> Annotation:
    return Annotation(level, message, **fields)  # pyright: ignore[reportArgumentType]


PLAIN: dict[str, str] = {
    "text": "hello",
    "an unknown command": "::unknown::x",
    "behind text": "text ::error::x",
    "one colon": ":error::x",
    "no second colons": "::error file=a",
    "a space before the name": ":: error::x",
    "no name": "::::x",
    "a tab behind the name": "::error\tfile=a::x",
    "a comma behind the name": "::error,file=a::x",
    "an unknown legacy command": "##[section]x",
    "a legacy command that is not closed": "##[error x",
    "other brackets": "#[error]x",
    "the command of plugins": "::internal-set-repo-path repoFullName=a/b,workspaceRepo=true::/x",
    "only the first legacy mark counts": "##[x] ##[error]y",
    "a name in quotes": "::'error'::x",
}

COMMANDS: dict[str, Case] = {
    "notice": Case("::notice::look", ["##[notice]look"], [note("look", "notice")]),
    "warning": Case("::warning::careful", ["##[warning]careful"], [note("careful", "warning")]),
    "error": Case("::error::bad", ["##[error]bad"], [note("bad")]),
    "an error fails no step": Case("::error::bad\nmore", ["##[error]bad", "more"], [note("bad")]),
    "upper case": Case("::ERROR::bad", ["##[error]bad"], [note("bad")]),
    "space before": Case(" \t ::error::bad", ["##[error]bad"], [note("bad")]),
    "message with colons": Case("::error::a::b:c", ["##[error]a::b:c"], [note("a::b:c")]),
    "message with spaces": Case("::error::  a  ", ["##[error]  a  "], [note("  a  ")]),
    "message of two lines": Case("::error::a%0Ab", ["##[error]a", "b"], [note("a\nb")]),
    "message with a percent sign": Case("::error::100%25 %250A", ["##[error]100% %0A"], [note("100% %0A")]),
    "message with property escapes": Case("::error::a%3Ab%2C", ["##[error]a%3Ab%2C"], [note("a%3Ab%2C")]),
    "empty message": Case("::error::", [], [note("")]),
    "line end of another system": Case("::error::bad\r\nnext\r", ["##[error]bad", "next"], [note("bad")]),
    "debug": Case("::debug::x"),
    "debug where it is asked for": Case("::debug::x", ["##[debug]x"], debug=True),
    "group": Case("::group::Title\nx\n::endgroup::", ["##[group]Title", "x", "##[endgroup]"]),
    "group without a title": Case("::group::", ["##[group]"]),
    "endgroup drops its text": Case("::endgroup::text", ["##[endgroup]"]),
    "echo on": Case(
        "::echo::on\n::group::x\n::echo::off\n::group::y",
        ["::group::x", "##[group]x", "::echo::off", "##[group]y"],
    ),
    "echo in another case": Case("::echo:: ON \n::endgroup::", ["::endgroup::", "##[endgroup]"]),
    "echo shows no message twice": Case("::echo::on\n::warning::x", ["##[warning]x"], [note("x", "warning")]),
    "echo in a step with debug output": Case("::endgroup::", ["::endgroup::", "##[endgroup]"], debug=True),
    "echo of something else": Case(
        "::echo::maybe",
        [
            "##[error]Unable to process command '::echo::maybe' successfully.",
            "##[error]Invalid echo command value. Possible values can be: 'on', 'off'. Current value is: 'maybe'.",
        ],
        failed=True,
    ),
    "set-output": Case("::set-output name=a::1", [DEPRECATED.format("set-output")], outputs={"a": "1"}),
    "set-output twice": Case(
        "::set-output name=a::1\n::set-output name=a::2", [DEPRECATED.format("set-output")], outputs={"a": "2"}
    ),
    "set-output of lines": Case(
        "::set-output name=a::1%0A2%0D%0A3", [DEPRECATED.format("set-output")], outputs={"a": "1\n2\r\n3"}
    ),
    "set-output of nothing": Case("::set-output name=a::", [DEPRECATED.format("set-output")], outputs={"a": ""}),
    "set-output without a name": Case(
        "::set-output::1",
        [
            "##[error]Unable to process command '::set-output::1' successfully.",
            "##[error]Required field 'name' is missing in ##[set-output] command.",
        ],
        failed=True,
    ),
    "save-state": Case("::save-state name=a::1", [DEPRECATED.format("save-state")], state={"a": "1"}),
    "save-state without a name": Case(
        "::save-state name=::1",
        [
            "##[error]Unable to process command '::save-state name=::1' successfully.",
            "##[error]Required field 'name' is missing in ##[save-state] command.",
        ],
        failed=True,
    ),
    "set-env": Case("::set-env name=A::b c", variables={"A": "b c"}, env=UNSECURE),
    "set-env without leave": Case(
        "::set-env name=A::b",
        [
            "##[error]Unable to process command '::set-env name=A::b' successfully.",
            DISABLED.format("set-env"),
        ],
        failed=True,
    ),
    "set-env with something like leave": Case(
        "::set-env name=A::b",
        [
            "##[error]Unable to process command '::set-env name=A::b' successfully.",
            DISABLED.format("set-env"),
        ],
        failed=True,
        env={"ACTIONS_ALLOW_UNSECURE_COMMANDS": "1"},
    ),
    "set-env of NODE_OPTIONS": Case(
        "::set-env name=node_options::b",
        ["##[error]Can't update NODE_OPTIONS environment variable using ::set-env:: command."],
        env=UNSECURE,
    ),
    "set-env without a name": Case(
        "::set-env::b",
        [
            "##[error]Unable to process command '::set-env::b' successfully.",
            "##[error]Required field 'name' is missing in ##[set-env] command.",
        ],
        env=UNSECURE,
        failed=True,
    ),
    "add-path": Case("::add-path::/a b\n::add-path::/c", paths=["/a b", "/c"], env=UNSECURE),
    "add-path without leave": Case(
        "::add-path::/a",
        [
            "##[error]Unable to process command '::add-path::/a' successfully.",
            DISABLED.format("add-path"),
        ],
        failed=True,
    ),
    "add-mask": Case("v4lue\n::add-mask::v4lue\nv4lue", ["v4lue", "***"]),
    "add-mask of lines": Case("::add-mask::on3%0A tw0 %0D%0Athr33\non3\ntw0\nthr33.", ["***", "***", "***."]),
    "add-mask with echo": Case("::echo::on\n::add-mask::v4lue", ["::add-mask::***"]),
    "add-mask of nothing": Case(
        "::add-mask:: ", ["##[warning]Can't add secret mask for empty string in ##[add-mask] command."]
    ),
    "add-mask masks the annotations behind it": Case(
        "::add-mask::v4lue\n::error title=v4lue::a v4lue", ["##[error]a ***"], [note("a ***", title="***")]
    ),
    "add-matcher without a file": Case("::add-matcher::", ["##[warning]File path must be specified."]),
    "add-matcher of a missing file": Case(
        "::add-matcher::none.json",
        [
            "##[error]Unable to process command '::add-matcher::none.json' successfully.",
            f"##[error]Could not find file '{WORKSPACE}/none.json'.",
        ],
        failed=True,
    ),
    "remove-matcher of nothing": Case(
        "::remove-matcher::",
        ["##[warning]Either an owner name or a file path must be specified in ##[remove-matcher] command."],
    ),
    "remove-matcher of both": Case(
        "::remove-matcher owner=a::b",
        [
            "##[warning]Either specify an owner name or a file path in ##[remove-matcher] command. "
            "Both values cannot be set."
        ],
    ),
    "remove-matcher of an unknown owner": Case("::remove-matcher owner=a::"),
}

LEGACY: dict[str, Case] = {
    "at the start": Case("##[error]bad", ["##[error]bad"], [note("bad")]),
    "behind text, which is dropped": Case("text ##[error]bad", ["##[error]bad"], [note("bad")]),
    "upper case": Case("##[Error]bad", ["##[error]bad"], [note("bad")]),
    "properties": Case("##[error file=a.c;line=3;]bad", ["##[error]bad"], [note("bad", file="a.c", line=3)]),
    "no space is trimmed": Case("##[error file=a.c; line=3]bad", ["##[error]bad"], [note("bad", file="a.c")]),
    "a comma is text": Case("##[error file=a,b]bad", ["##[error]bad"], [note("bad", file="a,b")]),
    "escapes of properties": Case("##[error file=a%3Bb%5Dc%25]x", ["##[error]x"], [note("x", file="a;b]c%")]),
    "escapes of data": Case("##[error]a%0Ab%5D%3B%25", ["##[error]a", "b];%"], [note("a\nb];%")]),
    "escapes of the new form are text": Case(
        "##[error file=a%3Ab]a%2Cb", ["##[error]a%2Cb"], [note("a%2Cb", file="a%3Ab")]
    ),
    "group": Case("##[group]Title\n##[endgroup]", ["##[group]Title", "##[endgroup]"]),
    "debug": Case("##[debug]x"),
    "set-output": Case("##[set-output name=a]1", [DEPRECATED.format("set-output")], outputs={"a": "1"}),
    "add-mask": Case("##[add-mask]v4lue\nv4lue", ["***"]),
    "where the new form names no command": Case("::x::##[error]bad", ["##[error]bad"], [note("bad")]),
    "an empty value is none": Case("##[error file=;line=3]x", ["##[error]x"], [note("x", line=3)]),
}

STOPPED: dict[str, Case] = {
    "until the token": Case(
        "::stop-commands::t0ken\n::error::x\n##[error]y\n::t0ken::\n::error::z",
        ["::stop-commands::t0ken", "::error::x", "##[error]y", "::t0ken::", "##[error]z"],
        [note("z")],
    ),
    "a long token is masked": Case(
        "::stop-commands::t0ken-t0ken\n::error::t0ken-t0ken\n::t0ken-t0ken::",
        ["::stop-commands::***", "::error::***", "::***::"],
    ),
    "the token in another case": Case(
        "::stop-commands::Token\n::tOKEN::\n::error::x",
        ["::stop-commands::Token", "::tOKEN::", "##[error]x"],
        [note("x")],
    ),
    "the token in the legacy form": Case(
        "::stop-commands::t0ken\n##[t0ken]\n::error::x",
        ["::stop-commands::t0ken", "##[t0ken]", "##[error]x"],
        [note("x")],
    ),
    "stopped twice": Case(
        "::stop-commands::one\n::stop-commands::two\n::two::\n::error::x\n::one::",
        ["::stop-commands::one", "::stop-commands::two", "::two::", "::error::x", "::one::"],
    ),
    "the token once only": Case(
        "::stop-commands::t0ken\n::t0ken::\n::t0ken::", ["::stop-commands::t0ken", "::t0ken::", "::t0ken::"]
    ),
    "nobody resumes": Case("::stop-commands::t0ken\n::error::x", ["::stop-commands::t0ken", "::error::x"]),
    "a known name where it is allowed": Case(
        "::stop-commands::notice\n::error::x\n::notice::\n::notice::y",
        ["::stop-commands::notice", "::error::x", "::notice::", "##[notice]y"],
        [note("y", "notice")],
        env=WEAK,
    ),
    **{
        f"refused: {token or 'empty'}": Case(
            f"::stop-commands::{token}\n::debug::x\non",
            [
                f"##[error]Unable to process command '::stop-commands::{token}' successfully.",
                "##[error]You cannot use a endToken that is an empty string, the string 'pause-logging', or another "
                "workflow command. Use a token that nobody can guess, or opt into insecure command execution by "
                "setting the `ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS` environment variable to `true`.",
                "on",
            ],
            failed=True,
        )
        for token in ("", "pause-logging", "Pause-Logging", "error", "SET-OUTPUT", "stop-commands")
    },
}

PLACES: dict[str, tuple[str, Annotation]] = {
    "all": (
        "title=T,file=a.c,line=3,endLine=3,col=5,endColumn=7",
        note("m", title="T", file="a.c", line=3, end_line=3, column=5, end_column=7),
    ),
    "a file of the workspace": (f"file={WORKSPACE}/a/b.c", note("m", file="a/b.c")),
    "a file elsewhere": ("file=/etc/x", note("m", file="/etc/x")),
    "a folder that begins alike": (f"file={WORKSPACE}2/x", note("m", file=f"{WORKSPACE}2/x")),
    "names in any case": ("FILE=a,LINE=3,ENDLINE=4", note("m", file="a", line=3, end_line=4)),
    "unknown names": ("file=a,colour=red", note("m", file="a")),
    "escapes": ("title=a%2Cb%3Ac%25d%0Ae,file=x", note("m", title="a,b:c%d\ne", file="x")),
    "a column without a line": ("file=a,col=5", note("m", file="a")),
    "an end column without a line": ("file=a,endColumn=5", note("m", file="a")),
    "an end line alone": ("file=a,endLine=4", note("m", file="a", line=4, end_line=4)),
    "an end column alone": ("file=a,line=3,endColumn=4", note("m", file="a", line=3, column=4, end_column=4)),
    "columns of several lines": ("file=a,line=3,endLine=5,col=1,endColumn=2", note("m", file="a", line=3, end_line=5)),
    "columns of one line": (
        "file=a,line=3,endLine=3,col=1,endColumn=2",
        note("m", file="a", line=3, end_line=3, column=1, end_column=2),
    ),
    "an end before its line": ("file=a,line=5,endLine=3", note("m", file="a")),
    "an end before its column": ("file=a,line=3,col=5,endColumn=2", note("m", file="a", line=3)),
    "a line that is no number": ("file=a,line=x,col=2", note("m", file="a")),
    "a line with spaces": ("file=a,line= 3 ,col=2", note("m", file="a", line=3, column=2)),
    "space behind a comma": ("file=a, line=3", note("m", file="a")),
    "equals signs": ("file=a=b==,title==x", note("m", file="a=b==", title="x")),
    "empty values": ("file=,line=3", note("m", line=3)),
}


async def check(case: Case) -> None:
    done = await spoken(case.printed.encode(), env=case.env, debug=case.debug)
    assert done.lines == case.lines
    if case.notes is not None:
        assert done.said.annotations == case.notes
    said = done.said
    assert (said.outputs, said.state, said.variables, said.paths, said.failed) == (
        case.outputs,
        case.state,
        case.variables,
        case.paths,
        case.failed,
    )


@pytest.mark.row("runner: workflow commands")
@pytest.mark.parametrize("name", COMMANDS)
async def test_commands(name: str) -> None:
    await check(COMMANDS[name])


@pytest.mark.row("runner: workflow commands")
@pytest.mark.parametrize("name", PLAIN)
async def test_what_is_no_command(name: str) -> None:
    done = await spoken(PLAIN[name].encode())
    assert done.lines == [PLAIN[name]]
    assert done.said.annotations == []


@pytest.mark.row("runner: legacy commands")
@pytest.mark.parametrize("name", LEGACY)
async def test_legacy_commands(name: str) -> None:
    await check(LEGACY[name])


@pytest.mark.row("runner: stop-commands")
@pytest.mark.parametrize("name", STOPPED)
async def test_stopped_commands(name: str) -> None:
    await check(STOPPED[name])


@pytest.mark.row("runner: annotations")
@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("level", ["notice", "warning", "error"])
async def test_places_of_annotations(level: str, name: str) -> None:
    properties, expected = PLACES[name]
    done = await spoken(f"::{level} {properties}::m".encode())
    assert done.lines == [f"##[{level}]m"]
    assert [
        (one.level, one.title, one.file, one.line, one.end_line, one.column, one.end_column)
        for one in done.said.annotations
    ] == [
        (level, expected.title, expected.file, expected.line, expected.end_line, expected.column, expected.end_column)
    ]


@pytest.mark.row("runner: annotations")
async def test_ten_of_a_level() -> None:
    printed = "".join(f"::{level}::{number}\n" for number in range(15) for level in ("notice", "warning", "error"))
    done = await spoken(printed.encode())
    assert len(done.lines) == 45
    assert [one.message for one in done.said.annotations if one.level == "notice"] == [str(n) for n in range(10)]
    assert len(done.said.annotations) == 30


@pytest.mark.row("runner: workflow commands")
async def test_what_commands_set_is_bounded() -> None:
    printed = "".join(f"::set-output name=n{number}::{'x' * 500_000}\n" for number in range(20))
    done = await spoken(printed.encode())
    assert len(done.said.outputs) == 16
    assert done.said.failed
    assert [line for line in done.lines if "##[error]" in line] == [
        "##[error]A step may set 8388608 characters by commands: the rest is lost."
    ]


@pytest.mark.row("runner: annotations", "runner: problem matchers")
async def test_files_of_a_container_are_those_of_the_machine() -> None:
    matcher = b'{"problemMatcher": [{"owner": "x", "pattern": [{"regexp": "^(.+): (.+)$", "file": 1, "message": 2}]}]}'
    files = {f"{WORKSPACE}/m.json": matcher, f"{WORKSPACE}/a.c": b""}
    printed = (
        "::error file=/__w/demo/demo/a.c::m\n::add-matcher::/__w/demo/demo/m.json\n/__w/demo/demo/a.c: bad\na.c: bad\n"
    )
    done = await spoken(
        printed.encode(), files=files, machine_path=lambda path: path.replace("/__w/demo/demo", WORKSPACE, 1)
    )
    assert [(one.file, one.message) for one in done.said.annotations] == [("a.c", "m"), ("a.c", "bad"), ("a.c", "bad")]
    assert not done.said.failed
