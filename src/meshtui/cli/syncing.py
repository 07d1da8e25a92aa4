"""`meshtui run --sync`: an exchange with the others before a command and one after it, each bounded; for CI."""

from __future__ import annotations

import threading

from meshcore.errors import MeshError
from meshtui.cli.context import Session, note

SYNC_SECONDS = 5.0  # at most, before and after


def synchronise(session: Session, when: str) -> None:
    """Tell and hear what waits; where that takes longer or fails, one line says so. Raises nothing."""
    faults: list[str] = [f"no answer within {SYNC_SECONDS:.0f} s"]

    def work() -> None:
        try:
            faults[:] = [fault] if (fault := _exchange(session)) else []
        except MeshError as error:
            faults[:] = [str(error)]
        except Exception as error:  # whatever is wrong with us, the command is run
            faults[:] = [f"{type(error).__name__}: {error}"]

    thread = threading.Thread(target=work, name="synchronise", daemon=True)
    thread.start()
    thread.join(SYNC_SECONDS)
    for fault in faults[:1]:
        note(f"not synchronised {when} the command: {fault}")


def _exchange(session: Session) -> str:
    from meshcore.exchange.receive import exchange, pull

    with session.node(patience=SYNC_SECONDS) as node:
        started = node.clock.monotonic()
        found = exchange(node)
        while found.more and (left := SYNC_SECONDS - (node.clock.monotonic() - started)) > 0:
            found = pull(node, seconds=left)
        return node.bridge_fault or ("more waits than could be read" if found.more else "")
