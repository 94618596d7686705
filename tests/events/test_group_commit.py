"""Items that arrive together share a commit, and its failure."""

import threading
from collections.abc import Sequence

import pytest
from django.db import DataError, Error, OperationalError, connections

from events.group_commit import GroupCommit

PATIENCE_SECONDS = 30.0

pytestmark = pytest.mark.django_db(transaction=True)


class Saver:
    """Keeps the first item busy until all others have gathered behind it; what holds `bad` fails with `error`."""

    def __init__(self, error: Error, *, others: int) -> None:
        self.saved: list[Sequence[str]] = []
        self._error = error
        self._others = others
        self.group = GroupCommit[str](self.save)

    def save(self, items: Sequence[str]) -> None:
        self.saved.append(items)
        if items == ["first"]:
            gathered = threading.Event()
            while len(self.group._waiting) < self._others:
                assert not gathered.wait(0.01)
        if "bad" in items:
            raise self._error

    def commit_together(self, items: Sequence[str]) -> dict[str, Error | None]:
        """What each item met; the first one leads."""
        met: dict[str, Error | None] = {}

        def commit(item: str) -> None:
            try:
                self.group.commit(item)
                met[item] = None
            except Error as error:
                met[item] = error
            finally:
                connections.close_all()

        threads = [threading.Thread(target=commit, args=(item,)) for item in items]
        threads[0].start()
        while not self.saved:
            threads[0].join(0.01)
        for thread in threads[1:]:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        return met


def test_one_bad_item_fails_no_other() -> None:
    error = DataError("Not storable.")
    saver = Saver(error, others=2)

    assert saver.commit_together(["first", "bad", "good"]) == {"first": None, "bad": error, "good": None}


def test_a_database_that_goes_fails_all_of_the_group_and_nothing_is_tried_again() -> None:
    """It may have committed before it went, and events must not be stored twice."""
    error = OperationalError("The connection was lost.")
    saver = Saver(error, others=2)

    assert saver.commit_together(["first", "bad", "good"]) == {"first": None, "bad": error, "good": error}
    assert len(saver.saved) == 2
