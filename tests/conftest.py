"""Services and people that many tests need."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client
from pytest_django.fixtures import Settings
from redis import Redis

from accounts.models import Account, Role, User
from common import wake
from destinations.models import Destination
from subscriptions.models import Subscription
from tests import factories
from tests.carrying import carry, datadog, held  # noqa: F401 - fixtures
from tests.emulated import aws_url, azure_url, datadog_url, receiver  # noqa: F401 - fixtures
from tests.factories import BACKEND
from tests.servers import ValkeyProcess


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Each run has a database of its own; on SQLite a file, so that threads and processes can share it."""
    if settings.EMBEDDED:
        connections["default"].settings_dict["TEST"]["NAME"] = str(Path(settings.DATA_DIR) / "test.sqlite3")


@pytest.fixture(autouse=True)
def _quick_settings(settings: Settings) -> None:
    """Pages are rendered without collecting static files first, and passwords hashed without slowing down guessers."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture(scope="session")
def queue_server() -> Iterator[str]:
    """The URL of a real Redis or Valkey: TEST_REDIS_URL, else a Valkey child."""
    if url := os.environ.get("TEST_REDIS_URL"):
        yield url
        return
    with ValkeyProcess(Path(settings.DATA_DIR)) as server:
        yield server.url


@pytest.fixture
def redis(queue_server: str) -> Iterator["Redis"]:
    """An empty queue."""
    client = Redis.from_url(queue_server)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def waking(redis: "Redis", queue_server: str, settings: Settings) -> Iterator[None]:
    """Whoever is woken is woken over that queue."""
    settings.REDIS_URL = queue_server
    wake.connection.cache_clear()
    wake._silent_until = 0.0
    yield
    wake.connection.cache_clear()


@pytest.fixture
def account(db: None) -> Account:
    return factories.make_account(name="Acme Edge")


@pytest.fixture
def destination(account: Account) -> Destination:
    return factories.make_destination(account)


@pytest.fixture
def subscription(account: Account, destination: Destination) -> Subscription:
    """Of all requests, to the one destination."""
    return factories.make_subscription(account, destination)


@pytest.fixture
def listening(destination: Destination, subscription: Subscription) -> Destination:
    """The destination with that subscription."""
    return destination


@pytest.fixture
def owner(account: Account) -> User:
    return factories.make_member(account, "olivia@acme.example", Role.OWNER)


@pytest.fixture
def viewer(account: Account) -> User:
    return factories.make_member(account, "victor@acme.example", Role.VIEWER)


@pytest.fixture
def stranger(db: None) -> User:
    """Signed in, but in another account."""
    return factories.make_member(factories.make_account(name="Other"), "sam@other.example", Role.OWNER)


@pytest.fixture
def owner_client(owner: User) -> Client:
    return _client(owner)


@pytest.fixture
def viewer_client(viewer: User) -> Client:
    return _client(viewer)


@pytest.fixture
def stranger_client(stranger: User) -> Client:
    return _client(stranger)


def _client(user: User) -> Client:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client
