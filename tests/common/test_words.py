from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django import forms
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone

from common.json_lines import json_lines, pretty_json
from common.templatetags import words

NOW = datetime(2026, 11, 22, 13, 2, 7, 118_400, tzinfo=UTC)


def plain(text: str) -> str:
    return text.replace(words.THIN, " ")


def render(template: str, **context: object) -> str:
    return Template(template).render(Context(context))


def test_short_id_keeps_the_prefix_and_the_last_six() -> None:
    assert words.short_id("ev_2u9gA1tRwE6uYiOpLkJhGfDsQpZ") == "ev_…fDsQpZ"


@pytest.mark.parametrize(
    "name",
    ["short_id", "thousands", "short_count", "file_size", "duration_ms", "duration", "relative_time", "exact_time"],
)
def test_what_does_not_exist_is_a_dash(name: str) -> None:
    assert render(f"{{{{ missing|{name} }}}}") == words.NOT_APPLICABLE
    assert render(f"{{{{ value|{name} }}}}", value=None) == words.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("text", "shown"), [("0.029000", "0.029"), ("100", "100.00"), ("2500.50", "2,500.50"), ("0", "0.00")]
)
def test_an_amount_has_the_decimals_that_it_needs(text: str, shown: str) -> None:
    assert words.amount(Decimal(text)) == shown


def test_zero_is_a_figure() -> None:
    assert render("{{ value|thousands }} {{ value|percent_of:10 }}", value=0) == f"0 0{words.THIN}%"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (2100, "2.1 kB"), (9960, "10 kB"), (999_600, "1 MB"), (63e6, "63 MB")],
)
def test_file_size_is_decimal(value: int, text: str) -> None:
    assert plain(words.file_size(value)) == text


@pytest.mark.parametrize(
    ("value", "text"), [(600, "600"), (1234, "1.2 k"), (1986, "2 k"), (123_400, "123 k"), (12e6, "12 M")]
)
def test_short_count_has_two_digits_or_more(value: float, text: str) -> None:
    assert plain(words.short_count(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (19, "19 ms"),
        (999.6, "1 s"),
        (1234, "1.2 s"),
        (24_400, "24 s"),
        (192_000, "3 min 12 s"),
        (3_600_000, "1 h"),
        (3_630_000, "1 h"),
        (601_200_000, "6 d 23 h"),
    ],
)
def test_duration_has_at_most_two_units(value: float, text: str) -> None:
    assert plain(words.duration_ms(value)) == text


def test_duration_takes_a_timedelta() -> None:
    assert plain(words.duration(timedelta(minutes=38))) == "38 min"


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (4118, 38_204, "10.8 %"),
        (1, 2, "50 %"),
        (1, 38_204, "< 0.1 %"),
        (38_203, 38_204, "> 99.9 %"),
        (5, 0, words.NOT_APPLICABLE),
    ],
)
def test_percent_never_rounds_something_to_nothing(part: int, whole: int, text: str) -> None:
    assert plain(words.percent_of(part, whole)) == text


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(0), "now"),
        (timedelta(seconds=12), "12 s ago"),
        (timedelta(minutes=38), "38 min ago"),
        (timedelta(hours=5, minutes=50), "5 h ago"),
        (timedelta(hours=-5), "in 5 h"),
        (timedelta(days=1), "21 Nov, 13:02"),
        (timedelta(days=400), "18 Oct 2025, 13:02"),
    ],
)
@time_machine.travel(NOW, tick=False)
def test_relative_time_becomes_a_date_after_a_day(ago: timedelta, text: str) -> None:
    assert plain(words.relative_time(NOW - ago)) == text


def test_exact_time_names_both_zones() -> None:
    with timezone.override("Europe/Madrid"):
        assert words.exact_time(NOW) == "22 Nov 2026, 14:02:07.118 +01:00 (13:02:07.118 UTC)"
        assert words.clock_time(NOW) == "14:02:07"
    assert words.exact_time(NOW) == "22 Nov 2026, 13:02:07.118 UTC"


def test_initials_come_from_a_name_or_an_address() -> None:
    assert words.initials("Mina Okafor") == "MO"
    assert words.initials("mina.okafor@acme.example") == "MO"


@pytest.mark.parametrize(
    ("path", "prefix", "is_current"),
    [
        ("/", "/", True),
        ("/events/", "/", False),
        ("/events/ev_1/", "/events/", True),
        ("/deliveries/", "/events/", False),
    ],
)
def test_current_page_marks_the_part_of_the_product(path: str, prefix: str, is_current: bool) -> None:
    html = render("{% current_page prefix %}", prefix=prefix, request=RequestFactory().get(path))

    assert html == (' aria-current="page"' if is_current else "")


def test_json_is_escaped_in_keys_and_values() -> None:
    html = json_lines({"<b>": "<script>alert(1)</script>", "a&b": ["</li>"]})

    assert "<script>" not in html
    assert "<b>" not in html
    assert html.count("</li>") == html.count("<li>")


def test_json_shows_characters_that_would_mislead() -> None:
    html = json_lines({"file": "cod\u202etxt.exe", "zero": "a\u200bb", "lone": "\ud800"})

    assert "cod\\u202etxt.exe" in html
    assert "a\\u200bb" in html
    assert "\\ud800" in html
    html.encode()


def test_json_keeps_the_order_and_marks_kinds() -> None:
    html = json_lines({"b": 1, "a": None, "c": True, "d": "x" * 80})

    assert html.index('"b"'.replace('"', "&quot;")) < html.index('"a"'.replace('"', "&quot;"))
    assert '<span class="n">1</span>' in html
    assert '<span class="z">null</span>' in html
    assert '<span class="n">true</span>' in html


def test_json_strikes_out_what_was_not_sent() -> None:
    event = {
        "id": 1,
        "conn": {"ip": "203.0.113.77", "port": 443},
        "tls": {"a": 1, "b": {"c": 2}},
        "list": [1, {"x": 1}],
    }

    html = json_lines(event, {"id": 1, "conn": {"port": 443}, "list": [1]})

    struck = [line for line in html.split("<li>") if "<del>" in line]
    assert [name for line in struck for name in ("ip", "port", "tls", "x", "id") if f"&quot;{name}&quot;" in line] == [
        "ip",
        "tls",
        "x",
    ]
    assert "{ … 2 keys }" in html


def test_json_of_an_empty_record_strikes_out_everything() -> None:
    assert json_lines({"a": {"b": [1, [2]]}, "c": 1}, {}).count("<del>") == 2


def test_json_cuts_long_strings_and_keeps_the_rest_at_hand() -> None:
    html = json_lines({"text": "x" * 1000 + "END"})

    assert "show 603 more" in html
    assert "END" in html


def test_json_folds_what_is_deep_and_long() -> None:
    value = {"a": {"b": {"c": {"d": {str(key): "x" * 70 for key in range(6)}}}}}

    assert "{<span" in json_lines(value)
    assert "6 keys }" in json_lines(value)
    assert json_lines(value).count("<li>") == json_lines(value).count("</li>")


def test_pretty_json_is_what_is_copied() -> None:
    assert pretty_json({"a": ["é"]}) == '{\n  "a": [\n    "é"\n  ]\n}'


def test_a_symbol_is_used_by_its_name() -> None:
    assert '<symbol viewBox="0 0 16 16"' in render('{% icon_symbol "funnel" %}')
    assert '<use href="#i-funnel"/>' in render('{% icon "funnel" %}')


def test_a_pager_without_pages_is_nothing() -> None:
    assert render('{% include "components/_pager.html" %}').strip() == ""


def test_steps_say_in_words_what_their_icons_show() -> None:
    steps = [
        {"label": "Write", "status": "failed", "said": "<b>", "duration_ms": 96},
        {"label": "Limits", "status": "waiting"},
    ]

    html = render('{% include "components/_steps.html" with service="AWS" %}', steps=steps)

    assert "AWS said" in html
    assert "&lt;b&gt;" in html
    assert "Failed. " in html
    assert "Not started. " in html


def test_a_field_with_two_faults_is_one_thing_to_mend() -> None:
    form = forms.Form({})
    form.fields["name"] = forms.CharField(required=False)
    form.add_error("name", ["Too short.", "Too common."])
    form.add_error(None, "Try again.")

    html = render('{% include "components/_form_errors.html" %}', form=form)

    assert words.error_count(form) == 2
    assert "2 things to mend before this can be saved." in html
    assert '<a href="#id_name">Name</a>: Too short. Too common.' in html


def test_two_forms_that_are_sent_together_have_one_summary() -> None:
    form, also = forms.Form({}), forms.Form({}, prefix="target")
    for each in (form, also):
        each.fields["name"] = forms.CharField()

    html = render('{% include "components/_form_errors.html" %}', form=form, also=also)

    assert html.count('id="form-errors"') == 1
    assert "2 things to mend before this can be saved." in html
    assert 'href="#id_name"' in html
    assert 'href="#id_target-name"' in html


def test_a_field_ties_label_hint_and_error_together() -> None:
    form = forms.Form({})
    form.fields["name"] = forms.CharField(help_text="Shown in lists.", required=False)
    form.add_error("name", "Too short.")

    html = render('{% include "components/_field.html" with field=form.name %}', form=form)

    assert '<label for="id_name">Name <span class="optional">(optional)</span></label>' in html
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'id="id_name_helptext"' in html
    assert 'id="id_name_error"' in html
