"""GitHub's filter patterns: the examples of its cheat sheet, and what a hostile pattern may cost."""

import time

import pytest

from libs.workflow.globs import GlobError, compile_glob, selected

matching = [
    # Branches and tags, from the cheat sheet.
    ("feature/*", "feature/my-branch"),
    ("feature/*", "feature/"),
    ("feature/**", "feature/beta-a/my-branch"),
    ("feature/**", "feature/your-branch"),
    ("feature/**", "feature/mona/the/octocat"),
    ("main", "main"),
    ("releases/mona-the-octocat", "releases/mona-the-octocat"),
    ("*", "main"),
    ("**", "all/the/branches"),
    ("**", "every/tag"),
    ("*feature", "mona-feature"),
    ("*feature", "feature"),
    ("*feature", "ver-10-feature"),
    ("v2*", "v2"),
    ("v2*", "v2.0"),
    ("v[12].[0-9]+.[0-9]+", "v1.10.1"),
    ("v[12].[0-9]+.[0-9]+", "v2.0.0"),
    # Paths, from the cheat sheet.
    ("*", "README.md"),
    ("*.jsx?", "page.js"),
    ("*.jsx?", "page.jsx"),
    ("*.js", "app.js"),
    ("**.js", "index.js"),
    ("**.js", "js/index.js"),
    ("**.js", "src/js/app.js"),
    ("docs/*", "docs/README.md"),
    ("docs/**", "docs/mona/octocat.txt"),
    ("docs/**/*.md", "docs/README.md"),
    ("docs/**/*.md", "docs/mona/hello-world.md"),
    ("docs/**/*.md", "docs/a/markdown/file.md"),
    ("**/docs/**", "docs/hello.md"),
    ("**/docs/**", "dir/docs/my-file.txt"),
    ("**/docs/**", "space/docs/plan/space.doc"),
    ("**/README.md", "README.md"),
    ("**/README.md", "js/README.md"),
    ("**/*src/**", "a/src/app.js"),
    ("**/*src/**", "my-src/code/js/app.js"),
    ("**/*-post.md", "my-post.md"),
    ("**/*-post.md", "path/their-post.md"),
    ("**/migrate-*.sql", "migrate-10909.sql"),
    ("**/migrate-*.sql", "db/sept/migrate-v1.sql"),
    # The rest of the rules.
    ("Octoc?t", "Octoct"),
    ("Octoc?t", "Octot"),
    ("a+", "aaa"),
    ("[CB]at", "Bat"),
    ("[1-2]00", "200"),
    ("[0-9a-z]", "q"),
    ("[a-c-]", "-"),
    ("[-a]", "-"),
    ("[.]", "."),
    ("[ab]?c", "c"),
    ("\\*", "*"),
    ("a\\+b", "a+b"),
    ("a\\?", "a?"),
    ("\\!a", "!a"),
    ("\\[a\\]", "[a]"),
    ("a\\\\b", "a\\b"),
    ("a!b", "a!b"),
    ("(a|b)", "(a|b)"),
    ("a.b", "a.b"),
    ("a/**", "a/"),
    ("a/**/b", "a/b"),
    ("a/**/b", "a/x/y/b"),
    ("a**b", "a/x/b"),
    ("naïve/*", "naïve/é"),
    ("dependabot/npm_and_yarn/**", "dependabot/npm_and_yarn/x-1.2"),
]

not_matching = [
    ("feature/*", "feature/a/b"),
    ("feature/*", "feature"),
    ("main", "Main"),
    ("main", "main2"),
    ("main", "x/main"),
    ("*", "a/b"),
    ("*", "docs/README.md"),
    ("v[12].[0-9]+.[0-9]+", "v3.0.0"),
    ("v[12].[0-9]+.[0-9]+", "v1.x.0"),
    ("v[12].[0-9]+.[0-9]+", "v1.0.0-rc"),
    ("*.jsx?", "page.jsxx"),
    ("*.js", "js/index.js"),
    ("docs/*", "docs/a/b"),
    ("docs/**", "docs"),
    ("docs/**/*.md", "a/docs/x.md"),
    ("**/README.md", "README.md.txt"),
    ("**/README.md", "xREADME.md"),
    ("Octoc?t", "Octocat"),
    ("a+", ""),
    ("[CB]at", "cat"),
    ("a.b", "axb"),
    ("\\*", "x"),
    ("a/**/b", "ab"),
    ("x", ""),
]

invalid = [
    ("", 0),
    ("!", 0),
    ("?a", 0),
    ("+", 0),
    ("a**?", 3),
    ("a*+", 2),
    ("a?+", 2),
    ("a++", 2),
    ("[", 0),
    ("a[b", 1),
    ("[]", 0),
    ("[z-a]", 1),
    ("[a-Z]", 1),
    ("[0-a]", 1),
    ("a\\", 1),
    ("!a\\", 2),
    ("x" * 1025, 1024),
]


@pytest.mark.parametrize(("pattern", "text"), matching)
def test_a_pattern_matches_as_github_documents(pattern: str, text: str) -> None:
    assert compile_glob(pattern).matches(text)


@pytest.mark.parametrize(("pattern", "text"), not_matching)
def test_a_pattern_does_not_match_anything_else(pattern: str, text: str) -> None:
    assert not compile_glob(pattern).matches(text)


@pytest.mark.parametrize(("pattern", "offset"), invalid)
def test_a_malformed_pattern_is_an_error_at_its_place(pattern: str, offset: int) -> None:
    with pytest.raises(GlobError) as caught:
        compile_glob(pattern)

    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("patterns", "text", "expected"),
    [
        (["*.md", "!README.md"], "hello.md", True),
        (["*.md", "!README.md"], "README.md", False),
        (["*.md", "!README.md"], "docs/hello.md", False),
        (["*.md", "!README.md", "README*"], "README.md", True),
        (["*.md", "!README.md", "README*"], "README.doc", True),
        (["releases/**", "!releases/**-alpha"], "releases/10", True),
        (["releases/**", "!releases/**-alpha"], "releases/beta/3-alpha", False),
        (["!a", "a"], "a", True),
        (["a", "!a"], "a", False),
        (["!a"], "b", False),
        ([], "a", False),
        (["**", "!**"], "a", False),
    ],
)
def test_the_last_pattern_that_matches_decides(patterns: list[str], text: str, expected: bool) -> None:
    assert selected(map(compile_glob, patterns), text) is expected


def test_a_hostile_pattern_costs_no_more_than_reading_the_text() -> None:
    glob = compile_glob("**a" * 300 + "b")

    started = time.perf_counter()
    assert not glob.matches("a" * 4096)
    assert time.perf_counter() - started < 1  # Backtracking would take longer than the universe.


def test_a_hostile_text_does_not_fill_the_memory_of_a_pattern() -> None:
    glob = compile_glob("*")

    assert glob.matches("".join(chr(code) for code in range(0x4E00, 0x4E00 + 20_000)))
    assert len(glob._automaton._table) <= 2048  # pyright: ignore[reportPrivateUsage] - the bound is inside.
