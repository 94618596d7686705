from hypothesis import given
from hypothesis import strategies as st
from ksuid import Ksuid

from common.ids import is_id, new_id, new_ids, short


@given(st.integers(min_value=1, max_value=9000))
def test_new_ids_are_distinct_ascending_ksuids_of_the_same_second(count: int) -> None:
    ids = new_ids("ev", count)

    assert len(set(ids)) == count
    assert ids == sorted(ids)
    assert all(is_id(each, "ev") for each in (ids[0], ids[-1]))
    first, last = (Ksuid.from_base62(each.removeprefix("ev_")) for each in (ids[0], ids[-1]))
    assert first.timestamp == last.timestamp
    assert int.from_bytes(bytes(last), "big") - int.from_bytes(bytes(first), "big") == count - 1


def test_is_id_refuses_another_prefix_and_another_shape() -> None:
    assert is_id(new_id("ed"), "ed")
    assert not is_id(new_id("ed"), "esb")
    assert not is_id("ed_short", "ed")
    assert not is_id("", "ed")


def test_short_keeps_the_prefix_and_the_end() -> None:
    assert short("ev_2u9gA1tRwE6uYiOpLkJhGfDsQpZ") == "ev_…fDsQpZ".replace("fDsQpZ", "2u9gA1tRwE6uYiOpLkJhGfDsQpZ"[-6:])
    assert short("plain") == "plain"
