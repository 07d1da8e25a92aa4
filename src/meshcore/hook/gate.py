"""The first look at a payload: most calls of an agent are successes of which nothing is known, and end here.

Asked before anything else is loaded. It may only say that there is nothing to do; whatever it cannot read in a moment
it leaves to `hook.main`. The marks that it reads are those of `store.known_marks`.
"""

from __future__ import annotations

import os

from meshcore.agents.first_look import BEFORE, DONE, EDITS, NOTE, PROGRAMS, PROMPT, SHELL
from meshcore.knowledge.shell_words import changes, remembered
from meshcore.process.git_root import git_root
from meshcore.store.known_marks import are_kept, command_key, is_marked, is_open, note_call, session_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_HERE = "SELECT 1 FROM checkouts JOIN habits USING (project) WHERE root=? AND command=? AND sessions>0"
_ELSEWHERE = (
    "SELECT 1 FROM checkouts JOIN projects ON number=checkouts.project"
    " JOIN told_habits ON told_habits.project=identity WHERE root=? AND command=? AND sessions>0"
)
_open_to_the_end: list[tuple[str, Any]] = []  # closing the last connection would fold the write-ahead log in


def is_idle(program: str, payload: bytes, home: str, environment: Mapping[str, str], began: float) -> bool:
    """Tell whether a payload is of a command before or after which there is nothing to do, for certain.

    The call, which `began` then (monotonic seconds), is written down as a sign of life; see `known_marks.note_call`.
    """
    if program not in PROGRAMS or len(payload) > 1 << 20:
        return False
    state = _state(home, environment)
    found = _parsed(payload) if state else None
    if not isinstance(found, dict):
        return False
    event, asked = found.get("hook_event_name"), found.get("tool_input")
    if event == PROMPT:
        return not str(found.get("prompt")).startswith(NOTE)  # what a person types is none of our business
    tool, command = found.get("tool_name"), asked.get("command") if isinstance(asked, dict) else None
    cwd, session = found.get("cwd"), found.get("session_id")
    if event == DONE and tool in EDITS:
        command = ""  # that a file was edited is all that counts
    elif event not in (BEFORE, DONE) or tool != SHELL:
        return False
    if not isinstance(command, str) or not isinstance(cwd, str) or not isinstance(session, str):
        return False
    if event == DONE and is_open(state, session_key(program, session)):
        return False
    if not cwd.startswith("/"):
        return False
    root = ""
    if are_kept(state):
        words, folder, _, _ = remembered(command, cwd)
        root = git_root(folder)
        if _may_be_known(state, words, folder, root, command, event if tool == SHELL else ""):
            return False
    return note_call(f"{state}/hook.{program}", root, began, ended=event == DONE and tool == SHELL)


def _may_be_known(state: str, words: list[str], folder: str, root: str, command: str, event: str) -> bool:
    """Tell whether the store may know something of a command at this event; "" stands for an edit."""
    # Without a repository a folder above it may be the project's.
    roots = [root] if root else [folder[:at] or "/" for at in _ends(folder)]
    marked = [one for one in roots if is_marked(state, one)]
    if not marked or not event:
        return bool(marked)
    if event == DONE and (any(mark in command for mark in "|;\n") or changes(words)):
        return True  # a pipe may hide a failure
    keys = [(one, command_key(words, folder, one)) for one in marked]
    return any(is_marked(state, one, key) and _is_known(state, one, key, event) for one, key in keys)


def _is_known(state: str, root: str, command: bytes, event: str) -> bool:
    """Tell whether a marked command is known to fail by now: its mark stays when it has passed. In doubt it is."""
    store = f"{state.removesuffix('/state')}/store.db"
    if not os.path.lexists(store):
        return True
    try:
        connect = _connect()
        database = connect(store, timeout=0.5, isolation_level=None)
        _open_to_the_end.append((store, database))
        if database.execute(_HERE, (root, command)).fetchone():
            return True
        return event == DONE and database.execute(_ELSEWHERE, (root, command.hex())).fetchone() is not None
    except Exception:  # of SQLite, which names its own
        return True


def opened(store: str) -> Any:
    """Return the connection with which the gate looked at a store, for use, or None: reading a schema takes a while."""
    return next((_open_to_the_end.pop(at)[1] for at, one in enumerate(_open_to_the_end) if one[0] == store), None)


def _connect() -> Any:
    """Return what opens a store; of `functools` SQLite wants one thing, and the real one takes longer than this."""
    import sys

    is_loaded = "functools" in sys.modules
    if not is_loaded:
        from _functools import _lru_cache_wrapper  # type: ignore[import-not-found, unused-ignore]

        light = type(sys)("functools")
        light.lru_cache = lambda size=128, typed=False: (  # type: ignore[attr-defined]
            lambda function: _lru_cache_wrapper(function, size, typed, lambda *figures: figures)
        )
        sys.modules["functools"] = light
    try:
        from _sqlite3 import connect
    finally:
        if not is_loaded:
            del sys.modules["functools"]
    return connect


def _ends(folder: str) -> list[int]:
    """Return where the path of a folder, and that of each one above it, ends."""
    return [len(folder), *(at for at, char in enumerate(folder) if char == "/")]


def _state(home: str, environment: Mapping[str, str]) -> str:
    """Return the folder of the marks, "" where only the settings file can tell."""
    home = home or environment.get("MESHTUI_HOME", "")
    if not home:
        own = environment.get("HOME", "")
        settings = environment.get("MESHTUI_OPERATOR_DIR") or _folder(environment, "XDG_CONFIG_HOME", own, ".config")
        if not own or os.uname().sysname != "Linux" or os.path.lexists(f"{settings}/config.toml"):
            return ""
        home = _folder(environment, "XDG_DATA_HOME", own, ".local/share")
    return f"{home}/state" if home.startswith("/") else ""


def _folder(environment: Mapping[str, str], variable: str, own: str, usual: str) -> str:
    base = environment.get(variable, "")
    return f"{base if base.startswith('/') else f'{own}/{usual}'}/meshtui"


class _Context:
    """What the scanner of JSON asks for, as `json` gives it; loading that module takes longer than all of this."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int = float, int

    @staticmethod
    def parse_constant(name: str) -> None:
        raise ValueError(name)


def _parsed(payload: bytes) -> Any:
    """Return the JSON value of a payload, None where it is none that is read here."""
    try:
        from _json import make_scanner

        text = payload.decode().strip()
        value, end = make_scanner(_Context())(text, 0)  # type: ignore[arg-type]
    except (ImportError, ValueError, StopIteration, RecursionError, SystemError):
        return None  # of broken JSON the scanner itself raises nothing as long as `json` is not loaded
    return value if end == len(text) else None
