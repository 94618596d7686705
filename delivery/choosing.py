"""Choosing one of the account's subscriptions or destinations: a select while there are few, else found by its name.

The long way is a text field with a list of suggestions (`<datalist>`), which htmx fills while somebody types. It sends
a name, so each suggestion stands for one object only: it carries the ID where the name alone would not do.
Without JavaScript a refused form comes back with the suggestions for what was typed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.urls import reverse

from accounts.models import Account
from common.choice import FEW, SUGGESTED, NotChosenError, Shown, Suggestion, cleaned
from common.ids import is_id
from common.selects import options_of
from destinations.models import Destination
from destinations.targets import all_targets
from subscriptions.models import Subscription

ID_AT_END = re.compile(r"(?:^|\()([a-z]+_[0-9A-Za-z]{27})\)?$")


@dataclass(frozen=True, slots=True)
class Choosing:
    """Among `own`: the existing subscriptions or destinations of one account."""

    noun: str
    prefix: str
    own: QuerySet[Any]

    def find(self, text: str) -> Any:
        """The object that an ID or a suggestion stands for, None for an empty text; raises NotChosenError."""
        text = cleaned(text)
        if not text:
            return None
        at_end = ID_AT_END.search(text)
        if at_end and is_id(at_end[1], self.prefix):
            found = list(self.own.filter(pk=at_end[1]))
        else:
            found = list(self.own.filter(description=text)[:2])
        if len(found) == 1:
            return found[0]
        raise NotChosenError(self._why(text))

    def read(self, text: str) -> tuple[Any, str]:
        """As `find`, with the sentence in place of an exception."""
        try:
            return self.find(text), ""
        except NotChosenError as refused:
            return None, str(refused)

    def _why(self, text: str) -> str:
        if is_id(text, self.prefix):
            return f"There is no such {self.noun}."
        count = self._matching(text).count()
        if not count:
            return f"No {self.noun} has “{text}” in its name."
        if count == 1:
            return f"One {self.noun} has “{text}” in its name: choose it from the list."
        return f"{count:,} {self.noun}s have “{text}” in their names: choose one from the list."

    def suggest(self, text: str) -> tuple[list[Suggestion], int]:
        """The first of those with this in their name or ID, and how many there are in all."""
        found = self._matching(cleaned(text))
        return self._suggestions(list(self._named(found)[:SUGGESTED])), found.count()

    def show(self, name: str, chosen: str = "", *, empty: str = "Choose one") -> Shown:
        """For a field of this name; `chosen` is an ID or what was typed."""
        address = f"{reverse(f'delivery:choose_{self.noun}')}?of={name}"
        first = list(self._named(self.own)[: FEW + 1])
        if len(first) <= FEW:
            options = options_of(((each.pk, each.name) for each in first), chosen)
            return Shown(name, address, chosen, empty, options, ())
        found, fault = self.read(chosen)
        if fault:
            return Shown(name, address, cleaned(chosen), empty, None, self.suggest(chosen)[0])
        value = self._suggestions([found])[0].value if found else ""
        return Shown(name, address, value, empty, None, self._suggestions(first[:SUGGESTED]))

    def _named(self, found: QuerySet[Any]) -> QuerySet[Any]:
        """In the columns that a name needs."""
        return found.only("description", *(("target", "config") if self.noun == "destination" else ()))

    def _matching(self, text: str) -> QuerySet[Any]:
        named = Q(description__icontains=text) | Q(pk=text)
        if self.prefix == "ed":
            targets = [slug for slug, each in all_targets().items() if text.casefold() in each.label.casefold()]
            named |= Q(target__in=targets)
        return self.own.filter(named)

    def _suggestions(self, found: Sequence[Any]) -> list[Suggestion]:
        names = self.own.order_by().filter(description__in={each.description for each in found})
        counts = dict(names.values_list("description").annotate(count=Count("pk")))
        return [Suggestion(_title(each, counts), getattr(each, "where", "")) for each in found]


def _title(each: Any, counts: dict[str, int]) -> str:
    """The name, with the ID where the name is not its own alone, not as a text field holds it, or ends like an ID."""
    own_name = each.description and counts.get(each.description) == 1
    if own_name and cleaned(each.description) == each.description and not ID_AT_END.search(each.description):
        return str(each.description)
    return f"{each.name} ({each.pk})"


def subscriptions_to_choose(account: Account) -> Choosing:
    own = Subscription.objects.light().existing().filter(account=account)
    return Choosing("subscription", "esb", own.order_by("description", "pk"))


def destinations_to_choose(account: Account, *, without: str = "") -> Choosing:
    own = Destination.objects.light().existing().filter(account=account).exclude(pk=without)
    return Choosing("destination", "ed", own.order_by("description", "pk"))


def choosings(account: Account) -> tuple[Choosing, Choosing]:
    return subscriptions_to_choose(account), destinations_to_choose(account)
