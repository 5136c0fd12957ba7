"""Names and values that people hand to a local run."""

from __future__ import annotations

import pytest

from services.cli.local import options
from services.cli.outcome import Usage

BYTES = "\udcffabc"
"""How Python shows the byte 0xFF of an argument or a variable."""


def test_what_is_no_text_is_refused_by_name_and_never_shown() -> None:
    with pytest.raises(Usage, match="--var V: the value is not UTF-8"):
        options.pairs("--var", [f"V={BYTES}"])
    with pytest.raises(Usage, match="--matrix 'k': the value is not UTF-8"):
        options.matrix_filter([f"k:{BYTES}"])
    with pytest.raises(Usage, match="--secret S: the value is not UTF-8") as refused:
        options.secrets(["S"], None, {"S": BYTES})
    assert "abc" not in str(refused.value)


def test_text_of_any_script_is_a_value() -> None:
    assert options.pairs("--var", ["V=𝄞 ü=x"]) == {"V": "𝄞 ü=x"}
