"""Backtest: what an unsaved set of sources would have taken from the account's stored events.

A run goes to the `interactive` queue and saves its figures as they come (subscriptions/measuring.py makes them); a
newer run for the same thing cancels the older.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Account
from common import wake
from destinations.models import Destination
from events.catalog import catalog
from events.filters.conditions import Group, to_json
from events.filters.conditions import from_json as group_from_json
from subscriptions.backtest_figures import Reading
from subscriptions.measuring import WINDOWS, Budget, measure
from subscriptions.models import Backtest
from subscriptions.pricing import PricedDestination, priced
from subscriptions.services import SourceSpec
from subscriptions.trial import Trial, make_trial
from subscriptions.validation import check_sources

log = structlog.get_logger(__name__)

KEPT = timedelta(hours=1)
# The filter of a type that is no source yet.
TAKES_NOTHING = "false"
# A run without a sign of life for this long has lost its worker.
LOST_AFTER = timedelta(seconds=20)


@transaction.atomic
def start_backtest(  # noqa: PLR0913
    *,
    account: Account,
    key: str,
    sources: Sequence[SourceSpec],
    window: str = Backtest.Window.DAY,
    destinations: Sequence[Destination] = (),
    conditions: Mapping[str, Group] | None = None,
    saved: Mapping[str, str] | None = None,
) -> Backtest:
    """Hand a run to the workers and cancel what still runs for the same `key`.

    `conditions` are those of a source by event type, for the figures of each alone; they may hold ones that are not
    valid yet. `saved` has the filters in force by event type, to compare with. Raises ValidationError for sources
    that could not be saved.
    """
    if not sources:
        raise ValidationError("Choose at least one source: without one there is nothing to try.")
    check_sources(sources)
    if window not in WINDOWS:
        raise ValidationError(f"There is no window {window}: choose 1h, 24h or all.")
    now = timezone.now()
    Backtest.objects.filter(created_at__lt=now - KEPT).delete()
    older = Backtest.objects.filter(account=account, key=key, finished_at=None)
    older.update(state=Backtest.State.CANCELLED, finished_at=now)
    run = Backtest.objects.create(
        account=account,
        key=key,
        window=window,
        sources=[_source_json(spec, conditions or {}, saved) for spec in sources],
        destinations=[destination.pk for destination in destinations],
    )
    wake.backtest(run.pk)
    return run


def _source_json(spec: SourceSpec, conditions: Mapping[str, Group], saved: Mapping[str, str] | None) -> dict[str, Any]:
    group = conditions.get(spec.event_type)
    return {
        "event_type": spec.event_type,
        "filter": spec.filter.strip(),
        "fields": None if spec.fields is None else list(spec.fields),
        "conditions": None if group is None else to_json(group),
        "saved_filter": None if saved is None else saved.get(spec.event_type, TAKES_NOTHING),
    }


def nudge(run: Backtest) -> None:
    """Wake the workers again for a run that none has taken: its wake-up was lost."""
    if run.state == Backtest.State.QUEUED or (
        run.state == Backtest.State.RUNNING and run.updated_at < timezone.now() - LOST_AFTER
    ):
        wake.backtest(run.pk)


def run_backtest(backtest_id: str, budget: Budget | None = None) -> None:
    """Run a queued backtest to its end, saving the figures as they come. A second call finds nothing to do."""
    now = timezone.now()
    takeable = Q(state=Backtest.State.QUEUED) | Q(state=Backtest.State.RUNNING, updated_at__lt=now - LOST_AFTER)
    claimed = Backtest.objects.filter(takeable, pk=backtest_id)
    if not claimed.update(state=Backtest.State.RUNNING, updated_at=now):
        return
    run = Backtest.objects.select_related("account").get(pk=backtest_id)
    try:
        destinations = priced(run.account, run.destinations)
        trials = [_trial(source, destinations) for source in run.sources]
        measure(run.account, trials, run.window, destinations, budget, lambda reading: _save(run, reading))
    except Exception:
        log.exception("backtest_failed", backtest=run.pk)
        still = Backtest.objects.filter(pk=run.pk, state=Backtest.State.RUNNING)
        still.update(state=Backtest.State.FAILED, finished_at=timezone.now())


def _trial(source: Mapping[str, Any], destinations: Sequence[PricedDestination]) -> Trial:
    conditions = source["conditions"]
    return make_trial(
        catalog()[source["event_type"]],
        source["filter"],
        source["fields"],
        None if conditions is None else group_from_json(conditions),
        {destination.price.counting for destination in destinations if destination.price},
        source.get("saved_filter"),
    )


def _save(run: Backtest, reading: Reading) -> bool:
    """Whether to go on: a cancelled or deleted run saves nothing more."""
    now = timezone.now()
    changed: dict[str, Any] = {"reading": reading.as_json(), "updated_at": now}
    if reading.is_complete:
        changed |= {"state": Backtest.State.DONE, "finished_at": now}
    return bool(Backtest.objects.filter(pk=run.pk, state=Backtest.State.RUNNING).update(**changed))
