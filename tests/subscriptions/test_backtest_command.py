"""`manage.py backtest`."""

import json
import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account
from subscriptions.models import Backtest
from tests.factories import HTTP, PORT_443, make_destination


def test_the_command_prints_the_figures(account: Account, traffic: list[str]) -> None:
    make_destination(account)
    out = StringIO()

    call_command("backtest", type=HTTP, filter=f"{PORT_443} && has(ev.conn.server_name)", window="all", stdout=out)

    printed = out.getvalue()
    assert "3 of 6 events match (50" in printed
    assert f"3 pass {PORT_443}" in printed
    assert re.search(r"Datadog EU: \d+\.\d\d USD \(as of \d{4}-\d\d-\d\d\)", printed)
    assert not Backtest.objects.exists()


def test_the_command_gives_json(account: Account, traffic: list[str]) -> None:
    out = StringIO()

    call_command("backtest", type=HTTP, filter=PORT_443, fields="conn.server_name", json=True, stdout=out)

    figures = json.loads(out.getvalue())
    assert (figures["matched"], figures["total"], figures["sources"][0]["event_type"]) == (3, 6, HTTP)
    assert figures["bytes_out"] < figures["bytes_in"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"type": "nothing.v0"}, "There is no event type"),
        ({"type": HTTP, "filter": "ev.conn.server_port = 1"}, "Line 1, column 21"),
        ({"type": HTTP, "fields": "nothing"}, "has no field"),
    ],
)
def test_the_command_refuses_bad_input(account: Account, options: dict[str, str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        call_command("backtest", **options)
