import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from config import env

pytestmark = pytest.mark.django_db


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Another process's connection to the same file."""
    connection = sqlite3.connect(tmp_path / "db", isolation_level=None, check_same_thread=False)
    connection.execute("CREATE TABLE note (text TEXT)")
    connection.execute("PRAGMA journal_mode=WAL")
    yield connection
    connection.close()


@pytest.fixture
def waiter(tmp_path: Path) -> Iterator[BaseDatabaseWrapper]:
    connection: BaseDatabaseWrapper = ConnectionHandler({"default": env.sqlite(tmp_path / "db")})["default"]
    yield connection
    connection.close()


def write(connection: BaseDatabaseWrapper) -> None:
    connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO note VALUES ('kept')")
    connection.commit()
    connection.set_autocommit(True)


def test_a_transaction_waits_until_another_process_has_committed(
    holder: sqlite3.Connection, waiter: BaseDatabaseWrapper
) -> None:
    holder.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, holder.execute, ["COMMIT"])
    release.start()

    write(waiter)

    release.join()
    assert holder.execute("SELECT text FROM note").fetchall() == [("kept",)]


def test_a_transaction_gives_up_when_the_lock_stays_taken(
    holder: sqlite3.Connection, waiter: BaseDatabaseWrapper
) -> None:
    waiter.settings_dict["OPTIONS"]["timeout"] = 0.05
    holder.execute("BEGIN IMMEDIATE")

    with pytest.raises(OperationalError, match="locked"):
        write(waiter)


def test_other_statements_still_wait_as_long_as_configured(
    holder: sqlite3.Connection, waiter: BaseDatabaseWrapper
) -> None:
    write(waiter)

    with waiter.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        assert cursor.fetchone() == (20_000,)
