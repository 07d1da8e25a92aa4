"""A bridge is made by its administrator, by command or by hand, again and again without harm."""

from __future__ import annotations

import subprocess
import uuid

import pytest
from scripts.testbed.postgres import programs, shared, why_not
from tests.core.bridge.helpers import ALICE, BOB, member, publication, take
from tests.core.bridge.postgres.conftest import Mesh

from meshcore.bridge.open import administration, open_bridge
from meshcore.bridge.postgres.administration import script
from meshcore.config import BridgeAddress
from meshcore.errors import ConfigurationError, UsageError
from meshcore.testing import FakeClock

pytestmark = pytest.mark.services


def test_making_a_bridge_that_is_there_changes_nothing(mesh: Mesh) -> None:
    (before,) = mesh.execute("SELECT * FROM mesh.head")
    assert "is there" in mesh.administration.make()
    assert mesh.execute("SELECT * FROM mesh.head") == [before]


def test_what_is_printed_for_psql_makes_the_same_bridge() -> None:
    if why := why_not():
        pytest.skip(why)
    server, database, binary = shared(), f"p-{uuid.uuid4().hex[:12]}", programs()
    assert binary is not None
    command = [str(binary / "psql"), "-X", "-q", "-h", str(server.folder), "-U", "postgres", "-d", "postgres"]
    done = subprocess.run(command, input=script(database), text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = administration(server.address(database))
    assert "is there" in found.make()
    found.grant(f"{database}_a", [ALICE])
    bridge = open_bridge(server.address(database, f"{database}_a"), clock=FakeClock())
    bridge.join(member(ALICE))
    assert bridge.publish([publication(ALICE)]) == [1]
    bridge.close()
    server.execute("postgres", f'DROP DATABASE "{database}" WITH (FORCE)')


def test_a_host_that_was_revoked_can_be_let_in_again(mesh: Mesh) -> None:
    mesh.administration.revoke(mesh.b)
    line = mesh.administration.grant(mesh.b, [BOB]).line
    assert line.split(":")[:4] == ["*", "*", mesh.database, mesh.b]
    bob = mesh.open(mesh.b)
    bob.join(member(BOB))
    mesh.open(mesh.a).publish([publication(ALICE)])
    assert len(take(bob, BOB)) == 1


def test_no_password_reaches_the_server_or_its_log(mesh: Mesh) -> None:
    mesh.execute("SET log_statement = 'all'")
    password = mesh.administration.grant(mesh.a, [ALICE]).line.rpartition(":")[2]
    ((stored,),) = mesh.execute(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{mesh.a}'")
    assert str(stored).startswith("SCRAM-SHA-256$")
    assert password not in (mesh.server.folder / "log").read_text()


def test_a_database_of_another_program_is_no_bridge(mesh: Mesh) -> None:
    bridge = open_bridge(mesh.server.address("postgres"), clock=FakeClock())
    with pytest.raises(ConfigurationError, match="holds no bridge"):
        bridge.publish([publication()])
    bridge.close()


@pytest.mark.parametrize(("version", "said"), [(99, "newer meshtui"), (0, "older meshtui")])
def test_a_schema_of_another_version_is_left_alone(mesh: Mesh, version: int, said: str) -> None:
    mesh.execute(f"UPDATE mesh.head SET schema_version = {version}")
    with pytest.raises(ConfigurationError, match=said):
        mesh.open(mesh.a).publish([publication()])


def test_a_function_that_is_missing_is_said(mesh: Mesh) -> None:
    mesh.execute("DROP FUNCTION mesh.publish")
    with pytest.raises(ConfigurationError, match=r"lacks something.*bridge init"):
        mesh.open(mesh.a).publish([publication()])


def test_a_bridge_without_logins_has_nothing_to_grant() -> None:
    with pytest.raises(ConfigurationError, match="no logins"):
        administration(BridgeAddress.parse("/tmp/bridge.db"))
    with pytest.raises(UsageError, match="at most 50 bytes"):
        script("x" * 51)
