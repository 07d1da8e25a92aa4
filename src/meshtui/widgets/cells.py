"""Text in cells of a terminal: made visible, measured, cut and padded. Nothing here knows markup."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from meshcore.safety.sanitize import visible

ELLIPSIS = "…"


def plain(text: str) -> str:
    """Return text from outside as one line that cannot steer a terminal."""
    return visible(text, keep_newlines=False).replace("\t", " ")


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Return text in exactly `width` cells: padded, or cut with an ellipsis."""
    if width <= 0:
        return ""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + ELLIPSIS
    return " " * (width - length) + text if right else text + " " * (width - length)
