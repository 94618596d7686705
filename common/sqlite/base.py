"""Django's SQLite backend, waiting for the write lock in short steps.

SQLite's own wait sleeps longer each time, up to 0.1 s, while the lock comes free and is taken again: with a web process
and several workers it stood unused more than half of the time. Only BEGIN waits here; what SQLite waits for otherwise
is rare and stays its own.
"""

import sqlite3
import time
from typing import Any, cast

from django.db import OperationalError
from django.db.backends.sqlite3 import base

STEP_SECONDS = 0.001


class DatabaseWrapper(base.DatabaseWrapper):
    def _start_transaction_under_autocommit(self) -> None:
        """Raises OperationalError when the lock does not come free within OPTIONS["timeout"]."""
        patience = float(self.settings_dict["OPTIONS"].get("timeout", 5))
        deadline = time.monotonic() + patience
        self._let_sqlite_wait(0)
        try:
            while not self._has_begun(deadline):
                time.sleep(STEP_SECONDS)
        finally:
            self._let_sqlite_wait(patience)

    def _has_begun(self, deadline: float) -> bool:
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except OperationalError as error:
            cause = cast("sqlite3.OperationalError", error.__cause__)
            if cause.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            return False
        return True

    def _let_sqlite_wait(self, seconds: float) -> None:
        connection: Any = self.connection
        connection.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
