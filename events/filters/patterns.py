"""Regular expressions that say no more than `==`, `in`, startsWith, endsWith or contains."""

import re

META = r"\\.^$*+?()\[\]{}|"
# Any other character, or punctuation behind a backslash.
LITERAL = rf"(?:[^{META}]|\\[!-/:-@\[-`{{-~])*"
SIMPLE = re.compile(
    rf"(?P<start>\^)?(?P<before>\.\*)?(?:\((?:\?:)?(?P<options>{LITERAL}(?:\|{LITERAL})*)\)|(?P<only>{LITERAL}))"
    rf"(?P<after>\.\*)?(?P<end>\$)?",
    re.DOTALL,
)
MAX_OPTIONS = 100


def simplify(pattern: str) -> tuple[str, tuple[str, ...]] | None:
    """How and with what to compare, such as `("endswith", (".ngrok.dev",))`; None if it takes the pattern itself.

    `.*` at an open end means nothing. Between an anchor and the text it does: it stops at a line's end.
    """
    found = SIMPLE.fullmatch(pattern)
    if found is None or (found["start"] and found["before"]) or (found["end"] and found["after"]):
        return None
    literals = found["only"] if found["options"] is None else found["options"]
    # `a.*$` and `^.*a` are out already: what is left of `.*` stands at an open end.
    texts = tuple(re.sub(r"\\(.)", r"\1", text) for text in _split(literals, found["options"] is not None))
    if len(texts) > MAX_OPTIONS:
        return None
    if found["start"] and found["end"]:
        return "in", texts
    if found["start"]:
        return "startswith", texts
    if found["end"]:
        return "endswith", texts
    return ("contains", texts) if len(texts) == 1 else None


def _split(literals: str, is_many: bool) -> list[str]:
    return re.split(r"(?<!\\)\|", literals) if is_many else [literals]
