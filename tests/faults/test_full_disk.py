"""A disk that is full and a database that is locked, under processes that know nothing of it."""

import resource
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.db import connection

from accounts.models import Account
from tests.factories import make_api_key, make_destination, make_event, make_subscription
from tests.faults.conftest import assert_nothing_is_lost, wait_until_settled
from tests.faults.processes import Publishers, Web, Workers
from tests.faults.receiver import Receiver

KEY = f"{1:032x}"
MANY_REQUESTS = 200

pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="The disk of a PostgreSQL server is its own.")


@pytest.fixture
def token(account: Account) -> str:
    make_subscription(account, make_destination(account, secrets={"api_key": KEY}))
    return make_api_key(account)


@contextmanager
def full_disk(pids: list[int]) -> Iterator[None]:
    """No file of these processes may grow past what the database has now, as if the disk had no room for more."""
    path = Path(str(connection.settings_dict["NAME"]))
    size = max(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    for pid, (_, hard) in limits.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    yield
    for pid, limit in limits.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)


@pytest.mark.slow
def test_a_full_disk_refuses_with_503_and_loses_nothing(
    token: str, web: Web, workers: Workers, receiver: Receiver
) -> None:
    """Random text, which does not shrink when it is stored."""
    big = make_event(object={"padding": secrets.token_hex(100_000)})
    publishers = Publishers(web, token, big)

    with full_disk([*web.pids(), *workers.pids()]):
        for _ in range(MANY_REQUESTS):
            if publishers.publish(5) != 202:
                break
    assert publishers.refused == [503]

    assert publishers.publish(5) == 202
    wait_until_settled()
    assert_nothing_is_lost(receiver, [KEY], publishers.acknowledged)


@pytest.mark.proof
def test_a_locked_database_refuses_with_503_and_loses_nothing(
    token: str, web: Web, workers: Workers, receiver: Receiver
) -> None:
    """Each request waits for the lock for 20 s."""
    publishers = Publishers(web, token, make_event())
    publishers.publish(10)

    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        publishers.publish(10)
        publishers.publish(1)
        other.execute("ROLLBACK")
    assert publishers.refused == [503, 503]

    assert publishers.publish(10) == 202
    wait_until_settled()
    assert_nothing_is_lost(receiver, [KEY], publishers.acknowledged)
