"""Workflow commands, as GitHub's runner reads them."""

import pytest

from libs.contracts.attempt import Annotation
from libs.workflow.runner.command_syntax import parse
from libs.workflow.runner.commands import CommandReader
from libs.workflow.runner.effects import (
    AddMask,
    AddMatchers,
    AddPath,
    Annotate,
    CommandFailed,
    Debug,
    Effect,
    Print,
    RemoveMatchers,
    SaveState,
    SetOutput,
    SetVariable,
)

NAMES = {"warning", "set-output", "group", "stop-commands"}


def reader(**environment: str) -> CommandReader:
    return CommandReader(environment=environment, workspace="/work/repo")


PARSED = {
    "::warning::hello": ("warning", {}, "hello"),
    "  \t::warning::hello": ("warning", {}, "hello"),
    "::WARNING::hello": ("WARNING", {}, "hello"),
    "::warning::": ("warning", {}, ""),
    "::warning ::x": ("warning", {}, "x"),
    "::warning file=a.py,line=3::x": ("warning", {"file": "a.py", "line": "3"}, "x"),
    "::warning  file=a.py,line=3 ::x": ("warning", {"file": "a.py", "line": "3"}, "x"),
    "::warning file=a.py, line=3::x": ("warning", {"file": "a.py", " line": "3"}, "x"),
    "::warning =file==a=b=,==::x": ("warning", {"file": "a=b="}, "x"),
    "##[warning  file=a; line=3]x": ("warning", {" file": "a", " line": "3"}, "x"),
    "::warning File=a.py::x": ("warning", {"file": "a.py"}, "x"),
    "::warning file=a=b::x": ("warning", {"file": "a=b"}, "x"),
    "::warning file=,line=3::x": ("warning", {"line": "3"}, "x"),
    "::warning ,,=,x::m": ("warning", {}, "m"),
    "::warning file=a%3Ab%2Cc::x": ("warning", {"file": "a:b,c"}, "x"),
    "::warning title=100%25::x": ("warning", {"title": "100%"}, "x"),
    "::warning::a%0Ab%0D%25": ("warning", {}, "a\nb\r%"),
    "::warning::%3A%2C": ("warning", {}, "%3A%2C"),
    "::warning::%250A": ("warning", {}, "%0A"),
    "::warning::a::b": ("warning", {}, "a::b"),
    "##[warning]hello": ("warning", {}, "hello"),
    "prefix ##[warning]hello": ("warning", {}, "hello"),
    "##[warning file=a;line=3;]x": ("warning", {"file": "a", "line": "3"}, "x"),
    "##[warning file=a%3Bb%5D]x%5D": ("warning", {"file": "a;b]"}, "x]"),
}
PLAIN = [
    "",
    "hello",
    "x ::warning::y",
    "::warning",
    "::warning:x",
    "::unknown::x",
    "::::",
    "##[unknown]x",
    "##[warning",
    ":: warning::x",
    "::warning,file=a::x",
]


@pytest.mark.parametrize("line", PARSED)
def test_a_command_is_read(line: str) -> None:
    command = parse(line, NAMES)
    assert command is not None
    assert (command.name, dict(command.properties), command.data) == PARSED[line]


@pytest.mark.parametrize("line", PLAIN)
def test_other_lines_are_plain(line: str) -> None:
    assert parse(line, NAMES) is None
    assert reader().read(line) is None


EFFECTS: dict[str, list[Effect]] = {
    "::group::Title": [Print("##[group]Title")],
    "::endgroup::": [Print("##[endgroup]")],
    "##[group]Old": [Print("##[group]Old")],
    "::debug::x": [Debug("x")],
    "::add-mask::secret": [AddMask("secret")],
    "::echo::on": [],
    "::notice title=T::m": [Print("##[notice]m"), Annotate(Annotation("notice", "m", title="T"))],
    "::error file=/work/repo/a/b.py,line=1,endLine=1,col=2,endColumn=5::m": [
        Print("##[error]m"),
        Annotate(
            Annotation("error", "m", file="a/b.py", line=1, end_line=1, column=2, end_column=5),
        ),
    ],
    "::warning file=a,endLine=4::m": [
        Print("##[warning]m"),
        Annotate(Annotation("warning", "m", file="a", line=4, end_line=4)),
    ],
    "::warning file=a,line=9,endLine=4::m": [Print("##[warning]m"), Annotate(Annotation("warning", "m", file="a"))],
    "::warning file=a,line=1,endLine=4,col=3::m": [
        Print("##[warning]m"),
        Annotate(Annotation("warning", "m", file="a", line=1, end_line=4)),
    ],
    "::warning file=a,col=3::m": [Print("##[warning]m"), Annotate(Annotation("warning", "m", file="a"))],
    "::warning file=a,line=1,col=5,endColumn=3::m": [
        Print("##[warning]m"),
        Annotate(Annotation("warning", "m", file="a", line=1)),
    ],
    "::warning file=a,line=x::m": [Print("##[warning]m"), Annotate(Annotation("warning", "m", file="a"))],
    "::warning file=a,line=²::m": [Print("##[warning]m"), Annotate(Annotation("warning", "m", file="a"))],
}


@pytest.mark.parametrize("line", EFFECTS)
def test_what_follows(line: str) -> None:
    assert reader().read(line) == EFFECTS[line]


def test_set_output_works_and_warns_once_a_step() -> None:
    commands = reader()
    first, second = commands.read("::set-output name=a::1"), commands.read("::set-output name=b::2")
    assert first is not None
    assert first[0] == SetOutput("a", "1")
    assert "deprecated" in str(first[1])
    assert second == [SetOutput("b", "2")]


def test_save_state_works() -> None:
    assert (reader().read("::save-state name=a::1") or [])[0] == SaveState("a", "1")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("::set-output::x", "Required field 'name' is missing"),
        ("::save-state name=::x", "Required field 'name' is missing"),
        ("::set-env name=A::x", "The `set-env` command is disabled"),
        ("::add-path::/x", "The `add-path` command is disabled"),
        ("::echo::maybe", "Invalid echo command value"),
        ("::stop-commands::", "endToken"),
        ("::stop-commands::pause-logging", "endToken"),
        ("::stop-commands::warning", "endToken"),
    ],
)
def test_a_command_that_fails_fails_the_step(line: str, words: str) -> None:
    effects = reader().read(line) or []
    assert isinstance(effects[0], CommandFailed)
    assert words in effects[0].messages[1]


@pytest.mark.parametrize("allowed", ["true", "True", " TRUE "])
def test_unsecure_commands_work_where_they_are_allowed(allowed: str) -> None:
    commands = reader(ACTIONS_ALLOW_UNSECURE_COMMANDS=allowed)
    assert commands.read("::set-env name=A::x") == [SetVariable("A", "x")]
    assert commands.read("::add-path::/x") == [AddPath("/x")]


def test_node_options_are_refused_even_then() -> None:
    effects = reader(ACTIONS_ALLOW_UNSECURE_COMMANDS="true").read("::set-env name=NODE_OPTIONS::x") or []
    assert not [effect for effect in effects if isinstance(effect, SetVariable)]
    assert "NODE_OPTIONS" in str(effects)


def test_stopped_commands_are_plain_until_the_token() -> None:
    commands = reader()
    assert commands.read("::stop-commands::Abc123xyz") == [AddMask("Abc123xyz"), Print("::stop-commands::Abc123xyz")]
    assert commands.read("::warning::x") is None
    assert commands.read("::other::") is None
    assert commands.read("::stop-commands::again") is None
    assert commands.read("::abc123XYZ::") == [Print("::abc123XYZ::")]
    assert commands.read("::group::x") == [Print("##[group]x")]
    assert commands.read("::Abc123xyz::") is None


def test_a_weak_token_works_where_it_is_allowed_and_the_command_of_its_name_stays() -> None:
    commands = reader(ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS="true")
    assert commands.read("::stop-commands::group") == [Print("::stop-commands::group")]
    assert commands.read("::group::") == [Print("::group::")]
    assert commands.read("::group::x") == [Print("##[group]x")]


def test_echo_prints_commands_that_do_not_print_themselves() -> None:
    commands = reader()
    commands.read("::echo::on")
    assert (commands.read("::set-output name=a::1") or [])[0] == Print("::set-output name=a::1")
    assert commands.read("::add-mask::hidden") == [Print("::add-mask::***"), AddMask("hidden")]
    assert commands.read("::debug::x") == [Debug("x")]
    assert commands.read("::echo::off") == [Print("::echo::off")]
    assert commands.read("::group::x") == [Print("##[group]x")]


def test_an_empty_mask_is_a_warning() -> None:
    effects = reader().read("::add-mask::  ") or []
    assert not [effect for effect in effects if isinstance(effect, AddMask)]
    assert "Can't add secret mask for empty string" in str(effects)


@pytest.mark.parametrize(
    ("line", "effect"),
    [
        ("::add-matcher::m.json", AddMatchers("m.json", "::add-matcher::m.json")),
        ("##[add-matcher]a%5D.json", AddMatchers("a].json", "##[add-matcher]a%5D.json")),
        ("##[remove-matcher owner=x]", RemoveMatchers("x", "", "##[remove-matcher owner=x]")),
        ("::remove-matcher owner=x::", RemoveMatchers("x", "", "::remove-matcher owner=x::")),
        ("::remove-matcher::m.json", RemoveMatchers("", "m.json", "::remove-matcher::m.json")),
    ],
)
def test_matchers_come_and_go(line: str, effect: Effect) -> None:
    assert reader().read(line) == [effect]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("::add-matcher::", "File path must be specified."),
        ("::remove-matcher::", "Either an owner name or a file path must be specified"),
        ("::remove-matcher owner=x::y", "Both values cannot be set"),
    ],
)
def test_matchers_without_a_name_are_a_warning(line: str, words: str) -> None:
    effects = reader().read(line) or []
    assert isinstance(effects[1], Annotate)
    assert effects[1].annotation.level == "warning"
    assert words in effects[1].annotation.message


def test_an_empty_message_is_no_line_and_counts() -> None:
    assert reader().read("::error::") == [Annotate(Annotation("error", ""))]


@pytest.mark.parametrize("allowed", ["1", "true", "TRUE", "$true"])
def test_a_weak_token_is_allowed_in_more_than_one_word(allowed: str) -> None:
    commands = reader(ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS=allowed)
    assert commands.read("::stop-commands::pause-logging") == [
        AddMask("pause-logging"),
        Print("::stop-commands::pause-logging"),
    ]


def test_the_command_of_plugins_is_none_of_a_steps() -> None:
    assert reader().read("::internal-set-repo-path repoFullName=a/b,workspaceRepo=true::/x") is None
