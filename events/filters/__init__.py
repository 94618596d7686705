"""Filters: CEL over an event's `object`, checked against the catalogue when saved, run for every event.

`compile_filter(text, event_type)` refuses what the event type does not have, in words for the customer;
`Filter.matches(raw)` decides one event, `Filter.matches_many(raws)` a batch. Several filters of one event type share
a decode: a `Reader` of all their `fields` reads each event once, and `Filter.decide_many` decides on what it read.
"""

from events.filters.compiling import Filter, compile_filter
from events.filters.errors import FilterError, FilterEvaluationError
from events.filters.reading import Reader

__all__ = ["Filter", "FilterError", "FilterEvaluationError", "Reader", "compile_filter"]
