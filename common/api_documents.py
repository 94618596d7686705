"""Bodies in YAML, for the one kind of document that people write by hand."""

from typing import Any

import yaml

from common.api import refuse

YAML_TYPES = frozenset({"application/yaml", "application/x-yaml", "text/yaml"})


class _PlainLoader(yaml.SafeLoader):
    """Plain values only; aliases are refused, because a few lines of them unpack into gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases are not taken here")
        return super().compose_node(parent, index)


# Texts that look like dates stay texts, as in JSON.
_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_yaml(body: bytes) -> Any:
    """Raises APIError."""
    try:
        return yaml.load(body, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader  # nosec B506
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise refuse(213, f"The body is not YAML that is taken here: {reason}.") from None
