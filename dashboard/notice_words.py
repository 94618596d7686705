"""What a notice says: first what is so, then what it means for the records, then what to do."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from common.templatetags.words import THIN, duration, thousands
from dashboard.noticing import FilterFinding, Finding
from destinations.credentials import expiry_of

WORDS = {
    "blocked": "Blocked",
    "healed": "Healed",
    "lagging": "Behind",
    "silent": "Silent",
    "expiring": "Records will be lost",
    "credentials": "Credentials end",
    "undecided": "Filter error",
}


def subject_of(finding: Finding | FilterFinding, kind: str) -> str:
    """`Blocked: Checkout traffic to SIEM (1,284 records held, first loss in 6 d 23 h)`."""
    if isinstance(finding, FilterFinding):
        undecided = finding.undecided
        figures = f"{_events(undecided.events)} held, first loss {_in(undecided.first_loss_at)}"
        return _plain(f"{WORDS[kind]}: {undecided.subscription.name} ({figures})")
    figures = ", ".join(part for part in _figures(finding, kind) if part)
    return _plain(f"{WORDS[kind]}: {finding.destination.name}" + (f" ({figures})" if figures else ""))


def _figures(finding: Finding, kind: str) -> list[str]:
    loss = f"first loss {_in(finding.first_loss_at)}" if finding.first_loss_at else ""
    if kind == "blocked":
        return [f"{_records(finding.waiting)} held", loss] if finding.waiting else []
    if kind == "healed":
        return [f"sending {_records(finding.waiting)}"] if finding.waiting else []
    if kind == "credentials":
        return [_end(finding)]
    if kind == "silent":
        return [f"nothing sent for {_since(finding.destination.last_success_at)}"]
    if kind == "lagging":
        return [f"{_records(finding.waiting)} wait", f"the oldest for {_since(finding.oldest_waiting)}"]
    return [f"{_records(finding.waiting)} wait", loss]


def context_of(finding: Finding | FilterFinding, kind: str) -> dict[str, Any]:
    """For the templates: `paragraphs`, `said` (the service's own words), the table's `advice`, and where to go."""
    own = _of_filter(finding) if isinstance(finding, FilterFinding) else _of_destination(finding, kind)
    settings_url = f"{settings.BASE_URL}{reverse('dashboard:notifications')}"
    return {"headline": subject_of(finding, kind), "account": finding.account, "settings_url": settings_url, **own}


def _of_filter(finding: FilterFinding) -> dict[str, Any]:
    undecided = finding.undecided
    url = reverse("subscriptions:edit", args=[undecided.subscription.pk])
    held = f"{_events(undecided.events)} of its types can't be decided. None is lost; the first will be given up"
    return {
        "paragraphs": [
            "A filter of this subscription no longer compiles.",
            _plain(f"{held} {_in(undecided.first_loss_at)}, unless the filter is mended before."),
        ],
        "remedy": "Mend the filter and save. What is held is then decided by it, by itself.",
        "noun": "subscription",
        "where": undecided.subscription.name,
        "url": f"{settings.BASE_URL}{url}",
    }


def _of_destination(finding: Finding, kind: str) -> dict[str, Any]:
    destination = finding.destination
    in_trouble = kind not in {"healed", "credentials"} and bool(destination.error_message)
    return {
        "paragraphs": [_plain(words) for words in _paragraphs(finding, kind) if words],
        "said": destination.error_said if in_trouble else "",
        "remedy": destination.error_remedy if in_trouble else "",
        "advice": destination.advice if in_trouble else None,
        "noun": "destination",
        "where": destination.where,
        "url": f"{settings.BASE_URL}/destinations/{destination.pk}/",
    }


def _paragraphs(finding: Finding, kind: str) -> list[str]:
    destination = finding.destination
    held = f"{_records(finding.waiting)} wait. None is lost" if finding.waiting else ""
    if held and finding.first_loss_at:
        held += f"; the first will be, {_in(finding.first_loss_at)}, unless it is delivered before."
    if kind == "blocked":
        again = "We try again every 5 minutes; once it works, what is held goes out in order by itself."
        return [destination.error_message, held, again]
    if kind == "credentials":
        how = "New ones are tested before they take over, on the destination's page under Credentials."
        return [expiry.words if (expiry := expiry_of(destination, timezone.now())) else "", how]
    if kind == "healed":
        words = f"{destination.target_class.label} takes records again since {destination.state_since:%H:%M} UTC."
        return [words, f"{_records(finding.waiting)} that were held are going out in order." if finding.waiting else ""]
    if kind == "silent":
        return [
            f"Nothing was sent for {_since(destination.last_success_at)}, though this destination usually gets records "
            "on most days, and nothing waits.",
            "Either no such events come in any more, or no filter lets them through: the destination is well.",
        ]
    if kind == "lagging":
        slow = f"The oldest record waits for {_since(finding.oldest_waiting)}."
        return [destination.error_message, f"{_records(finding.waiting)} wait. {slow}"]
    why = "It is paused." if destination.state == destination.State.PAUSED else destination.error_message
    return [why, held]


def _end(finding: Finding) -> str:
    on = finding.destination.credentials_expire_on
    return f"{on.day} {on:%b %Y}" if on else ""


def _records(count: int) -> str:
    return f"{thousands(count)} record{'' if count == 1 else 's'}"


def _events(count: int) -> str:
    return f"{thousands(count)} event{'' if count == 1 else 's'}"


def _since(moment: datetime | None) -> str:
    return duration(timezone.now() - moment) if moment else "a long time"


def _in(moment: datetime) -> str:
    left = moment - timezone.now()
    return f"in {duration(left)}" if left.total_seconds() > 0 else "from now on"


def _plain(words: str) -> str:
    # Mail programs break lines badly at narrow spaces, and subjects would be encoded for them alone.
    return words.replace(THIN, " ")
