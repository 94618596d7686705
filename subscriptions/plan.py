"""The compiled plan of an account: for each event type, who listens and what they take.

Compiling costs milliseconds and happens once per process and configuration version; routing checks in its
transaction that the version is still the plan's.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from accounts.models import Account
from events.catalog import get_event_type
from events.envelope import LinesReader
from events.filters import Filter, FilterError, Reader, compile_filter
from events.projection import Projection, compile_projection
from subscriptions.models import Source, Subscription

KEPT = 1000
KEPT_READERS = 50
# Decodes nothing: for the event types that no filter reads.
NOTHING = Reader(())


@dataclass(frozen=True, slots=True)
class PlannedSource:
    """One source ready to run. `broken` tells why its filter no longer compiles; its events stay undecided."""

    subscription: "PlannedSubscription"
    event_type: str
    filter: Filter | None
    projection: Projection | None
    broken: str = ""


@dataclass(frozen=True, slots=True)
class PlannedSubscription:
    id: str
    revision: int
    destinations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """`readers` decode, once for all sources of an event type, what their filters need."""

    version: int
    subscriptions: tuple[PlannedSubscription, ...] = ()
    by_type: Mapping[str, tuple[PlannedSource, ...]] = field(default_factory=dict)
    readers: Mapping[str, Reader] = field(default_factory=dict)
    _lines: dict[frozenset[str], LinesReader] = field(default_factory=dict)

    def lines_reader(self, event_types: Iterable[str]) -> LinesReader:
        """Of lines of just these event types, among them such as nobody listens to."""
        key = frozenset(event_types)
        if key not in self._lines:
            if len(self._lines) >= KEPT_READERS:
                self._lines.clear()
            readers = {name: self.readers.get(name, NOTHING) for name in sorted(key)}
            self._lines[key] = LinesReader({name: reader.struct for name, reader in readers.items()})
        return self._lines[key]


Projections = dict[tuple[str, frozenset[str]], Projection]

_plans: OrderedDict[str, Plan] = OrderedDict()


def plan_for(account_id: str) -> Plan:
    """The plan of the account's present configuration."""
    version = Account.objects.values_list("configuration_version", flat=True).get(pk=account_id)
    plan = _plans.get(account_id)
    if plan is None or plan.version != version:
        plan = _plans[account_id] = compile_plan(account_id, version)
    _plans.move_to_end(account_id)
    while len(_plans) > KEPT:
        _plans.popitem(last=False)
    return plan


def compile_plan(account_id: str, version: int) -> Plan:
    """Read after `version`: a change in between is noticed when the run commits."""
    planned = []
    by_type: dict[str, list[PlannedSource]] = defaultdict(list)
    projections: Projections = {}
    subscriptions = Subscription.objects.capturing().filter(account_id=account_id).order_by("pk")
    for subscription in subscriptions.prefetch_related("sources", "destinations"):
        destinations = sorted(d.pk for d in subscription.destinations.all() if d.deleted_at is None)
        listening = PlannedSubscription(subscription.pk, subscription.revision, tuple(destinations))
        planned.append(listening)
        for source in subscription.sources.all():
            by_type[source.event_type].append(_compile_source(source, listening, projections))
    return plan_of(version, by_type, planned)


def plan_of(
    version: int, by_type: Mapping[str, Sequence[PlannedSource]], planned: Sequence[PlannedSubscription] = ()
) -> Plan:
    return Plan(
        version,
        tuple(planned),
        {name: tuple(sources) for name, sources in by_type.items()},
        {name: _shared_reader(sources) for name, sources in by_type.items()},
    )


def _shared_reader(sources: Iterable[PlannedSource]) -> Reader:
    return Reader(needed for source in sources if source.filter for needed in source.filter.fields)


def _compile_source(source: Source, subscription: PlannedSubscription, projections: Projections) -> PlannedSource:
    event_type = get_event_type(source.event_type)
    if event_type is None:
        return PlannedSource(
            subscription, source.event_type, None, None, f"There is no event type {source.event_type} any more."
        )
    try:
        compiled = compile_filter(source.filter, event_type) if source.filter else None
    except FilterError as error:
        return PlannedSource(subscription, source.event_type, None, None, str(error))
    if source.fields is None:
        return PlannedSource(subscription, source.event_type, compiled, None)
    # Sources with the same fields share a projection, so that routing runs it once an event for all of them.
    key = (event_type.name, frozenset(source.fields))
    if key not in projections:
        projections[key] = compile_projection(event_type, source.fields)
    return PlannedSource(subscription, source.event_type, compiled, projections[key])
