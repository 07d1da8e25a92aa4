"""Where this node is used: on which machine, in which folder of which boot; and whether a copy speaks under its key."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from pathlib import Path

from meshcore.bridge.base import Member
from meshcore.bridge.states import beat_of
from meshcore.clock import boot_id, from_text, to_text
from meshcore.store.store import Store

MACHINE_ID = Path("/etc/machine-id")
COPY_SPOKE_WITHIN = timedelta(minutes=10)  # as long as a copy counts as one that is in use
_DIGITS = 16


def machine_mark() -> str:
    """Return what tells this machine from others, "" where it has no id; the id itself cannot be read from it."""
    try:
        found = MACHINE_ID.read_bytes().strip()
    except OSError:
        return ""
    # `uninitialized` stands there until the first boot.
    is_id = len(found) == 32 and not found.strip(b"0123456789abcdef")
    return hmac.new(found, b"meshtui host", hashlib.sha256).hexdigest()[:_DIGITS] if is_id else ""


def place_mark(store: Path) -> str:
    """Return what tells this use of a home from that of a copy: this boot, and the store's place on the disk."""
    try:
        return hashlib.sha256(f"{boot_id()} {store.stat().st_ino}".encode()).hexdigest()[:_DIGITS]
    except OSError:
        return ""


class OwnPlace:
    """Where the key of one home is used."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.mark = place_mark(store.path)

    def notice(self, me: Member | None) -> str:
        """Compare with what was last signed under this node's key; return what is wrong, "" where nothing new is.

        Only this home writes down where it is used. So another place is that of a copy, or this home was restored from
        a backup that does not know where it was used since.
        """
        chains = self._store.chains
        if self.mark and chains.place(self.mark) != "ours":
            chains.note_place(self.mark, is_ours=True)
        claimed = _claimed_place(me)
        if me is None or not claimed or claimed == self.mark or (known := chains.place(claimed)) == "ours":
            return ""
        if (beat := beat_of(me)) is None or beat.report.place != claimed:
            return ""
        chains.note_place(claimed, is_ours=False)
        return "" if known else f"a copy of this home speaks under its key, on host {beat.host}: {REMEDY}"

    def copy_in_use(self) -> bool:
        """Tell whether a copy of this home spoke lately."""
        return self._store.chains.copy_spoke_since(to_text(self._store.clock.now() - COPY_SPOKE_WITHIN))


REMEDY = "it was cloned with its keys, or restored from a backup; give one of the two a home of its own"


def _claimed_place(me: Member | None) -> str:
    """Return the place that a text names, whoever wrote it; "" where it cannot be read. Checking it takes longer."""
    try:
        said = json.loads(me.state.text)["body"]["report"]["place"] if me is not None and me.state else ""
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return said if isinstance(said, str) else ""


def ahead_of(me: Member, now: str) -> float | None:
    """Return by how many milliseconds a time of this host is ahead of the engine's; None where that cannot be told."""
    try:
        theirs = from_text(me.seen_at) + timedelta(seconds=me.age)
        return (from_text(now) - theirs).total_seconds() * 1000
    except (ValueError, OverflowError):
        return None
