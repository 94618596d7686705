from hypothesis import given
from hypothesis import strategies as st

from common import bitmap


@given(st.sets(st.integers(min_value=0, max_value=2000)), st.integers(min_value=0, max_value=50))
def test_positions_come_back_as_they_were_set(chosen: set[int], spare: int) -> None:
    length = max(chosen, default=0) + 1 + spare
    bits = bitmap.from_positions(chosen, length)

    assert len(bits) == (length + 7) // 8
    assert list(bitmap.positions(bits, length)) == sorted(chosen)
    assert bitmap.count(bits) == len(chosen)
    assert {position for position in range(length + 20) if bitmap.is_set(bits, position)} == chosen
