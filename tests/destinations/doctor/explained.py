"""What is so of every failure that stands in the error table."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from django.template.loader import render_to_string
from django.utils.html import escape

from accounts.models import Account
from destinations.doctor.causes import WHO_ACTS, Cause, all_causes, find
from destinations.doctor.remedies import advice_on
from destinations.outcome import DeliveryError
from destinations.targets import Target
from destinations.targets._aws_errors import is_of_sign_in
from tests.destinations.targets.samples import make_record


def rows_of(*services: str) -> list[Cause]:
    return [cause for cause in all_causes() if cause.service in services]


class Answered(NamedTuple):
    """One of a row's codes, as a service answers it."""

    cause: Cause
    code: str

    @property
    def status(self) -> int:
        """A row's other names that are numbers are statuses of their own."""
        return int(self.code) if self.code.isdecimal() else self.cause.status


def answers_of(*services: str) -> list[Answered]:
    """Every code of every row about whole requests, so that a new one is tested as soon as it stands in the table."""
    rows = [cause for cause in rows_of(*services) if not cause.of_record]
    return [Answered(cause, code) for cause in rows for code in (cause.code, *cause.also)]


def name_of(answered: Answered) -> str:
    return f"{answered.cause.service}-{answered.code}-{answered.cause.words}"


def failure_of(target: Target, act: Callable[[], object] | None = None) -> DeliveryError:
    """What sending to it raises, or `act`."""
    with pytest.raises(DeliveryError) as raised:
        act() if act else target.send([make_record()])
    target.close()
    return raised.value


def assert_explained(cause: Cause, target: str, config: dict[str, str], error: DeliveryError) -> None:
    """The failure has the row's outcome, finds this row again, and its page shows cause, remedy and who acts."""
    assert error.outcome == cause.outcome
    assert find(target, error.code, error.said, at_sign_in=is_of_sign_in(error.message)) == cause
    advice = advice_on(target, config, Account(external_id="ac_external"), error)
    assert advice is not None
    step = {"label": "Write one record", "status": "failed", "cause": advice.cause, "remedy": advice.remedy}
    step |= {"who": advice.who, "heals": advice.healing, "copy_words": advice.copy_words, "copy": advice.copy}
    page = render_to_string("components/_steps.html", {"steps": [step]})
    for words in (advice.cause, advice.remedy, advice.healing, WHO_ACTS[cause.who], advice.copy):
        assert escape(words) in page
