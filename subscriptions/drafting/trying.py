"""What a draft would take of the stored events: a backtest of as much of it as is right already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from accounts.models import Account
from events.filters.conditions import Condition, Group, render
from subscriptions.backtest import start_backtest
from subscriptions.drafting.checking import check_source, condition_of, filter_text, group_of, places_of
from subscriptions.drafting.content import Content, DraftSource, Row, RowGroup
from subscriptions.measuring import WINDOWS
from subscriptions.models import Backtest, Subscription
from subscriptions.services import SourceSpec


@dataclass(frozen=True, slots=True)
class Panel:
    """`run` is none while there is nothing to try; `notes` say what is left out of it."""

    run: Backtest | None
    notes: Sequence[str] = ()


def latest_run(account: Account, key: str) -> Panel:
    return Panel(Backtest.objects.filter(account=account, key=key).order_by("-created_at").first())


def try_out(account: Account, key: str, content: Content, subscription: Subscription | None = None) -> Panel:
    """Start a run under `key`, or keep to the last one where a filter cannot be read at all.

    Of changes to a subscription it also tells what they add to what it takes now, and what they drop.
    """
    if not content.sources:
        return Panel(None)
    notes: list[str] = []
    specs, conditions = [], {}
    for source in content.sources:
        faults = check_source(source)
        if faults.text is not None:
            last = latest_run(account, key)
            return Panel(last.run, ["These figures are from before: the filter text is not valid yet."])
        notes += _left_out(source, faults.rows)
        specs.append(_spec(source, frozenset(faults.rows)))
        if source.event_type.selectable and source.mode == "conditions":
            conditions[source.type] = _as_typed(source)
    saved = None
    if subscription is not None:
        saved = dict(subscription.sources.values_list("event_type", "filter"))
        notes += _given_up(content, saved)
    run = start_backtest(
        account=account,
        key=key,
        sources=specs,
        window=content.window if content.window in WINDOWS else Backtest.Window.DAY,
        destinations=places_of(content, account),
        conditions=conditions,
        saved=saved,
    )
    return Panel(run, notes)


def _given_up(content: Content, saved: Mapping[str, str]) -> list[str]:
    gone = sorted(set(saved) - {source.type for source in content.sources})
    return [f"No longer a source, and not counted here: {', '.join(gone)}."] if gone else []


def _spec(source: DraftSource, wrong: frozenset[str]) -> SourceSpec:
    event_type = source.event_type
    if not event_type.selectable:
        return SourceSpec(source.type)
    is_whole = not source.fields or len(source.fields) == len(event_type.fields)
    text = filter_text(source) if source.mode == "cel" else render(group_of(source, wrong), event_type)
    return SourceSpec(source.type, text, None if is_whole else source.fields)


def _left_out(source: DraftSource, wrong: dict[str, str]) -> list[str]:
    """Conditions are counted from the top, over all groups."""
    numbers = [str(number) for number, row in enumerate(source.all_rows(), start=1) if row.id in wrong]
    if not numbers:
        return []
    each = f"condition {numbers[0]}, which is" if len(numbers) == 1 else f"conditions {', '.join(numbers)}, which are"
    return [f"Without {each} not valid yet."]


def _as_typed(source: DraftSource) -> Group:
    """Every row in its place, also those that are not valid: the figures of each are found by their place."""
    members: list[Condition | Group] = []
    for row in source.rows:
        if isinstance(row, RowGroup):
            members.append(Group(row.match, tuple(_condition(source, each) for each in row.rows), row.negated))
        else:
            members.append(_condition(source, row))
    return Group(source.match, tuple(members), source.negated)


def _condition(source: DraftSource, row: Row) -> Condition:
    try:
        return condition_of(row, source.event_type)
    except ValueError:
        return Condition(row.field, row.operator, tuple(row.values))
