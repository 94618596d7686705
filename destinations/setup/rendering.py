"""Text files from templates: scripts, CloudFormation, Terraform. Nothing is escaped for HTML here; a value that goes
into a script or a template passes the filter of that language, though it was validated before.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from django.template import Context, Engine, Library

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
def hcl(value: object) -> str:
    """A string of Terraform, in which ${ would begin an expression."""
    return orjson.dumps(str(value)).decode().replace("${", "$${").replace("%{", "%%{")


_ENGINE = Engine(dirs=[str(Path(__file__).parent / "templates")], autoescape=False)
_ENGINE.template_builtins.append(register)


def render(name: str, values: Mapping[str, Any]) -> str:
    return _ENGINE.get_template(name).render(Context(dict(values), autoescape=False))
