"""Which cells of a line say something else than before, so that only those are sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

NEAR_CELLS = 12  # moving the cursor costs about as much as drawing so many

Cell = tuple[str, Style | None]


def changed_regions(before: Strip | None, after: Strip, y: int) -> Iterator[Region]:
    """Yield the parts of line `y` that are to be drawn again."""
    if before is None or before.cell_length != after.cell_length:
        yield Region(0, y, after.cell_length, 1)
        return
    if before == after:
        return
    flags = [old != new for old, new in zip(_cells(before), _cells(after), strict=True)]
    for start, end in _runs(flags):
        yield Region(start, y, end - start, 1)


def _cells(strip: Strip) -> list[Cell]:
    found: list[Cell] = []
    for text, style, _ in strip:
        for char in text:
            width = cell_len(char)
            if width:
                found += [(char, style)] * width
            elif found:
                found[-1] = (found[-1][0] + char, style)
    # Joined characters may take fewer cells than one by one: then the line counts as whole.
    return found if len(found) == strip.cell_length else [(strip.text, None)] * strip.cell_length


def _runs(flags: Sequence[bool]) -> list[tuple[int, int]]:
    """Return the beginnings and ends of where flags are set, near ones joined."""
    found: list[tuple[int, int]] = []
    for place, flag in enumerate(flags):
        if not flag:
            continue
        if found and place - found[-1][1] < NEAR_CELLS:
            found[-1] = (found[-1][0], place + 1)
        else:
            found.append((place, place + 1))
    return found
