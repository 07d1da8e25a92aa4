"""The start of `meshtui run`: the command begins when next to nothing is loaded.

What heals is imported once the command has failed, or while it runs for a while. Where it succeeds and nothing is open
in its folder, that is all. Of ours only modules are loaded until then that know no store, no policy and no command
line, with light stand-ins for the slow ones of the standard library.
"""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock

from meshcore.hook import stdlib_shims
from meshtui.cli.run_call import Call

TYPE_CHECKING = False  # typing, too, would take that long
if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshcore.process.passthrough import Passed

_OPTIONS = ("home", "bridge", "agent", "config")
_importing = allocate_lock()
"""Held by who imports through the stand-ins, or gives their places back: a command may end as loading begins."""


def run_plainly(arguments: Sequence[str]) -> int | None:
    """Carry out the plainest form of `meshtui run`; return its exit code, None for what the command line must read."""
    if arguments[:1] == ["hook"] and len(arguments) == 2:
        _hook(arguments[1])
    call = plain_call(arguments)
    if call is None:
        return None
    stdlib_shims.install(patterns=False)
    return pass_through(call)


def _hook(agent: str) -> None:
    """Become the hook of an agent, as quick as one that is named by its path; return for an unknown one."""
    from meshcore import hookstart
    from meshcore.agents.table import NAMES

    if agent in NAMES:
        os.execv(sys.executable, [sys.executable, "-I", "-S", hookstart.__file__, agent])  # noqa: S606


def plain_call(arguments: Sequence[str]) -> Call | None:
    """Read `[--home DIR …] run [--via NAME] [--] CMD …`; return None for everything else."""
    at, options = _take(arguments, 0, _OPTIONS)
    if arguments[at : at + 1] != ["run"]:
        return None
    at, own = _take(arguments, at + 1, ("via",))
    argv = tuple(arguments[at + 1 :] if arguments[at : at + 1] == ["--"] else arguments[at:])
    if not argv or (argv[0].startswith("-") and arguments[at] != "--"):
        return None
    return Call(argv, "auto", own.get("via") or "shell", options)


def _take(arguments: Sequence[str], at: int, names: Sequence[str]) -> tuple[int, dict[str, str | None]]:
    """Read options with their values from a place on; return where they end, and the last value of each."""
    found: dict[str, str | None] = {}
    while at + 1 < len(arguments) and arguments[at][:2] == "--" and arguments[at][2:] in names:
        found[arguments[at][2:]] = arguments[at + 1]
        at += 2
    return at, found


def pass_through(call: Call) -> int:
    """Run a command as if we were not there, then do what is to be done about it; return its exit code."""
    from meshcore.clock import SystemClock
    from meshcore.process.passthrough import run_through
    from meshcore.process.standard_streams import open_standard_streams

    open_standard_streams()
    passed = run_through(call.argv, meanwhile=None if call.mode == "off" else _load)
    ended = SystemClock().monotonic()
    if call.mode == "off" or passed.interrupted is not None or (passed.exit_code == 0 and _nothing_is_open(call)):
        return passed.exit_code
    _give_way()
    return _after(call, passed, ended)


def _load() -> None:
    """Import what healing needs, and read the shipped policy, in the time that the command takes anyway."""
    _give_way()
    import gc

    gc.disable()  # of what is loaded nothing is let go, and looking for it takes a twentieth
    try:
        import meshtui.cli.after_run  # noqa: F401
        from meshcore.healing import command  # noqa: F401
        from meshcore.healing.session import warm_up

        warm_up()
    finally:
        gc.freeze()
        gc.enable()


def _give_way() -> None:
    """Give the real modules their places, but for `dataclasses`: compiling methods is two fifths of loading."""
    with _importing:
        stdlib_shims.uninstall(but="dataclasses")


def _nothing_is_open(call: Call) -> bool:
    try:
        with _importing:
            from meshcore.config import load
            from meshcore.store.open_folders import may_be_open

            store = load(home=call.options.get("home"), config=call.options.get("config")).home / "store.db"
            return not may_be_open(str(store), os.getcwd())
    except Exception:  # what is wrong is said by who looks closer
        return False


def _after(call: Call, passed: Passed, ended: float) -> int:
    from meshtui.cli.after_run import after

    write_whatever_it_is()
    return after(call, passed, ended)


def write_whatever_it_is() -> None:
    """Escape what a standard stream's encoding lacks: a terminal that cannot write ✓ is no fault."""
    import io

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
