"""The list of packages is what the tests of this folder look for: `.ci` installs from it."""

from __future__ import annotations

from tests.contract.infra.programs import PACKAGES, ROOT


def test_every_program_that_a_test_may_skip_for_is_in_the_list_of_packages() -> None:
    lines = (ROOT / "infra" / "ci-packages.txt").read_text().splitlines()
    listed = {line for line in lines if line and not line.startswith("#")}
    assert set(PACKAGES.values()) <= listed
