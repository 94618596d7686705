"""JSON as lines of HTML for the viewer: one `li` a line, tokens as spans, what was not sent struck out.

The text comes from others, so every token is escaped here, and characters that would hide or turn the text around
are shown as their escapes.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

INDENT = "  "
INLINE_LENGTH = 60
# Deeper containers with more entries than this are folded.
FOLD_DEPTH = 4
FOLD_ENTRIES = 4
# Still deeper ones only say how much they hold: nobody reads on there, and each level takes five calls.
DEEPEST = 50
STRING_LENGTH = 400
NOT_SENT = object()
# Control and format characters (text direction, zero width), line separators, lone surrogates.
HIDDEN = re.compile(
    "[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]"
)


def pretty_json(value: Any) -> str:
    """The text behind the viewer, for copying: two spaces of indentation, keys in the order given."""
    return json.dumps(value, indent=len(INDENT), ensure_ascii=False, default=str)


def json_lines(value: Any, sent: Any = None) -> SafeString:
    """`li` elements of `value`. With `sent`, the record that went out, what it lacks is marked as left out."""
    return format_html_join(
        "", "{}", ((line,) for line in _lines(value, sent if sent is not None else value, "", "", 0))
    )


def _lines(value: Any, sent: Any, start: SafeString | str, end: str, depth: int) -> Iterator[SafeString]:
    left_out = sent is NOT_SENT
    shortened = left_out or depth >= DEEPEST
    if not _is_container(value) or not value or shortened or _fits(value, sent):
        yield _line(depth, format_html("{}{}{}", start, _short(value) if shortened else _flat(value), end), left_out)
        return
    folded = depth >= FOLD_DEPTH and len(value) > FOLD_ENTRIES
    opening, closing = ("{", "}") if isinstance(value, Mapping) else ("[", "]")
    inner = format_html_join("", "{}", ((line,) for line in _inner_lines(value, sent, depth + 1)))
    if not folded:
        yield _line(depth, format_html("{}{}", start, opening))
        yield inner
        yield _line(depth, format_html("{}{}", closing, end))
        return
    yield format_html(
        '<li>{}{}<details><summary>{}<span class="when-shut"> … {} {}{}</span></summary>'
        "<ol>{}</ol>{}{}{}</details></li>",
        INDENT * depth,
        start,
        opening,
        _count(value),
        closing,
        end,
        inner,
        INDENT * depth,
        closing,
        end,
    )


def _inner_lines(value: Mapping[str, Any] | Sequence[Any], sent: Any, depth: int) -> Iterator[SafeString]:
    last = len(value) - 1
    if isinstance(value, Mapping):
        for index, (key, item) in enumerate(value.items()):
            part = sent.get(key, NOT_SENT) if isinstance(sent, Mapping) else NOT_SENT
            start = format_html('<span class="k">{}</span>: ', quoted(str(key)))
            yield from _lines(item, part, start, "," if index < last else "", depth)
        return
    for index, item in enumerate(value):
        has_part = isinstance(sent, Sequence) and not isinstance(sent, str) and index < len(sent)
        yield from _lines(item, sent[index] if has_part else NOT_SENT, "", "," if index < last else "", depth)


def _line(depth: int, content: SafeString, left_out: bool = False) -> SafeString:
    if left_out:
        return format_html('<li>{}<del><span class="hidden">not sent: </span>{}</del></li>', INDENT * depth, content)
    return format_html("<li>{}{}</li>", INDENT * depth, content)


def _is_container(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple)


def _fits(value: Mapping[str, Any] | Sequence[Any], sent: Any) -> bool:
    """Whether a container without containers in it stands on one line; never when only a part of it was sent."""
    items = value.values() if isinstance(value, Mapping) else value
    if any(_is_container(item) and item for item in items) or value != sent:
        return False
    return len(json.dumps(value, ensure_ascii=False, default=str)) <= INLINE_LENGTH


def _flat(value: Any) -> SafeString:
    """The value on one line."""
    if isinstance(value, Mapping):
        pairs = ((quoted(str(key)), _flat(item)) for key, item in value.items())
        return _wrapped("{", format_html_join(", ", '<span class="k">{}</span>: {}', pairs), "}")
    if isinstance(value, list | tuple):
        return _wrapped("[", format_html_join(", ", "{}", ((_flat(item),) for item in value)), "]")
    return _scalar(value)


def _wrapped(opening: str, content: SafeString, closing: str) -> SafeString:
    return format_html("{} {} {}", opening, content, closing) if content else format_html("{}{}", opening, closing)


def _short(value: Any) -> SafeString:
    """The value as it is struck out: a large container only says how much it holds."""
    if _is_container(value) and not _fits(value, value):
        opening, closing = ("{", "}") if isinstance(value, Mapping) else ("[", "]")
        return format_html("{} … {} {}", opening, _count(value), closing)
    return _flat(value)


def _count(value: Mapping[str, Any] | Sequence[Any]) -> str:
    noun = "key" if isinstance(value, Mapping) else "item"
    return f"{len(value)} {noun}{'' if len(value) == 1 else 's'}"


def _scalar(value: Any) -> SafeString:
    if value is None:
        return mark_safe('<span class="z">null</span>')  # nosec B308 - a constant
    if isinstance(value, bool | int | float):
        return format_html('<span class="n">{}</span>', json.dumps(value))
    text = str(value)
    if len(text) <= STRING_LENGTH:
        return format_html('<span class="s">{}</span>', quoted(text))
    head, rest = quoted(text[:STRING_LENGTH])[:-1], quoted(text[STRING_LENGTH:])[1:]
    more = f"{len(text) - STRING_LENGTH:,}"
    return format_html(
        '<span class="s">{}<details><summary>… show {} more</summary>{}</details></span>', head, more, rest
    )


def quoted(text: str) -> str:
    """A JSON string, with hidden characters as their escapes."""
    return HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))
