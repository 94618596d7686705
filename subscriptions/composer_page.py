"""One answer of the composer: what its views and those of its dialogs show of a draft."""

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from common.http import AccountRequest
from events.recent import newest_objects
from subscriptions.backtest_views import backtest_context
from subscriptions.drafting.checking import Faults, check_lengths, places_of
from subscriptions.drafting.content import Content
from subscriptions.drafting.showing import source_views
from subscriptions.drafting.trying import Panel
from subscriptions.models import Backtest, Draft


@dataclass(slots=True)
class Page:
    """One answer of the composer. `faults` is given when somebody wants to save; else only typed parts are judged."""

    request: AccountRequest
    draft: Draft
    content: Content
    tab: str
    version: int
    faults: Faults | None = None
    problem: str = ""
    focus: str = ""
    asked: str = ""
    conflict: Draft | None = None
    panel: Panel = field(default_factory=lambda: Panel(None))

    def context(self) -> dict[str, Any]:
        is_strict = self.faults is not None
        samples = newest_objects(self.request.account, [source.type for source in self.content.sources])
        return {
            "page": self,
            "draft": self.draft,
            "content": self.content,
            "subscription": self.draft.subscription,
            "cards": source_views(self.content, samples, strict=is_strict, asked=self.asked),
            "places": places_of(self.content, self.request.account),
            "faults": self.faults or check_lengths(self.content),
            "summary": self.faults.summary() if self.faults else [],
            **panel_context(self.panel),
        }

    def whole(self, status: int = 200) -> HttpResponse:
        """The page, or by htmx the whole form in the place of the old one."""
        template = "subscriptions/_composer.html" if self.request.htmx else "subscriptions/composer.html"
        return render(self.request, template, self.context(), status=status)

    def live(self) -> HttpResponse:
        """What changes while somebody types; the form itself stays."""
        return render(self.request, "subscriptions/_live_answer.html", self.context())


def panel_context(panel: Panel) -> dict[str, Any]:
    """What templates/subscriptions/_live.html needs besides the page."""
    context: dict[str, Any] = {"panel": panel, "windows": Backtest.Window.choices}
    if panel.run is None:
        return context
    address = reverse("subscriptions:figures", args=[panel.run.pk])
    return {**context, "poll_url": address, **backtest_context(panel.run)}
