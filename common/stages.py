"""What a page that asks again and again tells screen readers: each change of state, and each quarter of the way, once.

The page's next question names the stage that was told (`?said=`). The figures themselves lie outside the live region,
or each answer would be read out.
"""

from common.http import AccountRequest

QUARTERS = 4


def stage_of(state: str, done: int, total: int) -> str:
    """`running-2` from half way on to three quarters."""
    return f"{state}-{QUARTERS * done // total if total else 0}"


def is_news(request: AccountRequest, stage: str) -> bool:
    """Whether this answer is a part of a page whose reader has not heard of the stage; a whole page is read anyway."""
    return bool(request.htmx) and request.GET.get("said") != stage
