"""Why a filter is refused, and why one event could not be decided."""

# Characters of a long line that are shown on either side of its fault.
AROUND = 60


class FilterError(ValueError):
    """A filter that cannot be saved. `message` is a sentence for the customer; line and column count from 1.

    `kind` is syntax, or unknown_field, or not_filterable.
    """

    def __init__(
        self,
        message: str,
        *,
        text: str,
        line: int = 1,
        column: int = 1,
        suggestion: str | None = None,
        kind: str = "syntax",
    ) -> None:
        super().__init__(f"Line {line}, column {column}: {message}")
        self.message = message
        self.kind = kind
        self.text = text
        self.line = line
        self.column = column
        self.suggestion = suggestion

    @property
    def excerpt(self) -> str:
        """The line, of a long one the part around the place, with a caret below the place."""
        lines = self.text.split("\n")
        line, before = lines[min(self.line, len(lines)) - 1], self.column - 1
        if len(line) > before + AROUND:
            line = f"{line[: before + AROUND]}…"
        if before > AROUND:
            line, before = f"…{line[before - AROUND :]}", AROUND + 1
        # Tabs stay tabs, so that the caret stands below its character.
        padding = "".join("\t" if character == "\t" else " " for character in line[:before])
        return f"{line}\n{padding}^"


class FilterEvaluationError(Exception):
    """The expression ended in an error for this event, such as an absent field that nothing absorbs."""
