"""Every action of the terminal in one registry: bindings, help, palette, hints and tests are made from it.

An action's id is `scope.name`: the method is `action_name` of the app (scope `app`) or of the pane or screen that its
scope names, and the id is what `[keys]` in config.toml remaps. Those of a pane stand in the pane's own module, and
those that show a pane come from the table of panes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from textual.binding import Binding, BindingType

from meshcore.errors import ConfigurationError

APP = "app"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a person can do.

    `keys`: names of keys, separated by commas. `label`: two or three words, an imperative. `help`: one sentence.
    `hint`: its word at the bottom of the screen, "" where it is not named there; `hint_keys`: the keys as they are
    written there, where one hint stands for two actions.
    `call`: the method with its arguments, where that is not the id's own name.
    """

    id: str
    keys: str
    label: str
    help: str
    hint: str = ""
    hint_keys: str = ""
    call: str = ""

    @property
    def scope(self) -> str:
        """Return where it works: `app`, or the name of a pane or screen."""
        return self.id.partition(".")[0]

    @property
    def name(self) -> str:
        """Return the call behind it: the method's name without `action_`, and its arguments."""
        return self.call or self.id.partition(".")[2]


APP_ACTIONS: tuple[Action, ...] = (
    Action("app.find", "slash", "find", "Show only what contains a text.", hint="find"),
    Action("app.back", "escape", "back", "Close what is on top, or clear the find."),
    Action("app.maximise", "z", "maximise", "Give the focused part the whole screen, or give it back."),
    Action("app.freeze", "F", "freeze", "Hold the view still; data keeps arriving."),
    Action("app.copy", "y", "copy", "Copy the selected line to the clipboard."),
    Action(
        "app.kill_switch",
        "K",
        "kill switch",
        "Halt every unattended fix of this operator, or resume; asks first.",
        call="brake('kill_switch')",
    ),
    Action(
        "app.monitor",
        "M",
        "monitor only",
        "Let this node only tell, at once: nothing is tried; again, and it asks whether to act.",
        call="brake('monitor')",
    ),
    Action("app.help", "question_mark", "help", "Show every key.", hint="help"),
    Action("app.command_palette", "colon,ctrl+p", "palette", "Choose any pane or action by name."),
    Action("app.theme_next", "ctrl+t", "next theme", "Change between the dark, the light and the 16-colour theme."),
    Action("app.screenshot_svg", "ctrl+s", "screenshot", "Save the screen as an SVG file in the current folder."),
    Action("app.export", "ctrl+e", "export", "Save what the view lists as a text file in the current folder."),
    Action("app.suspend_process", "ctrl+z", "suspend", "Put meshtui into the background; `fg` brings it back."),
    Action("app.quit", "q,ctrl+q", "quit", "Leave; the terminal is restored.", hint="quit"),
)


def marking(scope: str) -> Action:
    """Return the action of a list of which several rows can be done at once."""
    return Action(f"{scope}.mark", "space", "mark", "Mark the row for what is done next, or no longer; esc clears all.")


def previewing(scope: str) -> Action:
    """Return the action of what shows its selected row beside the list."""
    what = "Show the selected row in full beside the list, or no longer (160 columns)."
    return Action(f"{scope}.preview", "p", "preview", what)


def jumping(scope: str) -> Action:
    """Return the action of what goes by time."""
    return Action(f"{scope}.jump", "J", "jump to a time", "Go to a time (UTC): 14:05, yesterday 14:05, -2h.")


def sorting(scope: str) -> tuple[Action, ...]:
    """Return the actions of a list that can be sorted; a click on a heading does the same."""
    return (
        Action(f"{scope}.sort", "s", "sort", "Sort by the next column; so does a click on its heading.", hint="sort"),
        Action(f"{scope}.sort_reverse", "S", "reverse", "Sort the other way round."),
    )


def bindings(actions: Iterable[Action]) -> list[BindingType]:
    """Return the bindings of actions, under their ids, so that keys can be remapped."""
    return [
        Binding(action.keys, action.name, action.label, show=False, id=action.id, priority=False) for action in actions
    ]


def shown_keys(action: Action, keymap: Mapping[str, str]) -> str:
    """Return an action's keys as people write them."""
    return " ".join(_WRITTEN.get(key, key) for key in keymap.get(action.id, action.keys).split(","))


def hint_of(action: Action, keymap: Mapping[str, str]) -> tuple[str, str]:
    """Return an action's keys and word as the bottom of the screen names them."""
    if action.hint_keys and action.id not in keymap:
        return action.hint_keys, action.hint
    first, _, _ = shown_keys(action, keymap).partition(" ")
    return first, action.hint


_WRITTEN = {
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "escape": "esc",
    "plus": "+",
    "minus": "-",
    "full_stop": ".",
    "equals_sign": "=",
    "exclamation_mark": "!",
    "left": "←",
    "right": "→",
}


def checked_keymap(keys: Mapping[str, str], known: Sequence[Action]) -> dict[str, str]:
    """Return the remapped keys. Raises ConfigurationError for an action that does not exist, or no key."""
    ids = {action.id for action in known}
    for name, value in keys.items():
        if name not in ids:
            raise ConfigurationError(f"[keys]: no action {name!r}; `?` in the terminal lists them")
        if not value.strip():
            raise ConfigurationError(f"[keys]: {name} names no key; leave the line out to keep the usual one")
    return dict(keys)
