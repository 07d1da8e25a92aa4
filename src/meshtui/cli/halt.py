"""`meshtui halt`: the file HALT is written first of all, before anything is imported, read or opened that may fail."""

from __future__ import annotations

import os
import sys
import threading

import click

from meshcore.config import operator_folder
from meshcore.errors import EXIT_FAILURE, EXIT_OK, MeshError, UsageError
from meshcore.safety.halt import halt as write_halt
from meshcore.safety.halt import halt_file
from meshcore.safety.visible_text import visible
from meshtui.cli.context import Session, json_option, note, say

TELL_SECONDS = 10.0  # for a store or a bridge that does not answer


@click.command()
@click.argument("why", required=False)
@click.option("--host", metavar="HOST", help="On this host of yours only; `resume --host` takes it back.")
@click.option("--drill", is_flag=True, help="Stop nothing: show which of your nodes would have stopped, and when.")
@click.option(
    "--timeout", type=click.FloatRange(0, 600), default=10.0, show_default=True, help="Seconds that a drill waits."
)
@json_option
@click.pass_obj
def halt(session: Session, why: str | None, host: str | None, drill: bool, timeout: float, as_json: bool) -> int:
    """Stop every unattended fix of this operator, at once and until `meshtui resume`.

    On this host by the file HALT in the operator's folder, which `touch` makes as well; the operator's nodes elsewhere
    are told by a signed record.
    """
    if drill or host is not None or why is None:
        if drill == (why is not None) or (drill and host is not None):
            raise UsageError("say why, or --drill alone; --host names one host")
        from meshtui.cli.host_brakes import halt_one, show_drill

        return show_drill(session, timeout, as_json=as_json) if why is None else halt_one(session, str(host), why)
    folder, why = operator_folder(os.environ), visible(why, keep_newlines=False)
    try:
        write_halt(folder, why)
    except MeshError:
        # The only way left is the home's store; what is raised says how far that reaches.
        if (fault := _tell(session, why)) is not None:
            raise fault from None
    else:
        say(f"halted: {why} ({halt_file(folder)})")
        sys.stdout.flush()
        if (fault := _tell(session, why)) is not None:
            note(f"halted here; your nodes on other hosts were not told: {fault}")
            return EXIT_FAILURE
    return EXIT_OK


def _tell(session: Session, why: str) -> MeshError | None:
    """Note the halt in the home and tell the others; return what went wrong with that, after `TELL_SECONDS` at most."""
    faults: list[MeshError] = [MeshError(f"no answer within {TELL_SECONDS:.0f} s")]

    def work() -> None:
        try:
            from meshcore.control import decisions
            from meshcore.exchange.receive import exchange

            with session.node() as node:
                decisions.halt(node, why)
                exchange(node)
        except MeshError as error:
            faults[:] = [error]
        except Exception as error:  # whatever is wrong with the home, the switch has been set
            faults[:] = [MeshError(f"{type(error).__name__}: {error}")]
        else:
            faults.clear()

    thread = threading.Thread(target=work, name="tell", daemon=True)
    thread.start()
    thread.join(TELL_SECONDS)
    return next(iter(faults), None)
