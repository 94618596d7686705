"""Items that come together share a commit, and nobody bears another's error."""

import threading
from collections.abc import Callable, Sequence

import pytest
from django.db import OperationalError, connections

from events.group_commit import GATHER_SECONDS, GroupCommit

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_SECONDS = 20


class Saving:
    """Stands for the database: holds the first group until `gathered` others wait behind it."""

    def __init__(self, gathered: int, fails: Callable[[Sequence[str]], Exception | None]) -> None:
        self.groups: list[Sequence[str]] = []
        self._fails = fails
        self._gathered = gathered
        self.commits = GroupCommit[str, str](self._save, max_items=100)
        self._is_first = True

    def _save(self, items: Sequence[str]) -> list[str]:
        if self._is_first:
            self._is_first = False
            self._await_the_others()
        self.groups.append(items)
        if (error := self._fails(items)) is not None:
            raise error
        return [item.upper() for item in items]

    def _await_the_others(self) -> None:
        tick = threading.Event()
        for _ in range(PATIENCE_SECONDS * 100):
            if len(self.commits._waiting) == self._gathered:
                return
            tick.wait(0.01)
        raise AssertionError("The others did not come.")


def commit_together(saving: Saving, items: Sequence[str]) -> dict[str, str | Exception]:
    """What each item came to; the first one leads alone."""
    found: dict[str, str | Exception] = {}

    def commit(item: str) -> None:
        try:
            found[item] = saving.commits.commit(item)
        except (ValueError, OperationalError) as error:
            found[item] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=commit, args=(item,)) for item in items]
    threads[0].start()
    while saving._is_first:
        threading.Event().wait(0.005)
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    return found


def test_those_that_come_during_a_commit_share_the_next_one() -> None:
    saving = Saving(3, fails=lambda _: None)

    found = commit_together(saving, ["a", "b", "c", "d"])

    assert found == {"a": "A", "b": "B", "c": "C", "d": "D"}
    assert [sorted(group) for group in saving.groups] == [["a"], ["b", "c", "d"]]


def test_a_bad_neighbour_fails_nobody_else() -> None:
    saving = Saving(3, fails=lambda items: ValueError("bad") if "c" in items else None)

    found = commit_together(saving, ["a", "b", "c", "d"])

    assert isinstance(found.pop("c"), ValueError)
    assert found == {"a": "A", "b": "B", "d": "D"}


def test_a_database_that_is_gone_is_asked_once_for_all() -> None:
    saving = Saving(3, fails=lambda items: OperationalError("gone") if len(items) > 1 else None)

    found = commit_together(saving, ["a", "b", "c", "d"])

    assert found.pop("a") == "A"
    assert [type(error) for error in found.values()] == [OperationalError] * 3
    assert len(saving.groups) == 2


def test_the_next_one_is_committed_after_a_failure() -> None:
    saving = Saving(0, fails=lambda items: ValueError("bad") if "a" in items else None)

    assert isinstance(commit_together(saving, ["a"])["a"], ValueError)
    assert saving.commits.commit("b") == "B"


def test_only_the_first_after_a_group_waits_for_company(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were answered together send their next requests together; who has come alone commits at once."""
    saving = Saving(3, fails=lambda _: None)
    waits: list[float] = []
    monkeypatch.setattr("events.group_commit.time.sleep", waits.append)

    commit_together(saving, ["a", "b", "c", "d"])
    waits.clear()
    saving.commits.commit("e")
    assert waits == [GATHER_SECONDS]
    saving.commits.commit("f")
    assert waits == [GATHER_SECONDS]


def test_a_connection_that_cannot_be_closed_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    saving = Saving(0, fails=lambda _: None)

    def fail() -> None:
        raise OperationalError("closing failed")

    with monkeypatch.context() as broken:
        broken.setattr("events.group_commit.close_old_connections", fail)
        with pytest.raises(OperationalError):
            saving.commits.commit("a")

    found = commit_together(saving, ["b"])
    assert found == {"b": "B"}
