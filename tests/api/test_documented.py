"""docs/api.md: its examples work, one after the other, and it lists every code that there is."""

import json
import re
from pathlib import Path

from accounts.models import Account
from destinations.targets import all_targets
from subscriptions.api_bodies import CODES
from tests.api.calling import Api

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "api.md").read_text()
EXAMPLE = re.compile(r"```http\n(\w+) (\S+)\n(?:\n(.*?))?```", re.DOTALL)


def test_the_examples_work_in_their_order(api: Api) -> None:
    known: dict[str, str] = {}

    for method, path, body in EXAMPLE.findall(TEXT):
        for name, value in known.items():
            path, body = path.replace(f"{{{name}}}", value), body.replace(f"{{{name}}}", value)  # noqa: PLW2901
        answer = api.call(method, path, json.loads(body) if body.strip() else None)
        assert answer.status_code < 300, (method, path, answer.content)
        if answer.status_code == 201 and "id" in answer.json():
            pk = answer.json()["id"]
            known["destination" if pk.startswith("ed_") else "subscription"] = pk
    assert set(known) == {"destination", "subscription"}


def test_every_code_is_listed(account: Account) -> None:
    listed = {int(number) for number in re.findall(r"\b(\d{3,4})\b", TEXT.partition("## Errors")[2])}
    used = set(CODES.values()) | {
        code for target in all_targets().values() for code in target.form_class.api_codes.values()
    }
    rooms = ("common", "config", "accounts", "events", "destinations", "subscriptions", "delivery")
    for room in rooms:
        for source in (ROOT / room).rglob("*.py"):
            raised = r"(?:APIError|refuse|_unauthorized|ResourceError)\(\s*(\d{3,4}),"
            used |= {int(number) for number in re.findall(raised, source.read_text())}

    assert used - listed == set()
    assert len(used) > 50
