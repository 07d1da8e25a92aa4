"""How far an operator lets things go: one ceiling per home, kind of agent, author and action type; the lowest wins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshcore import home

if TYPE_CHECKING:  # it takes a while to load, and each look before a command asks for a mode
    from meshcore.model import Decision, Mode

MODE = "mode"
VIA = "mode:via:"
AUTHOR = "mode:author:"
ACTION = "mode:action:"
FROM = "mode:from:"  # + node: what another node of the operator holds this one at

_AS_DECISION: Mapping[Mode, Decision] = {"off": "refuse", "hint": "hint", "approve": "approve", "auto": "run"}
MODES = tuple(_AS_DECISION)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What is allowed at most, and for whom that was said ("" where nothing is held back), or why in words."""

    mode: Mode
    of: str = ""
    why: str = ""

    @property
    def decision(self) -> Decision:
        """Return the highest decision that this allows."""
        return _AS_DECISION[self.mode]


def mode_for_hook(rows: Mapping[str, str], via: str) -> Mode:
    """Return how far a hook lets things go for a kind of agent: what the operator set for it, `hint` without."""
    asked = rows.get(VIA + via, "")
    return next((mode for mode in MODES if mode == asked), "hint")


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
    """Return the lowest of all modes that apply, the host's before all others; a row that holds no mode is none.

    `asked` is the command's, `settings` that of config.toml, `rows` what the operator has set (keys begin with `mode`).
    `author` is the operator key of who taught the skill; `start` is their mode while the operator has set none.
    """
    of_author = rows.get(AUTHOR + author, "") if author else ""
    said = (
        ("this command", asked),
        ("this home, in config.toml,", settings),
        ("this home", rows.get(MODE)),
        (f"agents of {via}", rows.get(VIA + via)),
        ("its author", of_author if of_author in MODES else start),
        (f"actions of type {action_type}", rows.get(ACTION + action_type)),
    )
    found = _of_the_host(via, action_type)
    found += [Ceiling(mode, of) for of, mode in said if mode in MODES]
    elsewhere = {mode for key, mode in rows.items() if key.startswith(FROM)}
    found += [Ceiling(mode, "this host, by another node of yours,") for mode in MODES if mode in elsewhere]
    lowest = min(found, key=lambda one: MODES.index(one.mode))
    return Ceiling("auto") if lowest.mode == "auto" else lowest


def _of_the_host(via: str, action_type: str) -> list[Ceiling]:
    try:
        os.lstat(home.MANAGED_FILE)
    except (FileNotFoundError, NotADirectoryError):
        return []  # most hosts have none, and a hook has no time
    except OSError:
        pass  # it may be there: what cannot be looked at is told of as its problem
    from meshcore.safety.managed import managed

    return [Ceiling(mode, why=why) for mode, why in managed().ceilings(via, action_type)]
