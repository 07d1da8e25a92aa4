"""What agents call at each finished command: note a failure, answer what is known, and be gone in no time.

Light: the standard library only, and of that what is quick to load, later what is needed later. What needs more
(policy, keys, the bridge) is a follow-up that takes this process's place: `hook.follow_up`. An agent is never
blocked: whatever is wrong with us, nothing is printed and the exit code is 0; the fault is an event of the store where
that can be had.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from time import monotonic, process_time
from typing import TYPE_CHECKING

from meshcore.agents.payload import Payload
from meshcore.agents.table import agent as agent_called
from meshcore.hook.unread import lacks_command, note_unread
from meshcore.knowledge.shell_words import remembered
from meshcore.process.git_root import git_root
from meshcore.store.known_marks import note_call

if TYPE_CHECKING:
    from pathlib import Path

    from meshcore.hook.handled import Handled
    from meshcore.model import Json

CHECK = b'{"hook_event_name": "meshtui-check"}'
"""A payload with which `meshtui doctor` asks whether an installed hook works: it reports nothing."""
CHECKED = "meshtui-check:"  # the answer begins with it; what follows is what is wrong with us
_FOLLOW_UP = """
try:
    from meshcore.hook.follow_up import main
    main()
except Exception:
    pass
"""  # an installation that is half gone is no affair of the agent's either


def main(
    name: str,
    payload: Payload,
    *,
    home: str | None = None,
    bridge: str | None = None,
    to_the_end: bool = False,
    began: float | None = None,
) -> int:
    """Handle a payload of an agent program; always 0.

    `to_the_end`: this process ends at once without closing what is open; see `hook.call.take`. `began`: when this
    process did, in monotonic seconds; what it has used of the processor so far was its start.
    """
    began = monotonic() - process_time() if began is None else began
    try:
        handled = handle(name, payload, os.environ, home=home, bridge=bridge, to_the_end=to_the_end, began=began)
        if handled is not None and handled.follow_up is not None:
            command = follow_up_command(handled.follow_up)
            os.execv(command[0], command)  # noqa: S606
        if handled is not None:
            os.write(1, handled.text.encode(errors="replace"))
    except Exception as error:
        _note_fault(name, error, home)
    return 0


def handle(
    name: str,
    payload: Payload,
    environment: Mapping[str, str],
    *,
    home: str | None = None,
    bridge: str | None = None,
    to_the_end: bool = False,
    began: float | None = None,
) -> Handled | None:
    """Do what a payload asks for; None where it reports nothing that counts. Where it is told, note what it took.

    Raises MeshError where the store cannot be used, KeyError for an unknown agent.
    """
    program = agent_called(name)
    if payload.head == CHECK:
        return _checked(home, bridge, environment)
    found = payload.parse()
    try:
        report = program.read(found) if found is not None else None
    except Exception:
        note_unread(name, found, home, environment)
        raise
    if report is None:
        if found is None or lacks_command(found):
            note_unread(name, found, home, environment)
        return None
    from meshcore.agents.base import Began, Edited, Failure, Upcoming
    from meshcore.config import load
    from meshcore.home import Home
    from meshcore.hook.news import is_news

    settings = load(home=home, bridge=bridge, environment=environment)
    paths = Home(settings.home)
    mark = paths.state / f"hook.{name}"
    _note_call(mark)
    if not isinstance(report, Failure) and not is_news(report, paths, name, to_the_end=to_the_end):
        handled = None
    elif isinstance(report, Upcoming | Edited | Began):
        from meshcore.hook.aside import take_aside

        handled = take_aside(report, program, settings, environment, to_the_end=to_the_end)
    else:
        from meshcore.hook.call import take

        handled = take(report, program, settings, environment, to_the_end=to_the_end)
    if began is not None:
        folder = remembered("" if isinstance(report, Edited) else report.command, report.cwd)[1]
        root = git_root(folder) if folder.startswith("/") else ""
        ended = not isinstance(report, Upcoming | Edited | Began)
        if not mark.exists():  # there was no home before this call
            _note_call(mark)
        if handled is not None and handled.follow_up is not None:  # which notes it, being this process
            return replace(handled, follow_up={**handled.follow_up, "began": began, "root": root})
        note_call(str(mark), root, began, ended=ended)
    return handled


def _checked(home: str | None, bridge: str | None, environment: Mapping[str, str]) -> Handled:
    """Look whether a report could be handled, and change nothing."""
    from meshcore.config import load
    from meshcore.errors import MeshError
    from meshcore.home import Home
    from meshcore.hook import aside, call  # noqa: F401  what a report would need
    from meshcore.hook.handled import BUSY_SECONDS, Handled
    from meshcore.store.store import Store

    try:
        path = Home(load(home=home, bridge=bridge, environment=environment).home).store
        if path.exists():
            Store(path, busy_timeout=BUSY_SECONDS).close()
    except MeshError as error:
        return Handled(f"{CHECKED} {error}")
    return Handled(CHECKED)


def _note_call(path: Path) -> None:
    """Show a sign of life, as the time of a file: cheaper than a row."""
    try:
        os.utime(path)
    except OSError:
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        except OSError:
            return


def follow_up_command(task: Mapping[str, Json]) -> list[str]:
    """Return the command of the follow-up."""
    import json

    return [sys.executable, "-I", "-c", _FOLLOW_UP, json.dumps(task)]


def _note_fault(name: str, error: Exception, home: str | None) -> None:
    try:
        from meshcore.config import load
        from meshcore.home import Home
        from meshcore.hook.handled import BUSY_SECONDS
        from meshcore.safety.visible_text import visible
        from meshcore.store.store import Store

        store = Store(Home(load(home=home).home).store, busy_timeout=BUSY_SECONDS)
        what = visible(f"the hook of {name}: {str(error) or type(error).__name__}", keep_newlines=False, limit=500)
        store.events.add("fault", data={"what": what})
        store.close()
    except Exception:  # noqa: S110  there is nowhere left to say it
        pass
