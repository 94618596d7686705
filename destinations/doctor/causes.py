"""The error table: every code that services give in practice, with its cause, its remedy and who has to act.

Targets take the remedies of their errors from here, pages and the API the causes, docs/troubleshooting.md all of it.
It knows neither the database nor Django, so that targets may import it.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

TABLE = Path(__file__).with_name("causes.toml")

WHO_ACTS = {
    "you": "You",
    "operator": "The operator of this installation",
    "us": "We do",
    "nobody": "Nobody",
}
HEALING = {
    "by_itself": "Yes",
    "when_mended": "Once it is mended: we test again every 5 min",
    "never": "No: each record for itself",
}
# Whose answers a target may get, nearest first. A role is signed in to before anything else.
SERVICES = {
    "cloudwatch_logs": ("cloudwatch_logs", "aws"),
    "kinesis": ("kinesis", "aws"),
    "firehose": ("firehose", "aws"),
    "azure_logs_ingestion": ("azure_logs_ingestion", "entra"),
}


@dataclass(frozen=True, slots=True)
class Cause:
    """A row of the table; the fields are explained at its head. Texts may hold {placeholders}, see `filled`."""

    service: str
    code: str
    outcome: str
    cause: str
    remedy: str
    who: str
    heals: str
    also: tuple[str, ...] = ()
    status: int = 0
    words: str = ""
    said: str = ""
    minutes: int = 0
    of_record: bool = False
    copy: str = ""

    @property
    def who_acts(self) -> str:
        return WHO_ACTS[self.who]

    @property
    def healing(self) -> str:
        return HEALING[self.heals]

    def fits(self, code: str, said: str) -> bool:
        return code in (self.code, *self.also) and self.words in said.lower()


@lru_cache(maxsize=1)
def all_causes() -> tuple[Cause, ...]:
    """The whole table, in its order."""
    rows = tomllib.loads(TABLE.read_text())["cause"]
    return tuple(Cause(**{**row, "also": tuple(row.get("also", ()))}) for row in rows)


def find(service: str, code: str, said: str = "", *, at_sign_in: bool = False) -> Cause | None:
    """What a code means that came while sending to a target (or from a single service, such as sts).

    AWS has codes that its sign-in and its services share, so `at_sign_in` says that it was STS that refused.
    """
    asked = SERVICES.get(service, (service,))
    order = (*(("sts",) if at_sign_in and "aws" in asked else ()), *asked, "http", "here")
    for each in order:
        for cause in all_causes():
            if cause.service == each and cause.fits(code, said):
                return cause
    return None


def remedy(service: str, code: str, said: str = "", facts: Mapping[str, str] | None = None) -> str:
    """The remedy with its placeholders filled; empty for a code that is not in the table."""
    found = find(service, code, said)
    return filled(found.remedy, facts or {}) if found else ""


def filled(text: str, facts: Mapping[str, str]) -> str:
    """A text for this destination; what is not known of it is named in words. A sentence stays one."""
    sentence = text.format_map({**GENERIC, **{name: value for name, value in facts.items() if value}})
    return sentence[:1].upper() + sentence[1:]


GENERIC = {
    "actions": "the actions that the set-up names",
    "arn": "the ARN",
    "region": "this Region",
    "role_arn": "of the role",
    "whose": "the role or the access key",
}
