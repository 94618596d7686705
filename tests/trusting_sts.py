"""An AWS STS that evaluates trust policies, which the emulator does not: who may become a role, and with what.

It knows the policies that trust policies are made of: Allow and Deny, AWS principals (an ARN, an account, anyone), and
conditions StringEquals, StringLike and ArnEquals on sts:ExternalId and aws:PrincipalArn. Other calls are
answered as FakeAws answers them.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.destinations.targets.fake_aws import FakeAws, assumed

OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": operator.eq,
    "ArnEquals": fnmatchcase,
    "StringLike": fnmatchcase,
}


@dataclass
class TrustingSts(FakeAws):
    """`callers` are our identities by access key ID, `roles` the trust policies by role ARN."""

    server: HTTPServer
    callers: dict[str, str] = field(default_factory=dict)
    roles: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self.server)

    def _handle(self, request: Request) -> Response:
        form = dict(parse_qsl(request.get_data().decode("latin-1")))
        if form.get("Action") == "AssumeRole":
            caller = self._caller(request)
            if not self.may_assume(caller, form["RoleArn"], form.get("ExternalId", "")):
                message = f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {form['RoleArn']}"
                self.refuse("AssumeRole", "AccessDenied", 403, message)
            else:
                self.answer("AssumeRole", assumed())
        return super()._handle(request)

    def _caller(self, request: Request) -> str:
        credential = request.headers["Authorization"].partition("Credential=")[2]
        return self.callers[credential.partition("/")[0]]

    def may_assume(self, caller: str, role_arn: str, external_id: str) -> bool:
        """What the role's trust policy says; a role that does not exist refuses everyone. A denial outweighs all."""
        known = {"aws:PrincipalArn": caller, **({"sts:ExternalId": external_id} if external_id else {})}
        fitting = [
            statement["Effect"]
            for statement in self.roles.get(role_arn, {}).get("Statement", [])
            if statement["Action"] in {"sts:AssumeRole", "sts:*", "*"}
            and _is_meant(caller, statement["Principal"])
            and _holds(statement.get("Condition", {}), known)
        ]
        return "Allow" in fitting and "Deny" not in fitting


def _is_meant(caller: str, principal: Any) -> bool:
    if principal == "*":
        return True
    account = caller.split(":")[4]
    return any(each in {"*", caller, account, f"arn:aws:iam::{account}:root"} for each in _list(principal.get("AWS")))


def _holds(conditions: Mapping[str, Mapping[str, Any]], known: Mapping[str, str]) -> bool:
    """All of them; a key that the request does not have fits nothing, except that ...IfExists then holds."""
    return all(
        _one_holds(name, known.get(key), _list(wanted))
        for name, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _one_holds(name: str, given: str | None, wanted: Sequence[str]) -> bool:
    if given is None:
        return name.endswith("IfExists")
    compare = OPERATORS[name.removesuffix("IfExists")]
    return any(compare(given, each) for each in wanted)


def _list(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)
