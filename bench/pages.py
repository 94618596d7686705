"""How long each page takes with a large account: `python -m bench.pages --database postgresql://…/events_pages`.

The database is made and filled when it does not exist (see bench/large_account.py), and used as it is when it does.
Every page of tests/world.py is asked for, the lists also sorted, filtered and searched, and the admin's change lists.
A page counts as its server sees it: the time from request to answer in one process, without the network. `cpu` is that
of this process and of its back end of PostgreSQL.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

TICKS = os.sysconf("SC_CLK_TCK")
OK = 200
# What a page may take at p95.
BUDGET_MS = 100
# Any: the same for the run that fills the database and those that read it.
KEY = "A" * 43 + "="
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@dataclass(frozen=True, slots=True)
class Figure:
    """Milliseconds; `queries` is how many a request made."""

    name: str
    p50: float
    p95: float
    cpu: float
    database_cpu: float
    queries: int
    bytes: int


def prepare(url: str) -> bool:
    """Make the database; whether it is new."""
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return False
        connection.execute(f'CREATE DATABASE "{name}"')
    return True


def configure(url: str) -> None:
    data = Path(tempfile.mkdtemp(prefix="es-bench-"))
    (data / "static").mkdir()
    os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")
    os.environ.update({"DATA_DIR": str(data), "DATABASE_URL": url, "DEMO": "false", "LOG_LEVEL": "CRITICAL"})
    os.environ.update({"DJANGO_SETTINGS_MODULE": "config.settings", "SECRET_KEY": "bench", "ENCRYPTION_KEYS": KEY})
    import django
    from django.conf import settings
    from django.core.management import call_command

    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.ALLOWED_HOSTS = ["testserver"]
    django.setup()
    call_command("migrate", verbosity=0)


def addresses(account: Any) -> Iterator[tuple[str, str]]:
    """Name and address of all pages that are read."""
    from django.urls import reverse

    from destinations.models import Destination
    from tests.world import PAGES

    world = _busy_world(account)
    for name, route in PAGES:
        yield name, reverse(name, kwargs=world.arguments(name, route))
    blocked = Destination.objects.get(account=account, description="Destination 0001")
    yield from _lists()
    yield from _of_destinations(blocked.pk, world.destination.pk)
    yield from _deliveries_and_events(world)


def _busy_world(account: Any) -> Any:
    """With the largest of everything in the place of what is new."""
    from delivery.models import DeadLetter, Delivery
    from destinations.models import Destination
    from subscriptions.models import Subscription
    from tests.world import make_world

    busy = Destination.objects.get(account=account, description="Destination 0000")
    subscription = Subscription.objects.get(account=account, description="Edge 0000")
    old = Delivery.objects.filter(destination=busy).order_by("pk")[1000]
    return replace(
        make_world(account),
        destination=busy,
        subscription=subscription,
        delivery=old,
        letter=DeadLetter.objects.filter(account=account).earliest("pk"),
    )


def _lists() -> Iterator[tuple[str, str]]:
    """In other ranges and orders, searched and filtered."""
    yield from (
        ("overview, 1 h", "/?range=1h"),
        ("overview, 7 d", "/?range=7d"),
        ("subscriptions by matched", "/subscriptions/?sort=-matched"),
        ("subscriptions by last delivered", "/subscriptions/?sort=-delivered"),
        ("subscriptions, searched", "/subscriptions/?q=0999"),
        ("subscriptions, last page", "/subscriptions/?page=20"),
        ("destinations, searched", "/destinations/?q=0999"),
        ("destinations, blocked", "/destinations/?state=blocked"),
        ("dead letters of a reason", "/dead-letters/?reason=413"),
        ("dead letters of a reason to replay", "/dead-letters/replay/?reason=413"),
        ("find by name", "/find/?q=edge"),
    )


def _of_destinations(blocked: str, busy: str) -> Iterator[tuple[str, str]]:
    yield from (
        ("blocked destination, 7 d", f"/destinations/{blocked}/?range=7d"),
        ("blocked destination, resume", f"/destinations/{blocked}/resume/"),
        ("blocked destination, delete", f"/destinations/{blocked}/delete/"),
        ("busy destination, 7 d", f"/destinations/{busy}/?range=7d"),
    )


def _deliveries_and_events(world: Any) -> Iterator[tuple[str, str]]:
    old = world.delivery
    yield from (
        ("deliveries that wait", "/deliveries/?state=waiting"),
        ("deliveries that are held", "/deliveries/?state=held"),
        ("deliveries that are retried", "/deliveries/?state=retrying"),
        ("deliveries with refused records", "/deliveries/?state=refused"),
        ("deliveries that were moved", "/deliveries/?state=moved"),
        ("deliveries of a subscription, moved", f"/deliveries/?state=moved&subscription={world.subscription.pk}"),
        ("deliveries of a destination, dead", f"/deliveries/?state=dead&destination={world.destination.pk}"),
        ("deliveries of an event", f"/deliveries/?q={world.letter.event_id}"),
        ("deliveries of a request", f"/deliveries/?q=request-{old.pk}"),
        ("deliveries of a day", f"/deliveries/?from={old.routed_at:%Y-%m-%dT00:00}&to={old.routed_at:%Y-%m-%dT23:59}"),
        ("deliveries, far back", f"/deliveries/?before={old.pk}"),
        ("old event", f"/events/{world.letter.event_id}/"),
        ("find an event", f"/find/?q={world.event}"),
    )


def staff_addresses(account: Any) -> Iterator[tuple[str, str]]:
    """Each change list, its filters, a search, and one object."""
    from django.contrib import admin
    from django.urls import reverse

    for model in admin.site._registry:  # noqa: SLF001 - there is no other way
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        if model._meta.app_label not in {"accounts", "events", "destinations", "subscriptions", "delivery"}:
            continue
        listed = reverse(f"{name}_changelist")
        yield f"admin: {model.__name__}", listed
        yield f"admin: {model.__name__}, searched", f"{listed}?q={account.pk}"
        if found := model._default_manager.order_by("-pk").first():
            yield f"admin: {model.__name__}, one", reverse(f"{name}_change", args=[found.pk])
    deliveries = reverse("admin:delivery_delivery_changelist")
    for state in ("waiting", "dead", "moved"):
        yield f"admin: Delivery, {state}", f"{deliveries}?state__exact={state}"
    yield "admin: EventBatch, not routed", f"{reverse('admin:events_eventbatch_changelist')}?routed_at__isempty=1"
    yield "admin: RoutedBatch, undecided", f"{reverse('admin:delivery_routedbatch_changelist')}?is_undecided__exact=1"
    yield "admin: Attempt, of a request", f"{reverse('admin:delivery_attempt_changelist')}?q=request-5003"
    yield "admin: Attempt, refused", f"{reverse('admin:delivery_attempt_changelist')}?outcome=refused"


def measure(client: Any, name: str, address: str, repeats: int) -> Figure | None:
    """Nothing for what is not a page: an address that wants a POST, or leads elsewhere."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    if answer.status_code != OK:
        return None
    made, size = (
        len(queries),
        sum(len(part) for part in answer.streaming_content) if answer.streaming else len(answer.content),
    )
    connection.queries_log.clear()
    took, cpu, database_cpu = [], time.process_time(), _cpu_of_back_end()
    for _ in range(repeats):
        began = time.perf_counter()
        answer = client.get(address)
        _ = b"".join(answer.streaming_content) if answer.streaming else answer.content
        took.append((time.perf_counter() - began) * 1000)
    cpu, database_cpu = time.process_time() - cpu, _cpu_of_back_end() - database_cpu
    took.sort()
    p95 = took[max(0, -(-len(took) * 95 // 100) - 1)]
    mean = 1000 / repeats
    return Figure(name, statistics.median(took), p95, cpu * mean, database_cpu * mean, made, size)


def _cpu_of_back_end() -> float:
    from django.db import connection

    pid = connection.connection.info.backend_pid
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def figures(repeats: int, only: str) -> Iterator[Figure]:
    from django.db import connection
    from django.test import Client

    from accounts.models import Account, User

    account = Account.objects.get(name="Large")
    with connection.cursor() as cursor:
        # Helpers are processes of their own, whose CPU would not be counted.
        cursor.execute("SET max_parallel_workers_per_gather = 0")
    for email, pages in (
        ("owner@example.com", addresses(account)),
        ("staff@example.com", staff_addresses(account)),
    ):
        client = Client()
        client.force_login(User.objects.get(email=email), backend=BACKEND)
        for name, address in pages:
            if only in name and (figure := measure(client, name, address, repeats)):
                yield figure


def main() -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True, help="on a server where databases may be made, on this machine")
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--only", default="", help="pages whose name has this")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    is_new = prepare(options.database)
    configure(options.database)
    if is_new:
        from bench.large_account import seed

        seed()
    from django.db import transaction

    with transaction.atomic():
        found = report(options.repeats, options.only)
        # What the pages of tests/world.py need is not left behind.
        transaction.set_rollback(True)
    slow = [each.name for each in found if each.p95 > BUDGET_MS]
    sys.stdout.write(f"{len(found)} pages; over {BUDGET_MS} ms at p95: {', '.join(slow) or 'none'}\n")
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in found], indent=2))
    return 1 if slow else 0


def report(repeats: int, only: str) -> list[Figure]:
    found = []
    sys.stdout.write(f"{'page':45} {'p50':>7} {'p95':>7} {'cpu':>7} {'db cpu':>7} {'queries':>8} {'bytes':>9}\n")
    for each in figures(repeats, only):
        found.append(each)
        times = " ".join(f"{value:7.1f}" for value in (each.p50, each.p95, each.cpu, each.database_cpu))
        sys.stdout.write(f"{each.name:45} {times} {each.queries:8} {each.bytes:9,}\n")
        sys.stdout.flush()
    return found


if __name__ == "__main__":
    sys.exit(main())
