"""Every component in every state, on one page: for those who build pages."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from common.as_code import curl
from common.choice import Shown, Suggestion
from common.http import AccountRequest
from common.selects import options_of
from dashboard.subscription_figures import Figures, spark
from delivery.charts import DEFAULT_WINDOW, WINDOWS, Bucket, Chart, axis_top
from destinations.standing import Standing
from destinations.testing import StepReport

# Word, tone and icon of each state that a pill shows; what the pages show comes from their own rooms.
STATES = (
    ("Delivering", "ok", "check-circle"),
    ("Idle", "mute", "minus-circle"),
    ("Not tested yet", "mute", "beaker"),
    ("Retrying", "warn", "arrow-path"),
    ("Lagging", "warn", "clock"),
    ("Paused", "held", "pause-circle"),
    ("Blocked", "bad", "no-symbol"),
    ("Filter error", "bad", "exclamation-triangle"),
    ("Off", "mute", "power"),
    ("Draft", "mute", "pencil-square"),
    ("Sending", "accent", "paper-airplane"),
    ("Filtered", "mute", "funnel"),
    ("Dead", "bad", "x-circle"),
)
STEP_STATES = ("passed", "warned", "unchecked", "failed", "running", "waiting", "skipped")
EVENT_ID = "ev_2u9gA1tRwE6uYiOpLkJhGfDsQpZ"
EVENT = {"event_id": EVENT_ID, "object": {"conn": {"server_port": 443}, "ok": True, "none": None}}
SENT = {"event_id": EVENT_ID, "object": {"conn": {"server_port": 443}}}
NAMED = (
    {"name": "Datadog EU", "get_absolute_url": "/destinations/"},
    {"name": "Datadog US", "deleted_at": "2026-11-28"},
)
LEDGER = (("accent", 0, 380), ("held", 382, 60), ("bad", 444, 10), ("filtered", 456, 144))
LEDGER_SENTENCE = "10,000 events: 6,300 matched, 1,000 held, 170 dead, 2,530 filtered"
CHOOSING = {"name": "of", "address": "/choices/destinations/?of=of", "empty": "Choose one"}
FEW = Shown(**CHOOSING, value="", options=options_of([("ed_1", "Datadog EU")]), suggestions=())
MANY = Shown(**CHOOSING, value="Datadog EU", options=None, suggestions=[Suggestion("Datadog EU", "datadoghq.eu")])


class Sampler(forms.Form):
    """A field of each kind."""

    name = forms.CharField(help_text="A hint says what fits.")
    optional = forms.CharField(required=False)
    unchangeable = forms.CharField(disabled=True, initial="ac_2tXbM4", required=False)
    secret = forms.CharField(widget=forms.PasswordInput, help_text="Stored, ends in …4f2c. Leave empty to keep it.")
    notes = forms.CharField(widget=forms.Textarea({"rows": 3}), required=False)
    region = forms.ChoiceField(choices=[("eu-west-1", "eu-west-1"), ("us-east-1", "us-east-1")])
    way = forms.ChoiceField(
        label="How we sign in", choices=[("role", "Role"), ("keys", "Access keys")], widget=forms.RadioSelect
    )
    wanted = forms.MultipleChoiceField(
        label="Tell me when",
        choices=[("blocked", "Blocked"), ("healed", "Healed")],
        widget=forms.CheckboxSelectMultiple,
    )
    agreed = forms.BooleanField(label="Keep a copy", help_text="For 7 days.")


@require_safe
def design(request: AccountRequest) -> HttpResponse:
    """For staff, and where the product is developed or shown."""
    if not (request.user.is_staff or settings.DEBUG or settings.DEMO):
        raise Http404
    context: dict[str, Any] = {
        "standings": [Standing(*state) for state in STATES],
        "form": Sampler(prefix="plain", initial={"name": "Checkout traffic", "way": "role", "wanted": ["blocked"]}),
        "refused": Sampler({"refused-notes": "As it was typed."}, prefix="refused"),
        "few": FEW,
        "many": MANY,
        "steps": _steps(),
        "tones": ("bad", "warn", "held"),
        "chart": _chart(filled=request.GET.get("chart") != "empty"),
        "as_table": request.GET.get("as") == "table",
        "windows": WINDOWS.values(),
        "bars": spark(Figures(by_hour=[(hour * 7 % 11, hour == 9) for hour in range(24)])),  # noqa: PLR2004
        "ledger": LEDGER,
        "ledger_sentence": LEDGER_SENTENCE,
        "event": EVENT,
        "named": NAMED,
        "snippets": [curl("POST", "/event_destinations", {"description": "Checkout", "format": "json"})],
        "sent": SENT,
        "now": timezone.now(),
        "facts": [
            {"label": "Delivered, 24 h", "figure": "30,811"},
            {"label": "Waiting", "figure": "1,284", "unit": "0.9 MB"},
            {"label": "Oldest waiting", "figure": "38 min", "title": "22 Nov, 14:02"},
        ],
    }
    return render(request, "dashboard/design.html", context)


def _steps() -> Sequence[StepReport]:
    steps = [StepReport(f"A {status} step", status, "What it did.", duration_ms=31) for status in STEP_STATES]
    failed = steps[STEP_STATES.index("failed")]
    failed.said, failed.cause, failed.remedy = "AccessDenied", "Another external ID.", "Put this policy on the role."
    failed.copy, failed.copy_words, failed.request, failed.reply = "{}", "Copy trust policy", "POST /", "403"
    return steps


def _chart(*, filled: bool) -> Chart:
    window = DEFAULT_WINDOW
    start = window.start(timezone.now())
    buckets = [Bucket(start + window.bucket * number) for number in range(int(window.span / window.bucket))]
    if filled:
        for number, bucket in enumerate(buckets):
            bucket.delivered, bucket.waiting, bucket.dead = number * 13 % 50, number % 9, number % 40 // 39
    return Chart(window, buckets, axis_top(max(bucket.total for bucket in buckets)))
