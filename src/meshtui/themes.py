"""Three themes: dark, light, and one of the terminal's own 16 colours. One accent; the other colours mean something."""

from __future__ import annotations

from collections.abc import Sequence

from textual.filter import LineFilter, Monochrome, NoColor
from textual.theme import Theme

NAMES = DARK, LIGHT, ANSI = "mesh-dark", "mesh-light", "mesh-ansi"

THEMES: tuple[Theme, ...] = (
    Theme(
        name=DARK,
        primary="#5fb3d9",
        accent="#5fb3d9",
        success="#7fc98b",
        warning="#e3b75f",
        error="#ef7d7d",
        foreground="#d7dce2",
        background="#12161b",
        surface="#181d23",
        panel="#222932",
        dark=True,
        variables={"dim": "#8793a0", "faint": "#3c4652", "learned": "#b79be8", "received": "#6d9fd8"},
    ),
    Theme(
        name=LIGHT,
        primary="#0b6a94",
        accent="#0b6a94",
        success="#1b7331",
        warning="#885a00",
        error="#b3261e",
        foreground="#1d232a",
        background="#fbfbf9",
        surface="#f2f2ee",
        panel="#e9eae6",
        dark=False,
        variables={"dim": "#5e6770", "faint": "#c3c7c9", "learned": "#6b3fb5", "received": "#2a5ea8"},
    ),
    Theme(
        name=ANSI,
        ansi=True,
        primary="ansi_cyan",
        accent="ansi_cyan",
        success="ansi_green",
        warning="ansi_yellow",
        error="ansi_red",
        foreground="ansi_default",
        background="ansi_default",
        surface="ansi_default",
        panel="ansi_default",
        boost="ansi_default",
        dark=True,
        variables={
            "dim": "ansi_bright_black",
            "faint": "ansi_bright_black",
            "learned": "ansi_magenta",
            "received": "ansi_blue",
            "ansi-background": "ansi_black",
            "ansi-foreground": "ansi_white",
            "border-blurred": "ansi_black",
            "block-cursor-foreground": "ansi_black",
            "block-cursor-background": "ansi_white",
            "input-cursor-background": "ansi_white",
            "input-cursor-foreground": "ansi_black",
            "input-cursor-text-style": "none",
            "input-selection-background": "ansi_cyan",
            "input-selection-foreground": "ansi_black",
            "screen-selection-background": "ansi_cyan",
            "screen-selection-foreground": "ansi_black",
        },
    ),
)


def default_theme(environment: dict[str, str] | None = None) -> str:
    """Return the theme to begin with: 16 colours where the terminal says that it has no more, else dark."""
    import os

    env = os.environ if environment is None else environment
    rich = env.get("COLORTERM") in ("truecolor", "24bit") or "256color" in env.get("TERM", "")
    return DARK if rich else ANSI


def without_colours(filters: Sequence[LineFilter]) -> Sequence[LineFilter]:
    """Return filters that leave the terminal's own colours out: Textual's grey scale makes black of text and ground."""
    return [NoColor() if isinstance(one, Monochrome) else one for one in filters]
