"""`if`: with and without `${{ }}`, and the implicit success()."""

import pytest

from libs.workflow.expressions import (
    ExpressionError,
    Scope,
    Status,
    availability_of,
    evaluate_condition,
    has_literal_text,
    parse,
    parse_condition,
    to_source,
    uses_status_function,
)

sources = [
    ("", "success()"),
    ("  ", "success()"),
    ("true", "success() && true"),
    ("${{ true }}", "success() && true"),
    ("always()", "always()"),
    ("${{ always() }}", "always()"),
    ("!cancelled()", "!cancelled()"),
    ("failure()", "failure()"),
    ("success()", "success()"),
    ("SUCCESS()", "success()"),
    ("github.ref == 'a'", "success() && (github['ref'] == 'a')"),
    ("failure() && github.ref", "failure() && github['ref']"),
    ("github.ref && always()", "github['ref'] && always()"),
    ("github.a || github.b", "success() && (github['a'] || github['b'])"),
    ("'always()'", "success() && 'always()'"),
    ("contains('a', format('{0}', failure()))", "contains('a', format('{0}', failure()))"),
    ("a ${{ github.a }}", "success() && format('a {0}', github['a'])"),
    (" ${{ github.a }} ", "success() && github['a']"),
    ("${{ github.a }} == 'x'", "success() && format('{0} == ''x''', github['a'])"),
    ("{${{ 1 }}}", "success() && format('{{{0}}}', 1)"),
    ("${{ 1 }} && ${{ always() }}", "format('{0} && {1}', 1, always())"),
    ("github[always()]", "github[always()]"),
]


@pytest.mark.parametrize(("text", "source"), sources)
def test_conditions_as_github_runs_them(text: str, source: str) -> None:
    assert to_source(parse_condition(text)) == source


fine, failed = Status(), Status(success=False, failure=True)
cancelled = Status(success=False, cancelled=True)
outcomes = [
    ("", fine, True),
    ("", failed, False),
    ("", cancelled, False),
    ("true", failed, False),
    ("false", fine, False),
    ("always()", failed, True),
    ("always()", cancelled, True),
    ("failure()", failed, True),
    ("failure()", fine, False),
    ("failure()", cancelled, False),
    ("cancelled()", cancelled, True),
    ("!cancelled()", failed, True),
    ("!cancelled()", cancelled, False),
    ("success() || failure()", failed, True),
    ("github.ref == 'MAIN'", fine, True),
    ("github.ref == 'main'", failed, False),
    ("'false'", fine, True),
    ("0", fine, False),
    ("''", fine, False),
    ("github.none", fine, False),
    ("github", fine, True),
    ("${{ false }} ", fine, False),
    ("x ${{ false }}", fine, True),
    ("x ${{ false }}", failed, False),
    ("github.ref", fine, True),
    ("failure() && github.ref == 'other'", failed, False),
    ("NaN", fine, False),
]


@pytest.mark.parametrize(("text", "status", "runs"), outcomes)
def test_whether_it_runs(text: str, status: Status, runs: bool) -> None:
    scope = Scope({"github": {"ref": "main", "none": None}}, status)
    assert evaluate_condition(text, scope) is runs


@pytest.mark.parametrize(
    "text", ["always()", "!failure()", "github[cancelled()]", "1 && (2 || success())", "case(failure(), 1, 2)"]
)
def test_a_status_function_anywhere_counts(text: str) -> None:
    assert uses_status_function(parse(text))


@pytest.mark.parametrize("text", ["github.always", "'success()'", "hashFiles('failure')", "1 && 2"])
def test_what_only_looks_like_a_status_function_does_not(text: str) -> None:
    assert not uses_status_function(parse(text))


def test_text_around_an_expression_is_found() -> None:
    assert has_literal_text("${{ github.a }} == 'x'")
    assert has_literal_text("${{ 1 }}${{ 2 }}")
    assert not has_literal_text("${{ github.a == 'x' }}")
    assert not has_literal_text("  ${{ 1 }}\n")
    assert not has_literal_text("github.a == 'x'")


errors = [
    ("  githb.a", 3),
    (" ${{ githb.a }}", 6),
    ("1 ==", 3),
    ("${{ 1 == }}", 7),
    ("x ${{ 1", 3),
    ("${{ insert }}", 1),
    ("$a", 1),
]


@pytest.mark.parametrize(("text", "column"), errors)
def test_errors_have_their_column_in_the_whole_string(text: str, column: int) -> None:
    with pytest.raises(ExpressionError) as raised:
        parse_condition(text)
    assert raised.value.column == column


def test_what_a_condition_may_name() -> None:
    parse_condition("hashFiles('a') && env.A", availability_of("jobs.<job_id>.steps.if"))
    parse_condition("needs.a.result == 'success'", availability_of("jobs.<job_id>.if"))
    with pytest.raises(ExpressionError, match=r"'matrix' \(it cannot be used in jobs\.<job_id>\.if, which has"):
        parse_condition("matrix.os == 'linux'", availability_of("jobs.<job_id>.if"))
