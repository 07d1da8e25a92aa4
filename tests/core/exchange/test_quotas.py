"""A flood delays whoever sends it: the own operator's records come first, and each stranger has a share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.exchange.hostile import HostileBridge
from tests.core.exchange.said import incident
from tests.core.healing.small_mesh import SmallMesh, again, taught

from meshcore.bridge.base import Member, Publication
from meshcore.exchange.publish import publish
from meshcore.exchange.quotas import AUTHOR_ROWS, LEAST_ROWS, NEWCOMER_ROWS
from meshcore.exchange.receive import pull
from meshcore.model import Record
from meshcore.node import Node
from meshcore.safety.records import sign
from meshcore.store.lanes import MINUTE_SECONDS


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[HostileBridge]:
    mesh = SmallMesh(tmp_path)
    yield HostileBridge(mesh)
    mesh.close()


def say(node: Node, count: int) -> list[Record]:
    """Let a node publish so many statements of no weight."""
    records = [
        sign("incident", incident(), node.store.outbox.next_author_seq(), node.identity, node.clock)
        for n in range(count)
    ]
    node.require_bridge().publish([Publication(record, "incident") for record in records])
    return records


def forged(hostile: HostileBridge, count: int, key: str) -> None:
    """Let somebody write rows under keys that they do not have; `key` is an expression of the row's number `i`."""
    hostile.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
        "INSERT INTO log (record_id, kind, origin, key, sig, published_at, text) "
        f"SELECT 'r' || i, 'skill', 'mesh', {key}, '00', '2026', '{{\"v\":1}}' || i FROM n",
        (count,),
    )


def heard(node: Node, records: list[Record]) -> int:
    return sum(node.store.records.has(record.record_id) for record in records)


def minutes_later(hostile: HostileBridge, node: Node, minutes: int = 1) -> None:
    for _ in range(minutes):
        hostile.mesh.clock.advance(MINUTE_SECONDS)
        pull(node)


@pytest.mark.parametrize("key", [f"'{'e' * 64}'", "printf('%064x', i)", "''"], ids=["one", "ever new", "nobody"])
def test_five_thousand_rows_of_strangers_keep_nobody_from_the_own_operators_word(
    hostile: HostileBridge, key: str
) -> None:
    a, b = hostile.node("a"), hostile.node("b")
    pull(a)
    forged(hostile, 5000, key)
    known = taught(b)
    publish(b)
    pulled = pull(a)
    assert again(a, known).state == "active"
    assert a.synced_ago() == 0.0
    assert not pulled.more
    assert pulled.rejected <= max(AUTHOR_ROWS, NEWCOMER_ROWS)


def test_what_a_flood_delays_comes_in_its_order_and_all_of_it(hostile: HostileBridge) -> None:
    a, stranger = hostile.node("a"), hostile.node("s", operator="another")
    said = say(stranger, 2 * AUTHOR_ROWS + 100)
    pull(a)
    first = heard(a, said)
    assert 0 < first <= AUTHOR_ROWS
    assert heard(a, said[:first]) == first
    pull(a)
    assert heard(a, said) <= AUTHOR_ROWS + NEWCOMER_ROWS
    minutes_later(hostile, a, 8)
    assert heard(a, said) == len(said)
    assert a.store.lanes.waiting(a.require_bridge().bridge_id) == {}


def test_a_flood_of_one_author_delays_no_other_that_is_known(hostile: HostileBridge) -> None:
    a = hostile.node("a")
    loud, quiet = hostile.node("loud", operator="x"), hostile.node("quiet", operator="y")
    say(loud, 1)
    say(quiet, 1)
    pull(a)
    say(loud, 3 * AUTHOR_ROWS)
    said = say(quiet, 5)
    pull(a)
    assert heard(a, said) == 5


def test_a_flood_of_ever_new_authors_delays_no_author_that_is_known(hostile: HostileBridge) -> None:
    a, quiet = hostile.node("a"), hostile.node("quiet", operator="y")
    say(quiet, 1)
    pull(a)
    forged(hostile, 5000, "printf('%064x', i)")
    said = say(quiet, 5)
    pull(a)
    assert heard(a, said) == 5


def test_a_new_node_of_the_own_operator_is_heard_behind_a_flood_of_newcomers(hostile: HostileBridge) -> None:
    a = hostile.node("a")
    forged(hostile, 5000, "printf('%064x', i)")
    pull(a)
    b = hostile.node("b")
    known = taught(b)
    publish(b)
    pull(a)
    assert again(a, known).state == "active"


def test_rows_under_the_own_operators_keys_that_they_have_not_signed_cost_their_checks_and_no_more(
    hostile: HostileBridge,
) -> None:
    a, b = hostile.node("a"), hostile.node("b")
    say(b, 1)
    pull(a)
    forged(hostile, 1000, f"'{b.identity.node.public}'")
    known = taught(b)
    publish(b)
    while pull(a).more:
        pass
    assert again(a, known).state == "active"
    assert a.synced_ago() == 0.0


def test_many_members_hide_no_sign_of_life_of_an_own_node(hostile: HostileBridge) -> None:
    a, b = hostile.node("a"), hostile.node("b")
    say(b, 1)
    pull(a)
    hostile.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
        "INSERT INTO members (node, name, host, joined_at, seen_at, key, sig, text) "
        "SELECT printf('%064x', i), 'n', 'h', '', '2026', 'k', 's', '{}' FROM n"
    )
    found: list[Member] = a.require_bridge().members(a.store.authors.own())
    assert b.identity.node.public in {member.node for member in found}
    assert len(found) < 600


def test_a_row_with_the_highest_number_is_not_read_and_stops_nobody(hostile: HostileBridge) -> None:
    a, b = hostile.node("a"), hostile.node("b")
    forged(hostile, 1, "'e'")
    hostile.sql("UPDATE log SET seq = 9223372036854775807")
    hostile.sql("UPDATE sqlite_sequence SET seq = 9223372036854775807")
    known = taught(b)
    publish(b)
    assert pull(a).stored >= 1
    assert again(a, known).state == "active"
    assert "numbers that no node gave" in a.require_bridge().faults()[0]


def test_strangers_are_heard_little_by_little_over_a_bridge_that_is_slow(hostile: HostileBridge) -> None:
    a, stranger = hostile.node("a"), hostile.node("stranger", operator="other")
    records = say(stranger, 2 * LEAST_ROWS)
    for look in range(1, 3):
        pull(a, seconds=0.0)
        assert heard(a, records) == look * LEAST_ROWS
