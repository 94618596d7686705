"""An installation for each test: its own queue, receiver and children, on the tests' database or on a PostgreSQL that
may break."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, connections
from pytest_django.fixtures import Settings
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import Account
from common import wake
from config import env
from delivery.ledger import Scope, faults
from delivery.models import Delivery
from destinations.models import Destination
from events.models import EventBatch
from tests.factories import HTTP
from tests.faults.postgres import Postgres, binaries
from tests.faults.processes import CHILDREN_LOG, Web, Workers
from tests.faults.receiver import Receiver
from tests.servers import ValkeyProcess

# So that what a killed worker held is taken over soon.
LEASE_SECONDS = 3
LOG_LINES = 60

Environment = dict[str, str]


@pytest.fixture(scope="session")
def cluster(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Postgres]:
    """A private PostgreSQL with the product's tables."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed here (no initdb).")
    with Postgres(programs) as running:
        with django_db_blocker.unblock(), _connected_to(running.url):
            call_command("migrate", verbosity=0, interactive=False)
        yield running


@pytest.fixture
def postgres(cluster: Postgres) -> Iterator[Postgres]:
    """That PostgreSQL as the database of this test. Ask for it by `usefixtures`, so that it comes before the tables."""
    with _connected_to(cluster.url):
        yield cluster


@contextmanager
def _connected_to(url: str) -> Iterator[None]:
    """Django's connection of this thread leads elsewhere until the block ends."""
    kept = connections.settings["default"], connections["default"]
    connections.settings["default"] = connections.configure_settings({"default": env.database(url)})["default"]
    connections["default"] = connections.create_connection("default")
    try:
        yield
    finally:
        connections["default"].close()
        connections.settings["default"], connections["default"] = kept


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    server = Receiver()
    settings.DEMO, settings.DEMO_DATADOG_URL, settings.DEMO_AWS_URL = True, server.url, server.url
    yield server
    server.close()


@pytest.fixture
def queue(settings: Settings) -> Iterator[ValkeyProcess]:
    """A queue that may be killed."""
    with tempfile.TemporaryDirectory(prefix="es-q-") as directory, ValkeyProcess(Path(directory)) as running:
        settings.REDIS_URL = running.url
        wake.connection.cache_clear()
        wake._silent_until = 0.0
        yield running
    wake.connection.cache_clear()


@pytest.fixture
def environment(
    transactional_db: None, queue: ValkeyProcess, receiver: Receiver, settings: Settings
) -> Iterator[Environment]:
    """What children need to know."""
    with tempfile.TemporaryDirectory(prefix="es-data-") as directory:
        # WhiteNoise warns of a missing one.
        Path(directory, "static").mkdir()
        yield {
            "DATABASE_URL": _database_url(),
            "REDIS_URL": queue.url,
            "DATA_DIR": directory,
            "ENCRYPTION_KEYS": ",".join(settings.ENCRYPTION_KEYS),
            "SECRET_KEY": settings.SECRET_KEY,
            "DEMO": "true",
            "DEMO_DATADOG_URL": receiver.url,
            "DEMO_AWS_URL": receiver.url,
            "DEMO_AZURE_URL": receiver.url,
            "LEASE_SECONDS": str(LEASE_SECONDS),
            "LOG_LEVEL": "ERROR",
        }
        # It may have been cut; what empties the tables makes another.
        connection.close()
        # Shown beside a failure.
        for line in Path(directory, CHILDREN_LOG).read_text(errors="replace").splitlines()[-LOG_LINES:]:
            print(line)  # noqa: T201


@pytest.fixture
def workers(environment: Environment) -> Iterator[Workers]:
    running = Workers(environment)
    yield running
    running.kill()


@pytest.fixture
def web(environment: Environment) -> Iterator[Web]:
    running = Web(environment)
    yield running
    running.kill()


@pytest.fixture
def account(transactional_db: None) -> Account:
    return Account.objects.create(name="Acme Edge")


def _database_url() -> str:
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite://{given['NAME']}"
    password = f":{given['PASSWORD']}" if given["PASSWORD"] else ""
    return f"postgresql://{given['USER']}{password}@{given['HOST']}:{given['PORT']}/{given['NAME']}"


def wait_until_settled(seconds: float = 180.0) -> None:
    """Until nothing waits; the backoff of destinations is ended meanwhile, so that nobody sits it out."""
    # It may have been cut.
    connection.close()
    deadline = time.monotonic() + seconds
    while EventBatch.objects.filter(routed_at=None).exists() or Delivery.objects.waiting().exists():
        assert time.monotonic() < deadline, "Something still waits."
        Destination.objects.exclude(retry_at=None).update(retry_at=None)
        time.sleep(0.5)


def assert_nothing_is_lost(receiver: Receiver, keys: list[str], acknowledged: list[str]) -> None:
    """Each of these destinations has every event, nobody has one that was never stored, and the books close.

    An event that was stored though its publisher heard nothing is carried like any other.
    """
    stored = sum(types.get(HTTP, 0) for types in EventBatch.objects.values_list("types", flat=True))
    for key in keys:
        missing = [event_id for event_id in acknowledged if event_id not in receiver.taken[key]]
        assert missing == [], f"{len(missing)} of {len(acknowledged)} acknowledged events never came to {key}."
        assert len(receiver.taken[key]) == stored, "A repeat carries the ID that the event had."
    assert list(faults(Scope())) == []
