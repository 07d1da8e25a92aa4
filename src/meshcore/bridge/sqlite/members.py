"""The rows of the log's file that are beside the log: who reads it, and who tries what. Read as whoever wrote them."""

from __future__ import annotations

import math
import sqlite3
from datetime import datetime

from meshcore.bridge.base import Claim, Member
from meshcore.bridge.limits import CLAIM_SECONDS, SEEN_SECONDS, before
from meshcore.clock import from_text, to_text
from meshcore.model import Record

# Whatever a row holds, texts and numbers come of it.
_MEMBERS = (
    "SELECT CAST(node AS TEXT), CAST(name AS TEXT), CAST(host AS TEXT), CAST(joined_at AS TEXT), CAST(seen_at AS TEXT),"
    " CAST(cursor AS INTEGER), CAST(text AS TEXT), CAST(key AS TEXT), CAST(sig AS TEXT), CAST(beat_text AS TEXT),"
    " CAST(beat_key AS TEXT), CAST(beat_sig AS TEXT) FROM members"
)
_CLAIMS = (
    "SELECT CAST(skill_id AS TEXT), CAST(host AS TEXT), CAST(text AS TEXT), CAST(key AS TEXT), CAST(sig AS TEXT),"
    " failed <> 0, CAST(at AS TEXT) FROM claims WHERE skill_id = ? AND (failed OR at >= ?) ORDER BY at, host"
)


def members(connection: sqlite3.Connection, now: datetime) -> list[Member]:
    """Return every member, the first first."""
    return [_member(row, now) for row in connection.execute(f"{_MEMBERS} ORDER BY joined_at, node")]


def member(connection: sqlite3.Connection, node: str, now: datetime) -> Member | None:
    """Return a member, None where the node is none."""
    row = connection.execute(f"{_MEMBERS} WHERE node = ?", (node,)).fetchone()
    return None if row is None else _member(row, now)


def _member(row: tuple[str, str, str, str, str, int, str, str, str, str, str, str], now: datetime) -> Member:
    node, name, host, joined_at, seen_at, cursor, text, key, sig, beat_text, beat_key, beat_sig = row
    age = _age(seen_at, now)
    state = Record(beat_text, beat_key, beat_sig) if beat_text else None
    return Member(node, name, host, Record(text, key, sig), joined_at, seen_at, cursor, age, age <= SEEN_SECONDS, state)


def say(connection: sqlite3.Connection, node: str, state: Record, now: datetime) -> bool:
    """Note a sign of life of a member with its signed state; False where the node is none."""
    done = connection.execute(
        "UPDATE members SET seen_at = ?, beat_key = ?, beat_sig = ?, beat_text = ? WHERE node = ?",
        (to_text(now), state.key, state.sig, state.text, node),
    )
    return done.rowcount > 0


def claims(connection: sqlite3.Connection, skill_id: str, now: datetime) -> list[Claim]:
    """Return the claims for a skill that are not too old, the oldest first."""
    rows = connection.execute(_CLAIMS, (skill_id, to_text(before(now, CLAIM_SECONDS))))
    return [
        Claim(skill, host, Record(text, key, sig), bool(failed), _age(at, now))
        for skill, host, text, key, sig, failed, at in rows
    ]


def drop_old_claims(connection: sqlite3.Connection, skill_id: str, now: datetime) -> None:
    """Forget the claims for a skill that nobody has settled in time."""
    since = to_text(before(now, CLAIM_SECONDS))
    connection.execute("DELETE FROM claims WHERE skill_id = ? AND NOT failed AND at < ?", (skill_id, since))


def put_claim(
    connection: sqlite3.Connection, claim: Record, skill_id: str, host: str, now: datetime, *, failed: bool
) -> None:
    """Put the claim of a host in the place of the one before."""
    connection.execute(
        "INSERT OR REPLACE INTO claims (skill_id, host, at, failed, key, sig, text) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (skill_id, host, to_text(now), int(failed), claim.key, claim.sig, claim.text),
    )


def _age(since: str, now: datetime) -> float:
    try:
        return max(0.0, (now - from_text(since)).total_seconds())
    except (ValueError, OverflowError):
        return math.inf
