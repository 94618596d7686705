"""Requests that arrive together share one commit; each is answered after it.

A commit costs a disk flush whatever it holds. The first thread to arrive becomes the leader and
commits everything that has gathered; while it does, the next ones gather behind it.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from django.db import InterfaceError, OperationalError, transaction

T = TypeVar("T")


class _Waiting(Generic[T]):
    __slots__ = ("done", "error", "item")

    def __init__(self, item: T) -> None:
        self.item = item
        self.done = False
        self.error: BaseException | None = None


class GroupCommit(Generic[T]):
    def __init__(self, save: Callable[[Sequence[T]], None], *, max_items: int = 200) -> None:
        self._save = save
        self._max_items = max_items
        self._waiting: list[_Waiting[T]] = []
        self._condition = threading.Condition()
        self._leading = False

    def commit(self, item: T) -> None:
        """Return when `item` is committed; raise what its own commit raised."""
        mine = _Waiting(item)
        with self._condition:
            self._waiting.append(mine)
            while self._leading and not mine.done:
                self._condition.wait()
            if mine.done:
                return self._finish(mine)
            self._leading = True
            group, self._waiting = self._waiting[: self._max_items], self._waiting[self._max_items :]
        try:
            self._commit_group(group)
        finally:
            with self._condition:
                for member in group:
                    member.done = True
                self._leading = False
                self._condition.notify_all()
        return self._finish(mine)

    @staticmethod
    def _finish(mine: _Waiting[T]) -> None:
        if mine.error is not None:
            raise mine.error

    def _commit_group(self, group: list[_Waiting[T]]) -> None:
        try:
            with transaction.atomic():
                self._save([member.item for member in group])
        except (OperationalError, InterfaceError) as error:
            # The database is gone, full or locked. Nobody tries again: it may have committed before it went.
            for member in group:
                member.error = error
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes to the thread it belongs to
            if len(group) == 1:
                group[0].error = error
                return
            # One bad neighbour fails nobody else: each tries alone and bears its own error.
            for member in group:
                self._commit_group([member])
