"""The guides of docs/destinations, and the blocks of code in them."""

import re
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

GUIDES = sorted((Path(settings.BASE_DIR) / "docs" / "destinations").glob("*.md"))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    guide: str
    language: str
    text: str

    @property
    def lines(self) -> list[str]:
        """Of a shell block: its commands, each on one line."""
        return self.text.replace("\\\n", " ").splitlines()


def blocks(*languages: str) -> list[Block]:
    """Those in these languages; all without one."""
    found = [Block(guide.name, *block) for guide in GUIDES for block in BLOCK.findall(guide.read_text())]
    return [block for block in found if not languages or block.language in languages]
