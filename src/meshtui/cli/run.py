"""`meshtui run -- CMD`: the loop around any command. Whatever is wrong with us, the command runs all the same."""

from __future__ import annotations

import importlib
import os
import sys
import threading

import click

from meshcore.clock import SystemClock
from meshcore.errors import EXIT_INTERRUPTED, MeshError
from meshcore.model import MODES, Mode, StepResult
from meshcore.process.passthrough import Passed, open_standard_streams, rerun, run_through
from meshtui.bell import ring
from meshtui.cli.context import Session, leave_on_signals, note


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--mode", type=click.Choice(MODES), default="auto", show_default=True, help="The ceiling for this call.")
@click.option("--via", default="shell", show_default=True, help="What kind of agent runs it.")
@click.argument("argv", metavar="CMD [ARGS]...", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def run(session: Session, mode: Mode, via: str, argv: tuple[str, ...]) -> int:
    """Run any command; where it fails and the fix is known, heal it as far as policy and mode allow.

    Its streams, signals and terminal pass through untouched. The exit code is the command's: of the last run of it,
    if the fix was followed by another. What the mesh has to say is at most three lines on standard error. In a loop
    that reads its input, give the command </dev/null, since its input is kept for a second run.
    """
    open_standard_streams()
    if mode != "off":
        _load_while_it_runs()
    passed = run_through(argv)
    ended = SystemClock().monotonic()
    if mode == "off" or passed.interrupted is not None:
        return passed.exit_code
    try:
        return _after(session, mode, via, argv, passed, ended)
    except KeyboardInterrupt:
        note("interrupted while healing; the command's own exit code follows")
        return passed.exit_code or EXIT_INTERRUPTED
    except MeshError as error:
        note(f"not healed: {error}")
    except Exception as error:
        what = str(error) or type(error).__name__
        note(f"not healed: {what} (a fault of meshtui's; the command itself was not touched)")
    return passed.exit_code


def _load_while_it_runs() -> None:
    """Import what healing needs, and read the shipped policy, in the time that the command takes anyway."""

    def load() -> None:
        importlib.import_module("meshcore.healing.command")
        importlib.import_module("meshcore.healing.session").warm_up()

    threading.Thread(target=load, name="load", daemon=True).start()


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
