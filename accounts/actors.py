"""Who acted in an account, to choose one of them: people, keys and the system."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from django.urls import reverse

from accounts.models import Account, APIKey, AuditEntry, User
from common.choice import FEW, SUGGESTED, NotChosenError, Shown, Suggestion, cleaned
from common.selects import options_of

# A list of all who ever acted would read millions of entries.
CHOICES_FROM = 5_000
SYSTEM_NAME = "The system"


@dataclass(frozen=True, slots=True)
class Who:
    pk: str


@dataclass(frozen=True)
class Actors:
    """Those of the newest entries; one who acted before them is found by the ID."""

    account: Account

    @cached_property
    def titles(self) -> dict[str, str]:
        """IDs by what stands for them, in the order of their names: the name, with the ID where others have it too."""
        names = names_of(values_of(self.account, "actor_id"))
        counts = Counter(names.values())
        by_name = sorted(names.items(), key=lambda item: (item[1].lower(), item[0]))
        return {cleaned(name if counts[name] == 1 else f"{name} ({pk})"): pk for pk, name in by_name}

    def find(self, text: str) -> Who | None:
        """As common.choice.Chooser says."""
        text = cleaned(text)
        if not text:
            return None
        pk = self.titles.get(text, text)
        if AuditEntry.objects.filter(account=self.account, actor_id=pk).exists():
            return Who(pk)
        count = len(self._with(text))
        if not count:
            raise NotChosenError(f"Nobody who acted here has “{text}” in the name.")
        if count == 1:
            raise NotChosenError(f"One who acted here has “{text}” in the name: choose from the list.")
        raise NotChosenError(f"{count:,} who acted here have “{text}” in their names: choose one from the list.")

    def show(self, name: str, chosen: str = "", *, empty: str = "Choose one") -> Shown:
        address = f"{reverse('audit_actors')}?of={name}"
        title = next((title for title, pk in self.titles.items() if pk == chosen), cleaned(chosen))
        if len(self.titles) <= FEW:
            known = [(pk, title) for title, pk in self.titles.items()]
            is_older = chosen and chosen not in dict(known) and AuditEntry.objects.filter(
                account=self.account, actor_id=chosen
            ).exists()  # fmt: skip
            if is_older:
                known += names_of([chosen]).items()
            return Shown(name, address, chosen, empty, options_of(known, chosen), ())
        return Shown(name, address, title, empty, None, self.suggest("" if title in self.titles else title)[0])

    def suggest(self, text: str) -> tuple[list[Suggestion], int]:
        """The first of those with this in their name or ID, and how many there are in all."""
        found = self._with(cleaned(text))
        return [Suggestion(title) for title in found[:SUGGESTED]], len(found)

    def _with(self, text: str) -> list[str]:
        part = text.casefold()
        return [title for title, pk in self.titles.items() if part in title.casefold() or pk == text]


def values_of(account: Account, column: str) -> set[str]:
    """What stands in a column of the account's newest entries."""
    newest = AuditEntry.objects.filter(account=account).order_by("-pk").values("pk")[:CHOICES_FROM]
    return set(AuditEntry.objects.filter(pk__in=newest).order_by().values_list(column, flat=True).distinct())


def names_of(actor_ids: Iterable[str]) -> dict[str, str]:
    """The names of people and keys by ID, in two queries; the ID itself for what is gone."""
    ids = set(actor_ids)
    names = {each: SYSTEM_NAME if each == "system" else each for each in ids}
    names |= {user.pk: str(user) for user in User.objects.filter(pk__in=ids)}
    names |= {key.pk: f"API key {key}" for key in APIKey.objects.filter(pk__in=ids)}
    return names
