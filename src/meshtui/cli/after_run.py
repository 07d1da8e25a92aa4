"""What `meshtui run` does once its command has ended: settle a success, heal a failure; never in the command's way."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import cast

from meshcore.errors import EXIT_INTERRUPTED, MeshError
from meshcore.model import Mode, StepResult
from meshcore.process.passthrough import Passed, rerun
from meshtui.bell import ring
from meshtui.cli.context import Session, leave_on_signals, note


def after(
    options: Mapping[str, str | None], mode: str, via: str, argv: tuple[str, ...], passed: Passed, ended: float
) -> int:
    """Settle a command that has ended at the monotonic time `ended`, or heal it; return the exit code of its last run.

    `options` are those of `meshtui` itself, by name.

    Raises nothing: a fault of ours is a line.
    """
    try:
        return _after(Session(**options), cast(Mode, mode), via, argv, passed, ended)
    except KeyboardInterrupt:
        note("interrupted while healing; the command's own exit code follows")
        return passed.exit_code or EXIT_INTERRUPTED
    except MeshError as error:
        note(f"not healed: {error}")
    except Exception as error:
        what = str(error) or type(error).__name__
        note(f"not healed: {what} (a fault of meshtui's; the command itself was not touched)")
    return passed.exit_code


def _after(session: Session, mode: Mode, via: str, argv: tuple[str, ...], passed: Passed, ended: float) -> int:
    from meshcore.healing import command

    with session.node() as node, leave_on_signals():
        cwd = os.getcwd()  # noqa: PTH109
        done = command.Command(argv, passed, ended, via, os.environ, cwd)
        if passed.exit_code == 0:
            for line in command.succeeded(node, done):
                note(line)
            return 0
        healing = command.failed(node, done, mode, lambda: _again(passed, argv))
        if healing.needs_person:
            ring(healing.question, sys.stderr, os.environ)
        if healing.needs_person and sys.stdin.isatty() and sys.stderr.isatty():
            note(healing.question)
            if _yes():
                from meshtui.cli.passphrase import signing_key

                healing.approve(signing_key(node))
        if healing.may_apply:
            healing.heal()
        for line in command.lines(healing):
            note(line)
        if sys.stderr.isatty() and (line := command.how_to_teach(healing)):
            note(line)
        healing.finish()
        return healing.exit_code


def _again(passed: Passed, argv: tuple[str, ...]) -> StepResult | None:
    if passed.stdin == "unrepeatable":
        return None
    from meshcore.healing.capture import step_result

    return step_result(argv, rerun(passed, argv))


def _yes() -> bool:
    sys.stderr.write("run it? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
