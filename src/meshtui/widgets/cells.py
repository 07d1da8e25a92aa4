"""Text in cells of a terminal: made visible, measured, cut and padded. Nothing here knows markup."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells, set_cell_size

from meshcore.safety.visible_text import visible

ELLIPSIS = "…"


def plain(text: str) -> str:
    """Return text from outside as one line that cannot steer a terminal."""
    return visible(text, keep_newlines=False).replace("\t", " ")


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Return text in exactly `width` cells: padded, or cut with an ellipsis."""
    if width <= 0:
        return ""
    if text.isascii():  # rich keeps thousands of the texts that it measured; of a log no line comes twice
        length = len(text)
        if length > width:
            return text[: width - 1] + ELLIPSIS
    elif (length := cell_len(text)) > width:
        return set_cell_size(text, width - 1) + ELLIPSIS
    return " " * (width - length) + text if right else text + " " * (width - length)


def wrapped(text: str, width: int) -> list[str]:
    """Return one line as lines of at most `width` cells, broken at spaces where that is possible."""
    if cell_len(text) <= width or width < 1:
        return [text]
    found: list[str] = []
    while cell_len(text) > width:
        head = len(chop_cells(text, width)[0])
        space = head if text[head] == " " else text.rfind(" ", head // 2, head)
        cut = space if space > 0 else head
        found.append(text[:cut])
        text = text[cut:].lstrip(" ")
    return [*found, text] if text else found
