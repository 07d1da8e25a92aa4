"""The line above a log: which log, how many lines, how far it was looked through, and whether its end is followed."""

from __future__ import annotations

from pathlib import Path

from textual.content import Content
from textual.widgets import Static

from meshcore.journal.document import Document
from meshtui.widgets.cells import fit, plain
from meshtui.widgets.log_view import LogView

LEAST_WIDTH = 20
GAP = 2  # cells between the name and the counts


class LogTitle(Static):
    """Drawn anew whenever the log, the filter or the cursor has moved on."""

    DEFAULT_CSS = """
    LogTitle { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def show(
        self,
        name: str,
        document: Document,
        view: LogView,
        *,
        filtered: bool,
        suspended: bool,
        fault: str,
        said: str,
    ) -> None:
        """Draw the line; `fault` and `said` stand in the place of the name, the graver first."""
        width = self.size.width - 1
        if width < LEAST_WIDTH:
            return
        right = [*_counts(document, filtered=filtered, suspended=suspended), _following(view)]
        left = (
            fit(plain(f" {fault or said or name}"), max(0, width - GAP - sum(len(text) for text, _ in right)))
            + " " * GAP
        )
        tone = "$error" if fault else "$warning" if said else "$dim"
        self.update(Content.assemble((left, tone), *right), layout=False)


def short(path: Path) -> str:
    """Return a path with `~` for the person's own folder."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except ValueError:
        return str(path)


def _counts(document: Document, *, filtered: bool, suspended: bool) -> list[tuple[str, str]]:
    total = len(document.rows)
    parts = [(f"{len(document.matched):,} of {total:,}" if filtered else f"{total:,} lines", "bold")]
    if filtered and suspended:
        parts.append((" (all shown)", "$warning"))
    if filtered and document.searched < 1:
        parts.append((f"  looking {document.searched:.0%}", "$accent"))
    if not document.is_counted:
        parts.append((f"  counting {document.counted:.0%}", "$accent"))
    return parts


def _following(view: LogView) -> tuple[str, str]:
    if view.following:
        return "  ▼ following", "$success"
    return (f"  paused, +{view.unseen:,} new", "$warning") if view.unseen else ("  paused", "$dim")
