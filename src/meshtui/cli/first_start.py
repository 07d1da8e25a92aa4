"""The one question that an empty home asks before the terminal opens: what do you run?"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from meshcore.errors import MeshError
from meshtui.cli.context import note, say

SHELLS = ("bash", "zsh", "fish")


def ask(context: click.Context) -> None:
    """Ask what a person runs, and connect that: each part shows what it writes, and asks, before it does."""
    choices = _choices(context)
    say("meshtui: nothing is here yet. What do you run?")
    for number, (what, _) in enumerate(choices, 1):
        say(f"  {number}  {what}")
    sys.stderr.write("Numbers with blanks between, or enter to open the terminal: ")
    sys.stderr.flush()
    words = sys.stdin.readline().split()
    for word in words:
        if not word.isdecimal() or not 1 <= int(word) <= len(choices):
            note(f"{word:.20}: not one of the numbers")
            continue
        say()
        try:
            choices[int(word) - 1][1]()
        except (click.ClickException, MeshError) as error:
            note(error.message if isinstance(error, click.ClickException) else str(error))
    if words:
        sys.stderr.write("\nEnter opens the terminal; `meshtui --help` names the rest: ")
        sys.stderr.flush()
        sys.stdin.readline()


def _choices(context: click.Context) -> list[tuple[str, Callable[[], object]]]:
    from meshcore.agents.table import NAMES, program
    from meshtui.cli.connect import connect
    from meshtui.cli.demo import demo

    found: list[tuple[str, Callable[[], object]]] = []
    for name in NAMES:
        if where := program(name).hooks(os.environ).installed(os.environ):
            found.append((f"{name}: let it ask the mesh ({where})", _call(context, connect, agent=name)))
    shell = Path(os.environ.get("SHELL", "")).name
    if shell in SHELLS:
        found.append((f"{shell}: the known fix after a failed command", lambda: _tell_shell(shell)))
    return [*found, ("nothing yet: play the demo, in a folder of its own", _call(context, demo))]


def _call(context: click.Context, command: click.Command, **options: object) -> Callable[[], object]:
    return lambda: context.invoke(command, **options)


def _tell_shell(shell: str) -> None:
    if shell == "fish":
        say("put this at the end of ~/.config/fish/config.fish:  meshtui shell-init fish 2>/dev/null | source")
    else:
        say(f'put this at the end of ~/.{shell}rc:  eval "$(meshtui shell-init {shell} 2>/dev/null)"')
