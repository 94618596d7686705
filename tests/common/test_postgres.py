"""Times as PostgreSQL writes them, by our own loader."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from psycopg import DataError, adapters
from psycopg.pq import Format

from common.postgres import TimeLoader

needs_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no loaders.")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"2026-11-28 19:42:01.622064+00", datetime(2026, 11, 28, 19, 42, 1, 622_064, UTC)),
        (b"2026-11-28 19:42:01.6+00", datetime(2026, 11, 28, 19, 42, 1, 600_000, UTC)),
        (b"0001-01-01 00:00:00+00", datetime(1, 1, 1, tzinfo=UTC)),
        (b"2026-11-28 19:42:01+05:30", datetime(2026, 11, 28, 14, 12, 1, tzinfo=UTC)),
        (memoryview(b"2026-11-28 19:42:01+00"), datetime(2026, 11, 28, 19, 42, 1, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_utc(written: bytes, read: datetime) -> None:
    loaded = TimeLoader(0).load(written)

    assert (loaded, loaded.tzinfo) == (read, UTC)


def test_a_time_that_python_does_not_have_is_an_error_of_the_data() -> None:
    with pytest.raises(DataError):
        TimeLoader(0).load(b"infinity")


@needs_postgresql
def test_connections_read_times_by_it(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT '2026-11-28 19:42:01.5+00'::timestamptz")
        (read,) = cursor.fetchone()
        loader = cursor.cursor.adapters.get_loader(adapters.types["timestamptz"].oid, Format.TEXT)

    assert read == datetime(2026, 11, 28, 19, 42, 1, 500_000, UTC)
    assert loader is TimeLoader
