"""From the composer's form to a draft's content. Whatever is typed is taken; checking comes later.

Names in the form: `source` is repeated, once a source; `SLUG-mode`, `SLUG-text`, `SLUG-match`, `SLUG-fields` …
belong to a source; `SLUG-row` lists its rows in order, as `c1`, `g2` and, inside of a group, `g2/c3`.
"""

from django.http import QueryDict

from common.numbers import INTEGER_DIGITS, read_number
from events.catalog import get_event_type
from subscriptions.drafting.content import Content, DraftSource, Match, Row, RowGroup
from subscriptions.models import Subscription

MAX_TEXT = 8192


def read_content(data: QueryDict) -> Content:
    content = Content(
        description=data.get("description", "")[:MAX_TEXT],
        metadata=data.get("metadata", "")[:MAX_TEXT],
        destinations=list(dict.fromkeys(data.getlist("destination"))),
        window=data.get("window", "")[:8],
    )
    for name in dict.fromkeys(data.getlist("source")):
        if get_event_type(name):
            content.sources.append(_read_source(data, DraftSource(name)))
    return content


def _read_source(data: QueryDict, source: DraftSource) -> DraftSource:
    slug, event_type = source.slug, source.event_type
    source.is_open = data.get(f"{slug}-open") == "1"
    if not event_type.selectable:
        return source
    ticked = set(data.getlist(f"{slug}-fields"))
    source.fields = [field.path for field in event_type.fields if field.path in ticked]
    source.mode = "cel" if data.get(f"{slug}-mode") == "cel" else "conditions"
    source.text = data.get(f"{slug}-text", "").replace("\r\n", "\n")[:MAX_TEXT]
    source.match = _match(data, slug)
    source.negated = f"{slug}-negated" in data
    groups: dict[str, RowGroup] = {}
    for place in dict.fromkeys(data.getlist(f"{slug}-row")):
        outer, _, inner = place.rpartition("/")
        if not _is_row_id(inner) or (outer and outer not in groups):
            continue
        if inner[0] == "g" and not outer:
            groups[inner] = RowGroup(inner, _match(data, f"{slug}-{inner}"), f"{slug}-{inner}-negated" in data)
            source.rows.append(groups[inner])
        elif inner[0] == "c":
            row = _read_row(data, f"{slug}-{inner}", inner)
            if outer:
                groups[outer].rows.append(row)
            else:
                source.rows.append(row)
    return source


def _is_row_id(text: str) -> bool:
    return text[:1] in {"c", "g"} and text[1:].isdecimal() and len(text) < 6  # noqa: PLR2004


def _match(data: QueryDict, prefix: str) -> Match:
    return "any" if data.get(f"{prefix}-match") == "any" else "all"


def _read_row(data: QueryDict, prefix: str, row_id: str) -> Row:
    values = [value[:MAX_TEXT] for value in data.getlist(f"{prefix}-value")]
    return Row(row_id, data.get(f"{prefix}-field", ""), data.get(f"{prefix}-operator", ""), values)


def revision_shown(form: QueryDict, subscription: Subscription) -> int:
    """The newest revision that the page told of: what came after it, nobody there knows."""
    shown = read_number(form.get("revision"), INTEGER_DIGITS)
    return subscription.revision if shown is None else min(shown, subscription.revision)
