"""Icons and the components of table rows, which are tags for the sake of speed."""

from typing import Any

import pytest
from django.template import Context, Template
from heroicons.templatetags import heroicons

from common.templatetags import icons, words

UNSAFE = '"><script>&'


def render(template: str, **context: object) -> str:
    return Template(template).render(Context(context)).strip()


def test_an_icon_is_the_package_s_own_and_drawn_once() -> None:
    icons.heroicon_micro.cache_clear()

    shown = [render('{% heroicon_micro "pause" %}{% heroicon_micro name class="ok-ink" %}', name="check")] * 2

    colour: dict[str, Any] = {"class": "ok-ink"}
    own = heroicons.heroicon_micro("pause") + heroicons.heroicon_micro("check", **colour)
    assert shown == [own, own]
    assert icons.heroicon_micro.cache_info().misses == 2
    assert render('{% heroicon_mini "pause" %}') == heroicons.heroicon_mini("pause")
    assert render('{% heroicon_outline "pause" %}') == heroicons.heroicon_outline("pause")


@pytest.mark.parametrize(
    ("template", "tag"),
    [
        ('{% include "components/_pill.html" with tone="ok" icon="clock" word=text %}', '{% pill "ok" "clock" text %}'),
        (
            '{% include "components/_pill.html" with tone="ok" icon="clock" word=text shared=True %}',
            '{% pill "ok" "clock" text shared=True %}',
        ),
        ('{% include "components/_chip.html" %}', "{% chip text %}"),
        ('{% include "components/_id.html" with value=text %}', "{% copied_id text %}"),
        ('{% include "components/_id.html" with value=text full=True %}', "{% copied_id text full=True %}"),
    ],
)
def test_tag_and_template_show_the_same_and_escape_it(template: str, tag: str) -> None:
    for text in (UNSAFE, UNSAFE, "plain"):
        shown = render(tag, text=text)
        assert shown == render(template, text=text)
        assert "<script>" not in shown
        assert "plain" in shown or "&lt;script&gt;&amp;" in shown


def test_a_word_that_the_template_itself_holds_does_not_open_the_way_for_another() -> None:
    assert "<b>" not in render('{% pill "ok" "clock" "<b>" %}{% pill "ok" "clock" text %}{% chip text %}', text="<b>")


def test_an_id_that_is_not_there_is_a_dash() -> None:
    assert f'<code title="">{words.NOT_APPLICABLE}</code>' in render('{% copied_id "" %}')
