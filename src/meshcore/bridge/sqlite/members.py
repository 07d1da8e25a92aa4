"""The rows of the log's file that are beside the log: who reads it, and who tries what. Read as whoever wrote them."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Collection
from datetime import datetime

from meshcore.bridge.base import Claim, Member
from meshcore.bridge.limits import CLAIM_SECONDS, MOST_MEMBERS, SEEN_SECONDS, before
from meshcore.clock import from_text, to_text
from meshcore.model import Record
from meshcore.safety.records import MAX_BYTES


# Whatever a row holds, texts and numbers come of it, none longer than ours are.
def _cut(column: str, most: int) -> str:
    return f"substr(CAST({column} AS TEXT), 1, {most})"


def _short(column: str) -> str:
    return f"CASE WHEN length(CAST({column} AS BLOB)) <= {MAX_BYTES} THEN CAST({column} AS TEXT) ELSE '' END"


_NAMES = ", ".join(_cut(column, most) for column, most in (("node", 64), ("name", 200), ("host", 200)))
_TIMES = ", ".join(_cut(column, 40) for column in ("joined_at", "seen_at"))
_SIGNED = ", ".join(
    f"{_short(text)}, {_cut(key, 129)}, {_cut(sig, 257)}"
    for text, key, sig in (("text", "key", "sig"), ("beat_text", "beat_key", "beat_sig"))
)
_MEMBERS = f"SELECT {_NAMES}, {_TIMES}, CAST(cursor AS INTEGER), {_SIGNED} FROM members"  # noqa: S608
_CLAIMS = (
    f"SELECT {_cut('skill_id', 64)}, {_cut('host', 200)}, {_short('text')}, {_cut('key', 129)}, {_cut('sig', 257)},"  # noqa: S608
    f" failed <> 0, {_cut('at', 40)} FROM claims WHERE skill_id = ? AND (failed OR at >= ?) ORDER BY at, host LIMIT ?"
)


def members(connection: sqlite3.Connection, now: datetime, also: Collection[str]) -> list[Member]:
    """Return members, the first first: those in `also`, and of others at most `MOST_MEMBERS`."""
    try:
        sql = f"{_MEMBERS} ORDER BY joined_at, node LIMIT ?"
        found = [_member(row, now) for row in connection.execute(sql, (MOST_MEMBERS + 1,))]
    except sqlite3.DataError:  # something of a member is too large to be read
        nodes = [row[0] for row in connection.execute("SELECT node FROM members LIMIT ?", (MOST_MEMBERS + 1,))]
        found = [one for node in nodes if (one := member(connection, node, now)) is not None]
    if len(found) > MOST_MEMBERS:
        found = [one for one in found[:MOST_MEMBERS] if one.node not in also]
        found += [one for node in also if (one := member(connection, node, now)) is not None]
    return sorted(found, key=lambda one: (one.joined_at, one.node))


def member(connection: sqlite3.Connection, node: str, now: datetime) -> Member | None:
    """Return a member, None where the node is none."""
    try:
        row = connection.execute(f"{_MEMBERS} WHERE node = ?", (node,)).fetchone()
    except sqlite3.DataError:
        return None
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
    rows = connection.execute(_CLAIMS, (skill_id, to_text(before(now, CLAIM_SECONDS)), MOST_MEMBERS))
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
