"""A template of CloudFormation with its parameters put in, and the values that a link gives them."""

import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from cfnlint.decode.cfn_yaml import load

NAME = re.compile(r"\$\{([\w:]+)\}")


class Launch(NamedTuple):
    """What a link opens CloudFormation with."""

    console: str
    template: str
    stack: str
    parameters: dict[str, str]


def read_link(link: str) -> Launch:
    address = urlsplit(link)
    page, _, query = address.fragment.partition("?")
    assert page == "/stacks/create/review"
    given = {name: value for name, [value] in parse_qs(query, strict_parsing=True).items()}
    template, stack = given.pop("templateURL"), given.pop("stackName")
    assert all(name.startswith("param_") for name in given)
    console = f"{address.scheme}://{address.netloc}{address.path}?{address.query}"
    return Launch(console, template, stack, {name.removeprefix("param_"): value for name, value in given.items()})


def parsed(text: str, directory: Path) -> dict[str, Any]:
    file = directory / "parsed.yaml"
    file.write_text(text)
    found: dict[str, Any] = load(str(file))
    return found


def resolved(value: Any, values: dict[str, str]) -> Any:
    """With every Ref and Fn::Sub to one of `values` put in."""
    if isinstance(value, list):
        return [resolved(each, values) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"}:
        return values[value["Ref"]]
    if set(value) == {"Fn::Sub"}:
        return NAME.sub(lambda found: values[found[1]], value["Fn::Sub"])
    return {name: resolved(each, values) for name, each in value.items()}


def pseudo_parameters(partition: str, region: str, account: str) -> dict[str, str]:
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    return {
        "AWS::Partition": partition,
        "AWS::Region": region,
        "AWS::AccountId": account,
        "AWS::URLSuffix": suffix,
    }
