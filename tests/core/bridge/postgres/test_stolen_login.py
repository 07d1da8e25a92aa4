"""What somebody with the login of one host can change: what that host said itself, and nothing else.

The database refuses it (42501), not our program: every attempt is plain SQL.
"""

from __future__ import annotations

import psycopg
import pytest
from tests.core.bridge.helpers import ALICE, BOB, CAROL, publication, record
from tests.core.bridge.postgres.conftest import Mesh

from meshcore.bridge.open import open_bridge
from meshcore.errors import BridgeUnavailableError, ConfigurationError
from meshcore.model import Receipt
from meshcore.testing import FakeClock

pytestmark = pytest.mark.services
REFUSED = "42501"
ATTEMPTS = {
    "publish as another": "SELECT mesh.publish('{skill}', '{mesh}', '{ALICE}', '{00}', '{text}', NULL, NULL, NULL)",
    "publish as nobody": "SELECT mesh.publish('{skill}', '{mesh}', ARRAY[''], ARRAY[''], '{text}', NULL, NULL, NULL)",
    "publish as an old program under a key": (
        "SELECT mesh.publish('{skill}', '{legacy}', '{ALICE}', ARRAY[''], '{text}', NULL, NULL, NULL)"
    ),
    "publish one's own and another's": (
        "SELECT mesh.publish('{skill,skill}', '{mesh,mesh}', '{BOB,ALICE}', '{0,0}', '{t,u}', NULL, NULL, NULL)"
    ),
    "say another's state with records": (
        "SELECT mesh.publish('{skill}', '{mesh}', '{BOB}', '{00}', '{text}', 'ALICE', '00', 'I live')"
    ),
    "acknowledge as another": "SELECT mesh.acknowledge('ALICE', '{1}', '{stored}', ARRAY[''], 1)",
    "acknowledge what comes next as another": "SELECT mesh.acknowledge_next('ALICE', 1, 1, 'stored')",
    "acknowledge next for a node that nobody was granted": "SELECT mesh.acknowledge_next('CAROL', 1, 1, 'stored')",
    "grant past the functions": "SELECT mesh.granted()",
    "speak by a reader's row": "UPDATE mesh.readers SET login = session_user",
    "join as another": "SELECT mesh.join('ALICE', 'x', 'x', 'ALICE', '00', 'hello')",
    "join as a node that nobody was granted": "SELECT mesh.join('CAROL', 'x', 'x', 'CAROL', '00', 'hello')",
    "join under another's hello": "SELECT mesh.join('BOB', 'x', 'x', 'ALICE', '00', 'hello')",
    "beat as another": "SELECT mesh.beat('ALICE', 'ALICE', '00', 'state')",
    "beat with another's state": "SELECT mesh.beat('BOB', 'ALICE', '00', 'state')",
    "forget another": "SELECT mesh.leave('ALICE')",
    "claim as another": "SELECT mesh.claim('skill', 'host1', 'ALICE', '00', 'claim', false, 0)",
    "prune": "SELECT mesh.prune('{1}')",
    "a sign of life past the functions": "SELECT mesh.live('BOB')",
    "a state past the functions": "SELECT mesh.say(1, 'x', 'x', 'x')",
    "a notification past the limit": "SELECT mesh.tell(99)",
    "insert a record": (
        "INSERT INTO mesh.log VALUES (9, 'x', 'skill', 'mesh', 'BOB', '0', 'x', session_user, clock_timestamp())"
    ),
    "insert a receipt": "INSERT INTO mesh.receipts VALUES (1, 1, true, 'stored', clock_timestamp(), '')",
    "insert a member": (
        "INSERT INTO mesh.members (node, name, host, key, sig, text, joined_at) VALUES "
        "('CAROL', 'x', 'x', 'x', 'x', 'x', clock_timestamp())"
    ),
    "insert a grant": "INSERT INTO mesh.grants VALUES ('CAROL', session_user)",
    "insert a claim": (
        "INSERT INTO mesh.claims VALUES ('x', 'x', session_user, clock_timestamp(), false, 'x', 'x', 'x')"
    ),
    "update the head": "UPDATE mesh.head SET seq = 0",
    "hold the head": "SELECT * FROM mesh.head FOR UPDATE",
    "lock the log": "DO $$ BEGIN LOCK TABLE mesh.log IN ACCESS EXCLUSIVE MODE; END $$",
    "update a record": "UPDATE mesh.log SET text = 'x'",
    "update a grant": "UPDATE mesh.grants SET login = session_user",
    "update a cursor": "UPDATE mesh.readers SET cursor = 0",
    "update a state": "UPDATE mesh.states SET text = 'x'",
    "delete a record": "DELETE FROM mesh.log",
    "delete a receipt": "DELETE FROM mesh.receipts",
    "delete a member": "DELETE FROM mesh.members",
    "truncate the log": "TRUNCATE mesh.log",
    "truncate receipts": "TRUNCATE mesh.receipts",
    "create a table": "CREATE TABLE mesh.mine (x int)",
    "create a table of all": "CREATE TABLE public.mine (x int)",
    "create a schema": "CREATE SCHEMA mine",
    "create a temporary table": "CREATE TEMP TABLE log (x int)",
    "create a function": "CREATE FUNCTION mesh.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "replace a function": "CREATE OR REPLACE FUNCTION mesh.mine(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    "become the owner": 'SET ROLE "OWNER"',
    "become another host": 'SET ROLE "LOGIN_A"',
    "begin as another": 'SET SESSION AUTHORIZATION "LOGIN_A"',
    "join the owner": 'GRANT "OWNER" TO session_user',
    "change a role": 'ALTER ROLE "LOGIN_A" NOLOGIN',
    "make a role": "CREATE ROLE mine",
    "turn the second line off": "ALTER TABLE mesh.log DISABLE ROW LEVEL SECURITY",
    "drop the log": "DROP TABLE mesh.log",
    "write a file": "COPY mesh.log TO '/tmp/log'",
    "run a program": "COPY mesh.log TO PROGRAM 'true'",
    "end another's session": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'LOGIN_A'",
    "read a file": "SELECT pg_read_file('/etc/passwd')",
}


def contents(mesh: Mesh) -> list[list[tuple[object, ...]]]:
    """Return all that the bridge holds."""
    tables = ("head", "log", "members", "readers", "spells", "states", "receipts", "claims", "grants")
    return [mesh.execute(f"SELECT * FROM mesh.{table} ORDER BY 1, 2") for table in tables]


@pytest.fixture
def used(mesh: Mesh) -> Mesh:
    """Give a mesh in which something was said, received and claimed by ALICE."""
    alice = mesh.open(mesh.a)
    alice.publish([publication(ALICE)], record(ALICE, 1, state=1))
    alice.acknowledge(ALICE, [], 1)
    assert alice.claim(record(ALICE, 2), "skill", "host1", 1)
    return mesh


def test_a_stolen_login_changes_nothing_of_others(used: Mesh) -> None:
    before = contents(used)
    names = {"ALICE": ALICE, "BOB": BOB, "CAROL": CAROL, "LOGIN_A": used.a, "OWNER": f"{used.database}_owner"}
    wrong: dict[str, str] = {}
    for what, statement in ATTEMPTS.items():
        for name, value in names.items():
            statement = statement.replace(name, value)
        try:
            used.execute(statement, used.b)
            wrong[what] = "done"
        except psycopg.Error as error:
            if error.sqlstate != REFUSED:
                wrong[what] = f"{error.sqlstate} {error}"
    assert wrong == {}
    assert contents(used) == before
    assert len(ATTEMPTS) >= 40


def test_what_is_of_the_host_itself_goes(used: Mesh) -> None:
    bob = used.open(used.b)
    assert bob.publish([publication(BOB)]) == [2]
    bob.acknowledge(BOB, [Receipt(1, BOB, "stored", "")], 2)
    assert bob.undelivered()[0].node == ALICE
    assert bob.erase(record(BOB, 1).record_id) == 1
    assert bob.forget(BOB)


def test_a_claim_in_another_hosts_name_neither_takes_nor_gives_back_its_place(used: Mesh) -> None:
    bob = used.open(used.b)
    bob.settle_claim(record(BOB, 3), "skill", "host1", verified=True)
    bob.settle_claim(record(BOB, 4), "skill", "host1", verified=False)
    held = [claim.record for claim in bob.claims("skill")]
    assert record(ALICE, 2) in held
    assert bob.erase(record(ALICE, 1).record_id) == 0


def test_a_reader_reads_and_does_nothing_else(used: Mesh) -> None:
    reader = f"{used.database}_ops"
    used.execute(f"CREATE ROLE {reader} LOGIN IN ROLE {used.database}_reader")
    assert used.execute("SELECT count(*) FROM mesh.log", reader) == [(1,)]
    for statement in ("SELECT mesh.ring()", "SELECT mesh.beat('x', NULL, NULL, NULL)", "DELETE FROM mesh.log"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            used.execute(statement, reader)


def test_a_login_of_another_bridge_on_the_same_server_does_not_come_in(used: Mesh) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        used.server.execute("contract", "SELECT 1", login=used.a)


def test_the_second_line_holds_where_a_right_was_granted_by_mistake(used: Mesh) -> None:
    used.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA mesh TO {used.b}")
    used.execute(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA mesh TO {used.b}")
    row = f"(9, 'x', 'skill', 'mesh', '{ALICE}', '0', 'x', session_user, clock_timestamp())"
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        used.execute(f"INSERT INTO mesh.log VALUES {row}", used.b)
    ((member,),) = used.execute(f"SELECT member FROM mesh.readers WHERE node = '{ALICE}'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        used.execute(f"INSERT INTO mesh.receipts VALUES (1, {member}, true, 'stored', clock_timestamp(), '')", used.b)
    used.execute("UPDATE mesh.log SET text = ''", used.b)
    used.execute("DELETE FROM mesh.log", used.b)
    assert used.execute("SELECT text FROM mesh.log") == [(record(ALICE, 1).text,)]


def test_who_holds_the_head_stops_publishing_and_is_named(used: Mesh) -> None:
    with psycopg.connect(host=str(used.server.folder), dbname=used.database, user=used.b) as held:
        held.execute("SET idle_in_transaction_session_timeout = 0")
        text = "SELECT mesh.publish('{skill}', '{mesh}', %s, '{00}', '{text}', NULL, NULL, NULL)"
        held.execute(text, ([BOB],))
        alice = used.open(used.a, deadline=0.3)
        with pytest.raises(BridgeUnavailableError, match=f"login {used.b} .process {held.info.backend_pid}. holds"):
            alice.publish([publication(ALICE, 2)])
        alice.acknowledge(ALICE, [], 1)
        assert alice.receive(ALICE, 0).end == 1
        (holder,) = used.administration.state().holders
        assert (holder.login, holder.process) == (used.b, held.info.backend_pid)
        held.rollback()
    assert alice.publish([publication(ALICE, 2)]) == [2]
    assert used.administration.state().holders == ()


def test_a_revoked_host_is_out_at_once_also_where_it_is_connected(used: Mesh) -> None:
    bob = used.open(used.b)
    bob.publish([publication(BOB)])
    assert used.administration.revoke(used.b) == 1
    with pytest.raises(ConfigurationError, match="refused"):
        bob.publish([publication(BOB, 2)])
    with pytest.raises(ConfigurationError, match="not permitted to log in"):
        used.open(used.b).publish([publication(BOB, 2)])
    assert [one.node for one in used.open(used.a).members()] == [ALICE]


@pytest.mark.parametrize("how", ["DELETE FROM mesh.grants WHERE node = '{}'", "TRUNCATE mesh.grants"])
def test_a_grant_that_is_taken_away_ends_receipts_at_once(used: Mesh, how: str) -> None:
    bob = used.open(used.b)
    used.open(used.a).publish([publication(ALICE, 2)])
    bob.acknowledge(BOB, [Receipt(1, BOB, "stored", "")], 1)
    used.execute(how.format(BOB))
    with pytest.raises(ConfigurationError, match="does not speak for node"):
        bob.acknowledge(BOB, [Receipt(2, BOB, "stored", "")], 2)


def test_a_node_that_is_granted_to_another_login_is_spoken_for_by_that_one(used: Mesh) -> None:
    bob, alice = used.open(used.b), used.open(used.a)
    used.execute(f"UPDATE mesh.grants SET login = '{used.a}' WHERE node = '{BOB}'")
    with pytest.raises(ConfigurationError, match="does not speak for node"):
        bob.acknowledge(BOB, [Receipt(1, BOB, "stored", "")], 1)
    alice.acknowledge(BOB, [Receipt(1, BOB, "stored", "")], 1)
    assert alice.received([1]) == {1}


def test_nobody_acknowledges_what_was_not_said_yet(used: Mesh) -> None:
    assert used.execute(f"SELECT mesh.acknowledge_next('{BOB}', 1, 9, 'stored')", used.b) == [(False,)]
    assert used.execute("SELECT count(*) FROM mesh.receipts WHERE seq > 1") == [(0,)]


def test_a_node_speaks_for_one_login_only(used: Mesh) -> None:
    from meshcore.errors import UsageError

    with pytest.raises(UsageError, match="belongs to login"):
        used.administration.grant(used.b, [ALICE])
    for node in ("", "a" * 63, "A" * 64, "'; DROP TABLE mesh.log"):
        with pytest.raises(UsageError, match="64 hex digits"):
            used.administration.grant(used.b, [node])
    quoted = open_bridge(used.server.address(used.database, used.a), clock=FakeClock())
    assert quoted.member(BOB) is not None
    quoted.close()
