"""Events to try sources on, and starting and reading a backtest."""

from typing import Any

from accounts.models import Account
from events.catalog import catalog
from subscriptions.backtest import start_backtest
from subscriptions.backtest_figures import Reading, from_json
from subscriptions.models import Backtest
from subscriptions.services import SourceSpec
from subscriptions.trial import make_trial
from tests.factories import HTTP, PORT_443, make_event


def make_events(count: int, **conn: Any) -> list[dict[str, Any]]:
    held = {"server_name": "api.acme.app", "server_port": 443, **conn}
    return [make_event(object={"conn": held, "http": {"request": {"method": "get"}}}) for _ in range(count)]


def start(account: Account, *sources: SourceSpec, **fields: Any) -> Backtest:
    return start_backtest(account=account, key="draft:1", sources=sources or (SourceSpec(HTTP, PORT_443),), **fields)


def result(run: Backtest) -> Reading:
    run.refresh_from_db()
    assert run.reading is not None
    return from_json(run.reading)


def trial(text: str = PORT_443, fields: list[str] | None = None, name: str = HTTP) -> Any:
    return make_trial(catalog()[name], text, fields, None, ())
