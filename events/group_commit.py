"""Requests that arrive together share one commit; each is answered after it.

A commit costs a disk flush whatever it holds. The first thread to arrive leads: it commits everything that has
gathered, then hands the lead to the first of those that came meanwhile. Each thread waits at a lock of its own, so
that it is woken once, when its item is committed or it is to lead.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections, transaction

# A leader waits so long for more company while groups follow each other; who comes alone commits at once.
GATHER_SECONDS = 0.003
# Those that were just answered send their next requests within this time: the first of them does not come alone.
COMPANY_SECONDS = 0.02

T = TypeVar("T")
R = TypeVar("R")


class _Waiting(Generic[T, R]):
    __slots__ = ("_asleep", "error", "is_done", "item", "result")

    def __init__(self, item: T) -> None:
        self.item = item
        self.result: R | None = None
        self.error: BaseException | None = None
        self.is_done = False
        self._asleep = threading.Lock()
        self._asleep.acquire()

    def wait(self) -> None:
        self._asleep.acquire()

    def wake(self) -> None:
        self._asleep.release()


class GroupCommit(Generic[T, R]):
    """`save` stores a group inside a transaction and returns the result of each item, in order."""

    def __init__(self, save: Callable[[Sequence[T]], Sequence[R]], *, max_items: int) -> None:
        self._save = save
        self._max_items = max_items
        self._waiting: list[_Waiting[T, R]] = []
        self._lock = threading.Lock()
        self._is_led = False
        self._company_until = 0.0

    def commit(self, item: T) -> R:
        """Return the item's result when it is committed; raise what its own commit raised."""
        mine: _Waiting[T, R] = _Waiting(item)
        with self._lock:
            self._waiting.append(mine)
            follows, self._is_led = self._is_led, True
        if follows:
            mine.wait()
        if not mine.is_done:
            if follows or time.monotonic() < self._company_until:
                time.sleep(GATHER_SECONDS)
            self._lead()
        if mine.error is not None:
            raise mine.error
        return mine.result  # type: ignore[return-value]

    def _lead(self) -> None:
        """Commit the group that has gathered, of which this thread's item is the first."""
        with self._lock:
            group, self._waiting = self._waiting[: self._max_items], self._waiting[self._max_items :]
        try:
            # As Django does before and after each request.
            close_old_connections()
            try:
                self._commit_group(group)
            finally:
                close_old_connections()
        finally:
            # Whatever happened: a group without a leader would wait for ever, and everybody after it.
            self._hand_over(group)

    def _hand_over(self, group: Sequence[_Waiting[T, R]]) -> None:
        with self._lock:
            successor = self._waiting[0] if self._waiting else None
            self._is_led = successor is not None
            self._company_until = time.monotonic() + COMPANY_SECONDS if len(group) > 1 else 0.0
        if successor is not None:
            successor.wake()
        for member in group:
            member.is_done = True
        for follower in group[1:]:
            follower.wake()

    def _commit_group(self, group: Sequence[_Waiting[T, R]]) -> None:
        try:
            with transaction.atomic():
                results = self._save([member.item for member in group])
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes to the threads it belongs to
            # A database that cannot be written to is nobody's fault, and asking it again for each takes its time-out.
            if len(group) == 1 or isinstance(error, OperationalError | InterfaceError):
                for member in group:
                    member.error = error
                return
            # One bad neighbour fails nobody else: each tries alone and bears its own error.
            for member in group:
                self._commit_group([member])
            return
        for member, result in zip(group, results, strict=True):
            member.result = result
