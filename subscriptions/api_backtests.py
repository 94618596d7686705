"""Trying sources on the account's stored events, through the API: a run to poll."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from ninja import Router, Schema

from accounts.authentication import APIRequest, account_key
from common.api import APIError, refuse
from common.api_schemas import Input, shown_time
from common.ids import is_id
from subscriptions.api_bodies import refusal, wanted_source
from subscriptions.backtest import start_backtest
from subscriptions.models import Backtest
from subscriptions.schemas import EventSourceReplace

router = Router(tags=["EventBacktests"], auth=account_key)


class EventBacktestCreate(Input):
    """`window` is 1h, 24h or all."""

    sources: list[EventSourceReplace] | None = None
    window: str | None = None


class EventBacktest(Schema):
    """`state` is queued, running, done, cancelled or failed; `reading` has the figures so far."""

    id: str
    uri: str
    created_at: str
    state: str
    window: str
    reading: dict[str, Any] | None


def backtest_resource(run: Backtest) -> dict[str, Any]:
    return {
        "id": run.pk,
        "uri": f"{settings.API_URL}/event_backtests/{run.pk}",
        "created_at": shown_time(run.created_at),
        "state": run.state,
        "window": run.window,
        "reading": run.reading,
    }


@router.post(
    "/event_backtests",
    response={202: EventBacktest},
    operation_id="EventBacktestsCreate",
    summary="Try sources on stored events",
)
def create(request: APIRequest, payload: EventBacktestCreate | None = None) -> dict[str, Any]:
    """How many stored events the sources would take, and how large the records would be. Nothing is sent.

    A newer run by the same key cancels the older one. Poll the answer's uri.
    """
    given = payload or EventBacktestCreate()
    window = given.window or Backtest.Window.DAY
    if window not in Backtest.Window.values:
        raise refuse(215, f"window {window[:20]!r} is not known. Give one of {', '.join(Backtest.Window.values)}.")
    if not given.sources:
        raise refuse(215, "sources is missing. Give at least one, such as the type http_request_complete.v0.")
    try:
        run = start_backtest(
            account=request.auth.account,
            key=f"api {request.auth.key.pk}",
            sources=[wanted_source(each) for each in given.sources],
            window=window,
        )
    except ValidationError as error:
        raise refusal(error) from None
    return backtest_resource(run)


@router.get("/event_backtests/{id}", response=EventBacktest, operation_id="EventBacktestsGet", summary="Get a backtest")
def get(request: APIRequest, id: str) -> dict[str, Any]:  # noqa: A002
    """A run is kept for an hour."""
    found = Backtest.objects.filter(account=request.auth.account, pk=id).first() if is_id(id, "bt") else None
    if found is None:
        message = f"There is no backtest {id[:60]!r} in this account. POST /event_backtests makes one."
        raise APIError(404, HTTPStatus.NOT_FOUND, message)
    return backtest_resource(found)
