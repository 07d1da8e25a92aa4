"""What is asked of the tables, and the values that come of the rows; no text that is read is longer than ours are."""

from __future__ import annotations

from datetime import datetime

from meshcore.bridge.base import Claim, Delivery, Member, Undelivered
from meshcore.bridge.limits import CLAIM_SECONDS, KEPT_TEXT, MAX_TEXT, MOST_MEMBERS, MOST_SCANNED, SEEN_SECONDS
from meshcore.bridge.postgres.session import Row
from meshcore.clock import to_text
from meshcore.model import Receipt, Record

AT_ONCE, SHORT = 32, 8192  # of the next rows come the texts, with the numbers, where they are so short in bytes

_TEXT = f"CASE WHEN octet_length(l.text) <= {MAX_TEXT} THEN l.text ELSE left(l.text, {KEPT_TEXT}) END"
# Two plain statements, where one that joins them would cost each session of a thousand more memory to plan.
HEAD = """
SELECT bridge_id, seq, pruned_to, (SELECT cursor FROM mesh.readers WHERE node = %s AND left_at IS NULL) FROM mesh.head
"""
NEXT = f"""
SELECT seq, key, octet_length(text),
       CASE WHEN seq <= %(after)s + {AT_ONCE} AND octet_length(text) <= {SHORT} THEN text END,
       sig, published_at, origin
FROM mesh.log WHERE seq > %(after)s AND seq <= %(after)s + {MOST_SCANNED}
"""  # noqa: S608
BEYOND = "SELECT min(seq) - 1 FROM mesh.log WHERE seq > %s"
ROWS = f"""
SELECT l.seq, l.key, octet_length(l.text), {_TEXT}, l.sig, l.published_at, l.origin
FROM mesh.log l WHERE l.seq = ANY (%s) ORDER BY l.seq
"""  # noqa: S608
_MEMBER = """
SELECT m.node, m.name, m.host, m.text, m.key, m.sig, m.joined_at, r.seen_at, r.cursor,
       extract(epoch FROM mesh.moment() - r.seen_at)::float8, s.text, s.key, s.sig
FROM mesh.members m JOIN mesh.readers r ON r.member = m.number LEFT JOIN mesh.states s ON s.member = m.number
WHERE r.left_at IS NULL
"""
MEMBERS = f"""
SELECT * FROM (({_MEMBER} AND NOT m.node = ANY (%(also)s) ORDER BY m.joined_at, m.node LIMIT {MOST_MEMBERS})
               UNION ALL ({_MEMBER} AND m.node = ANY (%(also)s))) found ORDER BY joined_at, node
"""  # noqa: S608
MEMBER = f"{_MEMBER} AND m.node = %s"
UNDELIVERED = "SELECT seq, record_id, kind, node, published_at FROM mesh.undelivered ORDER BY seq, node LIMIT %s"
RECEIPTS = """
SELECT r.seq, m.node, r.status, r.at, r.reason FROM mesh.log l JOIN mesh.receipts r ON r.seq = l.seq
JOIN mesh.members m ON m.number = r.member WHERE l.record_id = %s ORDER BY r.seq, r.at, m.node LIMIT %s
"""
RECEIVED = """
SELECT s FROM unnest(%s::bigint[]) s WHERE EXISTS (SELECT 1 FROM mesh.receipts r WHERE r.seq = s)
AND NOT EXISTS (SELECT 1 FROM mesh.undelivered u WHERE u.seq = s)
"""
STATISTICS = """
SELECT h.bridge_id, h.seq - h.gone, (SELECT count(*) FROM mesh.readers WHERE left_at IS NULL),
       r.received, r.rejected, u.missing, (SELECT published_at FROM mesh.log WHERE seq = u.oldest)
FROM mesh.head h,
     (SELECT coalesce(sum(received), 0)::bigint AS received, coalesce(sum(rejected), 0)::bigint AS rejected
      FROM mesh.readers) r,
     (SELECT count(*) AS missing, min(seq) AS oldest FROM mesh.undelivered) u
"""
CLAIMS = f"""
SELECT coalesce((SELECT round FROM mesh.rounds WHERE skill_id = %(skill)s), 0), c.host, c.text, c.key, c.sig, c.failed,
       extract(epoch FROM mesh.moment() - c.at)::float8
FROM (SELECT 1) one LEFT JOIN mesh.claims c ON c.skill_id = %(skill)s
     AND (c.failed OR c.at >= mesh.moment() - interval '{CLAIM_SECONDS} seconds')
ORDER BY c.at, c.host LIMIT {MOST_MEMBERS}
"""  # noqa: S608
STAMP = """
SELECT h.bridge_id, h.seq, h.gone, max(r.seen_at), sum(r.received), count(r.member) FILTER (WHERE r.left_at IS NULL)
FROM mesh.head h LEFT JOIN mesh.readers r ON true
GROUP BY h.bridge_id, h.seq, h.gone
"""
SUMMARIES = """
SELECT l.seq, l.text, l.seq <= (SELECT coalesce(min(cursor), 0) FROM mesh.readers WHERE left_at IS NULL)
                      AND NOT EXISTS (SELECT 1 FROM mesh.undelivered u WHERE u.seq = l.seq)
FROM mesh.log l WHERE l.seq > %s AND l.kind IN ('incident', 'outcome', 'habit', 'correction') AND l.origin = 'mesh'
AND l.published_at < mesh.moment() - make_interval(secs => %s) ORDER BY l.seq LIMIT %s
"""
INTEGRITY = """
SELECT h.seq, h.gone, count(l.seq), coalesce(max(l.seq), 0),
       count(*) FILTER (WHERE l.text <> '' AND encode(sha256(convert_to(l.text, 'UTF8')), 'hex') <> l.record_id)
FROM mesh.head h LEFT JOIN mesh.log l ON true GROUP BY h.seq, h.gone
"""
TABLES = ("log", "members", "readers", "spells", "states", "receipts", "claims", "rounds", "grants")
ROW_COUNTS = "SELECT " + ", ".join(f"(SELECT count(*) FROM mesh.{name})" for name in TABLES)  # noqa: S608
SIZE = "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relnamespace = 'mesh'::regnamespace"
WRITERS = "SELECT DISTINCT login FROM mesh.grants ORDER BY login LIMIT 20"


def moment(found: datetime) -> str:
    """Return a time as the mesh writes it."""
    return to_text(found)


def delivery(row: Row) -> Delivery:
    """Return a row of the log: seq, key, size, text, sig, published_at, origin."""
    seq, key, size, text, sig, published_at, origin = row
    return Delivery(seq, Record(text, key, sig), moment(published_at), origin, size if size > MAX_TEXT else 0)


def member(row: Row) -> Member:
    """Return a row of `MEMBERS`."""
    node, name, host, text, key, sig, joined_at, seen_at, cursor, age, state_text, state_key, state_sig = row
    age = max(0.0, age)
    return Member(
        node,
        name,
        host,
        Record(text, key, sig),
        moment(joined_at),
        moment(seen_at),
        cursor,
        age,
        age <= SEEN_SECONDS,
        None if state_text is None else Record(state_text, state_key, state_sig),
    )


def undelivered(row: Row) -> Undelivered:
    """Return a row of `UNDELIVERED`."""
    seq, record_id, kind, node, published_at = row
    return Undelivered(seq, record_id, kind, node, moment(published_at))


def receipt(row: Row) -> Receipt:
    """Return a row of `RECEIPTS`."""
    seq, node, status, at, reason = row
    return Receipt(seq, node, status, moment(at), reason)


def claims(skill_id: str, rows: list[Row]) -> tuple[int, list[Claim]]:
    """Return the round of a skill's claims, and those that are not too old, the oldest first."""
    found = [
        Claim(skill_id, host, Record(text, key, sig), failed, max(0.0, age))
        for _, host, text, key, sig, failed, age in rows
        if host is not None
    ]
    return int(rows[0][0]), found
