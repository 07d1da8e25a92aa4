"""How far an operator lets things go: one ceiling per home, kind of agent, author and action type; the lowest wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from meshcore.healing.policy import Ruling
from meshcore.model import MODES, Decision, Mode

MODE = "mode"
VIA = "mode:via:"
AUTHOR = "mode:author:"
ACTION = "mode:action:"
RANK: Mapping[Decision, int] = {"refuse": 0, "hint": 1, "approve": 2, "run": 3}


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What is allowed at most, and what says so ("" where nothing is held back)."""

    mode: Mode
    of: str = ""

    @property
    def decision(self) -> Decision:
        """The highest decision that this allows."""
        return {"off": "refuse", "auto": "run"}.get(self.mode, self.mode)  # type: ignore[return-value]


def ceiling(
    asked: Mode,
    settings: Mode | None,
    rows: Mapping[str, str],
    *,
    via: str = "",
    author: str = "",
    action_type: str = "",
    start: Mode = "auto",
) -> Ceiling:
    """Return the lowest of all modes that apply.

    `asked` is the command's, `settings` that of config.toml, `rows` what the operator has set (keys begin with `mode`).
    `author` is the operator key of who taught the skill; `start` is their mode while the operator has set none.
    """
    said = [
        ("this command", asked),
        ("this home in config.toml", settings),
        ("this home", rows.get(MODE)),
        (f"agents of {via}", rows.get(VIA + via)),
        ("its author", rows.get(AUTHOR + author) if author else None) if AUTHOR + author in rows else ("its author", start),
        (f"actions of type {action_type}", rows.get(ACTION + action_type)),
    ]
    found = [Ceiling(cast(Mode, mode), of) for of, mode in said if mode in MODES]
    lowest = min(found, key=lambda one: MODES.index(one.mode), default=Ceiling("auto"))
    return Ceiling("auto") if lowest.mode == "auto" else lowest


def lower(ruling: Ruling, highest: Ceiling) -> Ruling:
    """Return a ruling that goes no further than a ceiling, with the reason where it had to be lowered."""
    if RANK[ruling.decision] <= RANK[highest.decision]:
        return ruling
    reasons = (f"the mode for {highest.of} is {highest.mode}", *ruling.reasons)
    return replace(ruling, decision=highest.decision, reasons=reasons)
