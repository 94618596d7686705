"""An object as a program would make it: a curl call, Terraform, and the YAML of a whole configuration.

A secret stands as `Secret`, which becomes a reference in each language, so that no value is ever in the text.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from django.conf import settings

API_KEY = "NGROK_API_KEY"
SHELL_SPECIAL = re.compile(r"([\\$`])")


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret value goes: `name` of its field, and its reference in a configuration document."""

    name: str
    reference: str


@dataclass(frozen=True, slots=True)
class Snippet:
    """`note` says what to put where before it can be used."""

    slug: str
    label: str
    text: str
    note: str = ""


def curl(method: str, path: str, body: Mapping[str, Any]) -> Snippet:
    """The call in a shell, which puts the values of variables in place of secrets."""
    secrets = [each.name.upper() for each in secrets_in(body)]
    shown = json.dumps(_filled(body, lambda each: f"\0{each.name.upper()}\0"), indent=2, ensure_ascii=False)
    # The text is a here-document that the shell expands: only the variables may mean anything to it.
    escaped = re.sub(r"\\\\u0000(\w+?)\\\\u0000", r"${\1}", SHELL_SPECIAL.sub(r"\\\1", shown))
    lines = [
        f"curl --fail-with-body -X {method} '{settings.API_URL}{path}' \\",
        f'  -H "Authorization: Bearer ${API_KEY}" -H "Ngrok-Version: 2" -H "Content-Type: application/json" \\',
        "  --data-binary @- <<BODY",
        escaped,
        "BODY",
    ]
    note = f"Set {_listed([API_KEY, *secrets])} in the environment first."
    if secrets and method == "PATCH":
        note = f"Set {API_KEY} in the environment first; while {_listed(secrets)} is not set, what is stored stays."
    return Snippet("curl", "API call", "\n".join(lines), note)


def terraform(kind: str, name: str, body: Mapping[str, Any], existing: str = "") -> Snippet:
    """For the ngrok provider; an object that exists is imported and not made a second time."""
    label = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:60]
    label = label if label[:1].isalpha() else f"events_{label}".rstrip("_")
    lines = [f'resource "{kind}" "{label}" {{', *_hcl(body, "  "), "}"]
    if existing:
        lines = ["import {", f"  to = {kind}.{label}", f"  id = {_quoted(existing)}", "}", "", *lines]
    for secret in secrets_in(body):
        lines += ["", f'variable "{secret.name}" {{', "  type      = string", "  sensitive = true", "}"]
    note = f"The provider ngrok/ngrok reads {API_KEY}; point it at {settings.API_URL}."
    return Snippet("terraform", "Terraform", "\n".join(lines), note)


def as_yaml(section: str, entry: Mapping[str, Any]) -> Snippet:
    """A document for `POST /event_configuration/plan` and `/apply`."""
    document = {"version": 1, section: [_filled(entry, lambda each: each.reference)]}
    references = [each.reference for each in secrets_in(entry)]
    note = "Send it to POST /event_configuration/plan to see what it changes, then to /apply."
    if references:
        note += f" {_listed(references)}: stored values stay; a new one is handed in under secrets."
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000)
    return Snippet("yaml", "YAML", text.rstrip("\n"), note)


def secrets_in(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_in(item)


def _filled(value: Any, fill: Any) -> Any:
    if isinstance(value, Secret):
        return fill(value)
    if isinstance(value, Mapping):
        return {name: _filled(item, fill) for name, item in value.items()}
    return [_filled(item, fill) for item in value] if isinstance(value, list) else value


def _hcl(body: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in body.items():
        blocks = [value] if isinstance(value, Mapping) else value if _is_blocks(value) else None
        if blocks is None:
            yield f"{indent}{name} = {_expression(value)}"
            continue
        for block in blocks:
            yield f"{indent}{name} {{"
            yield from _hcl(block, f"{indent}  ")
            yield f"{indent}}}"


def _is_blocks(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _expression(value: Any) -> str:
    if isinstance(value, Secret):
        return f"var.{value.name}"
    if isinstance(value, list):
        return f"[{', '.join(map(_expression, value))}]"
    return _quoted(str(value))


def _quoted(text: str) -> str:
    """A quoted template: what would begin an interpolation is doubled."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
