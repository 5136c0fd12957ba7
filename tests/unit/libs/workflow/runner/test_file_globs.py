"""The patterns of hashFiles."""

import pytest

from libs.workflow.runner.file_globs import BadPattern, file_patterns

FILES = [
    "a.txt",
    "b.md",
    ".hidden",
    "src/main.py",
    "src/main.pyc",
    "src/deep/er/x.py",
    "src/.config/y.py",
    "a/package-lock.json",
    "a.b/package-lock.json",
    "a/z/package-lock.json",
    "package-lock.json",
    "[odd]/x.py",
    "star*name",
]
SELECTED = {
    ("**/package-lock.json",): [
        "a/package-lock.json",
        "a/z/package-lock.json",
        "a.b/package-lock.json",
        "package-lock.json",
    ],
    ("package-lock.json",): ["package-lock.json"],
    ("./package-lock.json",): ["package-lock.json"],
    ("/w/package-lock.json",): ["package-lock.json"],
    ("*.txt",): ["a.txt"],
    ("src/*.py",): ["src/main.py"],
    ("src/**/*.py",): ["src/.config/y.py", "src/deep/er/x.py", "src/main.py"],
    ("src/**",): ["src/.config/y.py", "src/deep/er/x.py", "src/main.py", "src/main.pyc"],
    ("src",): ["src/.config/y.py", "src/deep/er/x.py", "src/main.py", "src/main.pyc"],
    ("src/",): ["src/.config/y.py", "src/deep/er/x.py", "src/main.py", "src/main.pyc"],
    ("a.txt/",): [],
    ("src/**", "!src/deep"): ["src/.config/y.py", "src/main.py", "src/main.pyc"],
    ("src/**\n!**/*.pyc",): ["src/.config/y.py", "src/deep/er/x.py", "src/main.py"],
    ("!a.txt", "*.txt"): ["a.txt"],
    ("*.txt", "!a.txt", "a.txt"): ["a.txt"],
    ("!!a.txt",): ["a.txt"],
    ("# comment\n\n a.txt ",): ["a.txt"],
    ("?.txt", "[b-c].md"): ["a.txt", "b.md"],
    ("[!a].md",): ["b.md"],
    (".*",): [".hidden"],
    ("*",): [
        *[".hidden", "[odd]/x.py", "a/package-lock.json", "a/z/package-lock.json", "a.b/package-lock.json", "a.txt"],
        *["b.md", "package-lock.json", "src/.config/y.py", "src/deep/er/x.py", "src/main.py", "src/main.pyc"],
        "star*name",
    ],
    ("\\[odd\\]/*.py",): ["[odd]/x.py"],
    ("star\\*name",): ["star*name"],
    ("star[*]name",): ["star*name"],
    ("nothing",): [],
    ("b.md", "a.txt"): ["b.md", "a.txt"],
    ("src/deep/**", "a/*.json", "src/main.py"): ["src/deep/er/x.py", "a/package-lock.json", "src/main.py"],
    ("a/*.json", "**/*.txt"): ["a/package-lock.json", "a.txt"],
    ("/elsewhere/*",): [],
    ("SRC/main.py",): [],
}


@pytest.mark.parametrize("patterns", SELECTED)
def test_selected_files_in_order(patterns: tuple[str, ...]) -> None:
    read = file_patterns(patterns, "/w", "/home/u")
    found = read.order([f"/w/{file}" for file in FILES])
    assert [path.removeprefix("/w/") for path in found] == SELECTED[patterns]


def test_the_home_folder() -> None:
    read = file_patterns(("~/x",), "/w", "/home/u")
    assert read.roots == ("/home/u/x",)
    assert read.selects("/home/u/x")


def test_roots_are_not_within_one_another() -> None:
    assert file_patterns(("a/b/*", "a/*", "c", "!d"), "/w", "/h").roots == ("/w/a", "/w/c")


def test_a_workspace_with_special_characters_is_literal() -> None:
    assert file_patterns(("*.x",), "/w[1]*", "/h").selects("/w[1]*/a.x")
    assert not file_patterns(("*.x",), "/w[1]*", "/h").selects("/w1q/a.x")


@pytest.mark.parametrize("pattern", ["../x", "a/../b", "a/./b", "!"])
def test_bad_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        file_patterns((pattern,), "/w", "/h")


def test_many_stars_are_quick() -> None:
    assert not file_patterns(("a*" * 50 + "b",), "/w", "/h").selects("/w/" + "a" * 5000)
    assert not file_patterns(("**/a/" * 30 + "b",), "/w", "/h").selects("/w" + "/a" * 2000)
