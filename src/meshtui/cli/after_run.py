"""What `meshtui run` does once its command has ended: settle a success, heal a failure; never in the command's way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, cast

from meshcore.errors import EXIT_INTERRUPTED, MeshError
from meshcore.model import Mode, StepResult
from meshcore.process.passthrough import Passed, rerun
from meshtui.bell import ring
from meshtui.cli.asking import ask_here
from meshtui.cli.context import Session, leave_on_signals, note

if TYPE_CHECKING:
    from meshcore.healing.session import Session as Healing
    from meshcore.node import Node
    from meshtui.cli.run_call import Call

PATIENCE_AFAR_S = 0.5  # that a failure waits for what others know, over a network; a success waits for nobody


def after(call: Call, passed: Passed, ended: float) -> int:
    """Settle a command that has ended at the monotonic time `ended`, or heal it; return the exit code of its last run.

    Raises nothing: a fault of ours is a line.
    """
    try:
        return _after(Session(**call.options), call, passed, ended)
    except KeyboardInterrupt:
        note("interrupted while healing; the command's own exit code follows")
        return passed.exit_code or EXIT_INTERRUPTED
    except MeshError as error:
        note(f"not healed: {error}")
    except _FolderGoneError:
        note("not healed: the folder in which the command ran is gone")
    except Exception as error:
        what = str(error) or type(error).__name__
        note(f"not healed: {what} (a fault of meshtui's; the command itself was not touched)")
    return passed.exit_code


class _FolderGoneError(Exception):
    """There is nowhere to heal or to learn."""


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        raise _FolderGoneError from None


def _after(session: Session, call: Call, passed: Passed, ended: float) -> int:
    from meshcore.healing import command
    from meshcore.hook import of_run

    patience = PATIENCE_AFAR_S if session.settings.bridge.is_afar else None
    with session.node(patience=patience, shares=True) as node, leave_on_signals(), _told_later(session, node):
        cwd = _folder()
        done = command.Command(call.argv, passed, ended, call.via, os.environ, cwd)
        if passed.exit_code == 0:
            for line in command.succeeded(node, done):
                note(line)
            of_run.passed(node, done)
            return 0
        from meshcore.healing.series import Series

        mode, repeat = cast(Mode, call.mode), Repeat(call, passed)
        series = Series(
            command.failed(node, done, mode, repeat, repeat.held),
            mode,
            ask=_asking(call),
            led_on=lambda healing: note(command.step_forward(healing)),
        )
        series.heal()
        said = of_run.failed(node, done, series.first.incident)
        if series.verified:
            of_run.passed(node, done)
        for line in command.lines(series) or said:
            note(line)
        if sys.stderr.isatty() and (line := command.how_to_teach(series.last)):
            note(line)
        series.finish()
        return series.exit_code


@contextmanager
def _told_later(session: Session, node: Node) -> Iterator[None]:
    """Have what waits for a bridge afar told in the background, unless a runtime of this home does that."""
    yield
    if not session.settings.bridge.is_afar:
        return
    from meshcore.service.holding import holder
    from meshtui.cli.service import own_program

    if not node.store.outbox.waiting(1) or holder(node.home.runtime_lock):
        return
    named = [
        word for name, value in session.options.items() if value and name != "bridge" for word in (f"--{name}", value)
    ]
    environment = {**os.environ, "MESHTUI_BRIDGE": session.settings.bridge.url}
    with suppress(OSError):
        subprocess.Popen(
            [*own_program(), *named, "bridge", "exchange", "--within", "2"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


class Repeat:
    """Runs the command again as it was typed, on the input that its last run had."""

    def __init__(self, call: Call, passed: Passed) -> None:
        self._call = call
        self._last = passed

    def __call__(self) -> StepResult | None:
        """Run it; None where its input cannot be had again."""
        if self._last.stdin == "unrepeatable":
            return None
        from meshcore.healing.capture import step_result

        self._last = rerun(self._last, self._call.argv)
        return step_result(self._call.argv, self._last)

    def held(self) -> str:
        """Say why it is not to be run again now: who reads its output would get that twice."""
        from meshcore.healing.command import has_printed

        if self._call.rerun == "always" or not has_printed(self._last):
            return ""
        return "its output went to a file or pipe, which would get it twice (--rerun always sends it)"


def _asking(call: Call) -> Callable[[Healing], None]:
    def ask(healing: Healing) -> None:
        if healing.asks_anew:
            ring(healing.question, sys.stderr, os.environ)
        if call.via == "shell":
            ask_here(healing)

    return ask
