from typing import Any

import pytest

from accounts.models import make_token
from common.redaction import LEFT_OUT, redact


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"api_key": "x"}, {"api_key": LEFT_OUT}),
        (
            {"headers": {"Authorization": "Bearer x", "Accept": "y"}},
            {"headers": {"Authorization": LEFT_OUT, "Accept": "y"}},
        ),
        ({"secrets": ["a", "b"]}, {"secrets": [LEFT_OUT, LEFT_OUT]}),
        ({"event": "fine", "count": 3}, {"event": "fine", "count": 3}),
        ({"token": None, "tokens": 2}, {"token": None, "tokens": 2}),
    ],
)
def test_values_under_telling_names_are_left_out(event: dict[str, Any], expected: dict[str, Any]) -> None:
    assert redact(None, "info", event) == expected


def test_a_token_is_left_out_wherever_it_stands() -> None:
    token = make_token()

    line = redact(None, "error", {"exception": f"KeyError: {token!r} in a traceback"})

    assert line == {"exception": f"KeyError: '{LEFT_OUT}' in a traceback"}
