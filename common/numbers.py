"""Numbers that come as text from outside: in addresses, forms and cursors."""

# So many fit into the column of an integer, and into that of a key.
INTEGER_DIGITS, KEY_DIGITS = 9, 18


def read_number(text: str | None, digits: int) -> int | None:
    """A whole number of at most so many digits; None for anything else."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= digits else None
