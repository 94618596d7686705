"""Numbers that come as text from outside."""

import pytest

from common.numbers import INTEGER_DIGITS, KEY_DIGITS, read_number


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("042", 42), ("9" * 9, 999_999_999)])
def test_whole_numbers_are_read(text: str, number: int) -> None:
    assert read_number(text, INTEGER_DIGITS) == number


@pytest.mark.parametrize("text", ["1" * 10, "-1", "1.0", " 1", "\N{ARABIC-INDIC DIGIT THREE}", "", None])
def test_anything_else_is_none(text: str | None) -> None:
    assert read_number(text, INTEGER_DIGITS) is None


def test_no_number_is_too_large_for_its_column() -> None:
    assert (read_number("9" * INTEGER_DIGITS, INTEGER_DIGITS) or 0) < 2**31
    assert (read_number("9" * KEY_DIGITS, KEY_DIGITS) or 0) < 2**63
