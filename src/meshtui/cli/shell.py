"""`meshtui shell-init` and `completion`: what a shell reads at its start."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import click

import meshcore
from meshtui.cli.context import COMPLETING, Session

KEYS = {"bash": r"\em", "fish": r"\em", "zsh": "^[m"}
KEY_NAME = "Alt-m"


@click.command("shell-init")
@click.argument("shell", type=click.Choice(sorted(KEYS)))
@click.pass_obj
def shell_init(session: Session, shell: str) -> None:
    """Print a prompt hook: after a failed command it shows the known fix, and Alt-m puts it on the command line.

    Put this into ~/.bashrc or ~/.zshrc, at its end:

        eval "$(meshtui shell-init bash 2>/dev/null)"

    Into ~/.config/fish/config.fish:  meshtui shell-init fish 2>/dev/null | source
    """
    bridge = session.bridge and session.settings.bridge.pinned("the shell's start-up file")
    settings = {"MESHTUI_HOME": session.home, "MESHTUI_BRIDGE": bridge, "MESHTUI_AGENT": session.agent}
    print(script(shell, {name: value for name, value in settings.items() if value}), end="")


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what completes the words of meshtui in a shell.

    bash, in ~/.bashrc:  eval "$(meshtui completion bash)"

    zsh, in ~/.zshrc:  eval "$(meshtui completion zsh)"

    fish, once:  meshtui completion fish > ~/.config/fish/completions/meshtui.fish
    """
    from click.shell_completion import BashComplete, FishComplete, ZshComplete

    kinds = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
    print(kinds[shell](context.find_root().command, {}, "meshtui", COMPLETING).source())


def script(shell: str, settings: Mapping[str, str]) -> str:
    """Return the prompt hook for a shell; `settings` are variables that its calls of meshtui get."""
    start = Path(meshcore.__file__).with_name("shellstart.py")
    quoted = _fish_word if shell == "fish" else shlex.quote
    named = " ".join(map(quoted, ("env", *(f"{name}={value}" for name, value in settings.items())))) + " "
    python, stub = quoted(sys.executable), quoted(str(start))
    values = {
        "SETTINGS": named if settings else "",
        "PYTHON": python,
        "START": stub,
        "KEY": KEYS[shell],
        "KEY_NAME": KEY_NAME,
    }
    text = files("meshtui").joinpath("shell", f"init.{shell}").read_text("utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _fish_word(text: str) -> str:
    """Return a text as one word of fish, in whose single quotes a backslash stands for the next character."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
