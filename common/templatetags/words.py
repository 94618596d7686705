"""How pages write times, figures, sizes and IDs. A builtin library: no template has to load it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django import template
from django.forms import BaseForm, BoundField
from django.template import Context
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from common import ids, json_lines

register = template.Library()
T = TypeVar("T")
P = ParamSpec("P")

# A narrow no-break space stands between a figure and its unit.
THIN = "\u202f"
NOT_APPLICABLE = "\N{EN DASH}"
MINUTE, HOUR, DAY = 60, 3600, 86400
KILO = 1000
# From here on a figure is exact enough without a decimal.
NO_DECIMALS = 10
SIZE_UNITS = ("kB", "MB", "GB", "TB", "PB")
COUNT_UNITS = ("k", "M", "G", "T")
STEP_WORDS = {"waiting": "Not started", "warned": "Passed, with a warning", "unchecked": "Not checked"}

register.filter("pretty_json", json_lines.pretty_json)


def figure(function: Callable[Concatenate[T, P], str]) -> Callable[Concatenate[T | None, P], str]:
    """Register a filter that writes a dash for what does not exist: None, or a variable that the page does not have."""

    @wraps(function)
    def written(value: T | None, /, *args: P.args, **kwargs: P.kwargs) -> str:
        return NOT_APPLICABLE if value is None or value == "" else function(value, *args, **kwargs)

    register.filter(function.__name__, written)
    return written


@figure
def short_id(value: str) -> str:
    """`ev_…fDsQpZ`."""
    return ids.short(value)


@figure
def thousands(value: float) -> str:
    """`30,811`."""
    return f"{value:,}"


@figure
def amount(value: Decimal) -> str:
    """`0.029`, `2.30`: as many decimals as there are, at least two."""
    whole, _, decimals = f"{value.normalize():,f}".partition(".")
    return f"{whole}.{decimals:0<2}"


@figure
def short_count(value: float) -> str:
    """`600`, `1.2 k`, `123 k`, `12 M`: for tables and axes; the exact figure belongs in the title."""
    return f"{value:,}" if abs(value) < KILO else _scaled(value, COUNT_UNITS)


@figure
def file_size(value: int) -> str:
    """`512 B`, `2.1 kB`, `63 MB`: decimal, as the services that are paid by the byte count."""
    return f"{value}{THIN}B" if value < KILO else _scaled(value, SIZE_UNITS)


def _scaled(value: float, units: tuple[str, ...]) -> str:
    for unit in units:
        value /= KILO
        # 999.6 k would be written as 1,000 k.
        if round(value) < KILO or unit == units[-1]:
            break
    digits = f"{value:.1f}".removesuffix(".0") if round(value, 1) < NO_DECIMALS else f"{value:,.0f}"
    return f"{digits}{THIN}{unit}"


def are(count: int, noun: str, plural: str = "") -> str:
    """The start of a sentence: "1 record is", "2,000 records are"."""
    return f"{count:,} {noun} is" if count == 1 else f"{count:,} {plural or noun + 's'} are"


@figure
def duration_ms(value: float) -> str:
    """`19 ms`, `1.2 s`, `24 s`, `3 min 12 s`, `5 h 2 min`, `6 d 23 h`."""
    if round(value) < KILO:
        return f"{round(value)}{THIN}ms"
    seconds = value / KILO
    if round(seconds, 1) >= NO_DECIMALS:
        return duration(round(seconds))
    return f"{seconds:.1f}".removesuffix(".0") + f"{THIN}s"


@figure
def duration(value: float | timedelta) -> str:
    """Seconds in the two largest units: `38 min`, `6 d 23 h`."""
    left = round(value.total_seconds() if isinstance(value, timedelta) else value)
    parts = []
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{THIN}{unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or f"0{THIN}s"


@figure
def percent_of(part: float, whole: float | None) -> str:
    """`10.8 %`; never 0 or 100 for what is only close to it."""
    if not whole:
        return NOT_APPLICABLE
    share = 100 * part / whole
    if 0 < share < 0.1:  # noqa: PLR2004
        return f"< 0.1{THIN}%"
    if 99.9 < share < 100:  # noqa: PLR2004
        return f"> 99.9{THIN}%"
    return f"{share:.1f}".removesuffix(".0") + f"{THIN}%"


@figure
def relative_time(value: datetime) -> str:
    """`12 s ago`, `38 min ago`, `in 5 h`; from a day on the date: `21 Nov, 14:00`."""
    seconds = round((timezone.now() - value).total_seconds())
    distance = abs(seconds)
    if distance == 0:
        return "now"
    if distance >= DAY:
        return day_and_time(value)
    size, unit = next((s, u) for s, u in ((HOUR, "h"), (MINUTE, "min"), (1, "s")) if distance >= s)
    words = f"{distance // size}{THIN}{unit}"
    return f"{words} ago" if seconds > 0 else f"in {words}"


@figure
def day_and_time(value: datetime) -> str:
    """`21 Nov, 14:00`, with the year when it is another one."""
    local = timezone.localtime(value)
    year = "" if local.year == timezone.localtime().year else f" {local.year}"
    return f"{local.day} {local:%b}{year}, {local:%H:%M}"


@register.simple_tag
def when(value: datetime | None, show: str = "relative") -> str:
    """A time inside a sentence: `_time.html` would put a space before the full stop. `show`: relative, day or clock."""
    if value is None:
        return NOT_APPLICABLE
    words = {"relative": relative_time, "day": day_and_time, "clock": clock_time}[show](value)
    return format_html(
        '<time class="nowrap" datetime="{}" title="{}">{}</time>', value.isoformat(), exact_time(value), words
    )


@figure
def clock_time(value: datetime) -> str:
    """`14:02:07`, in rows that stand under their day."""
    return f"{timezone.localtime(value):%H:%M:%S}"


@figure
def exact_time(value: datetime) -> str:
    """`22 Nov 2026, 14:02:07.118 +01:00 (13:02:07.118 UTC)`, for titles."""
    local, utc = timezone.localtime(value), timezone.localtime(value, timezone.get_fixed_timezone(0))
    exact = f"{local.day} {local:%b %Y}, {_to_the_millisecond(local)}"
    offset = local.isoformat()[-6:]
    return f"{exact} UTC" if offset == "+00:00" else f"{exact} {offset} ({_to_the_millisecond(utc)} UTC)"


def _to_the_millisecond(value: datetime) -> str:
    return f"{value:%H:%M:%S}.{value.microsecond // KILO:03}"


@register.filter
def initials(name: str) -> str:
    """`MO` for Mina Olsen; also from an e-mail address."""
    words = name.partition("@")[0].replace(".", " ").split()
    return "".join(word[0] for word in words[:2]).upper()


@register.filter
def error_count(form: BaseForm | None) -> int:
    """How many things to mend: a field with two faults is one."""
    return len(fields_with_errors(form)) + len(form.non_field_errors()) if form else 0


@register.filter
def fields_with_errors(form: BaseForm | None) -> list[BoundField]:
    return [field for field in form or () if field.errors]


@register.filter
def step_word(status: str) -> str:
    """What a test step's icon says."""
    return STEP_WORDS.get(status, status.capitalize())


@register.simple_tag
def json_code(value: Any, sent: Any = None) -> SafeString:
    """The `li` elements of a JSON value; see templates/components/_json.html."""
    # A variable that the page does not have arrives as an empty string.
    return json_lines.json_lines(value, None if sent == "" else sent)


@register.simple_tag(takes_context=True)
def current_page(context: Context, *prefixes: str) -> SafeString:
    """`aria-current="page"` when the page lies below one of the paths; `/` is only itself."""
    request = context.get("request")
    path = request.path if request else ""
    is_current = any(path == prefix or (prefix != "/" and path.startswith(prefix)) for prefix in prefixes)
    return SafeString(' aria-current="page"' if is_current else "")  # nosec B703 - a constant
