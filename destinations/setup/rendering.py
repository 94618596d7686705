"""Text files from templates: scripts, CloudFormation, Terraform. Nothing is escaped for HTML here; a value that goes
into a script or a template passes the filter of that language, though it was validated before.
"""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from django.template import Context, Engine, Library

PARAMETER = re.compile(r"\$\{([\w:]+)\}")

register = Library()


@register.filter
def shell(value: object) -> str:
    """One word of a shell command."""
    return shlex.quote(str(value))


@register.filter
def as_json(value: object, indent: int = 0) -> str:
    """JSON that lines up `indent` columns deep from its second line on: also a value of YAML."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode().replace("\n", "\n" + " " * indent)


@register.filter
def cloudformation(value: object, indent: int = 0) -> str:
    """As `as_json`, on one line without an `indent`; texts that name parameters are put together by CloudFormation."""
    found = _with_parameters(value)
    return as_json(found, indent) if indent else orjson.dumps(found).decode()


def _with_parameters(value: object) -> object:
    if isinstance(value, dict):
        return {name: _with_parameters(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_with_parameters(each) for each in value]
    if not isinstance(value, str) or "${" not in value:
        return value
    alone = PARAMETER.fullmatch(value)
    return {"Ref": alone[1]} if alone else {"Fn::Sub": value}


@register.filter
def hcl(value: object) -> str:
    """A string of Terraform, in which ${ would begin an expression."""
    return orjson.dumps(str(value)).decode().replace("${", "$${").replace("%{", "%%{")


_ENGINE = Engine(dirs=[str(Path(__file__).parent / "templates")], autoescape=False)
_ENGINE.template_builtins.append(register)


def render(name: str, values: Mapping[str, Any]) -> str:
    return _ENGINE.get_template(name).render(Context(dict(values), autoescape=False))
