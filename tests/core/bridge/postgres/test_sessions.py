"""Sessions with real servers, and what is no server: certificates, passwords, poolers, standbys, silence, crashes."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripts.testbed.certificates import certificate
from scripts.testbed.postgres import Server, free_port, why_not
from tests.core.bridge.helpers import ALICE, BOB, member, publication, take
from tests.core.bridge.postgres.conftest import Mesh

from meshcore.bridge.base import Bridge
from meshcore.bridge.open import open_bridge
from meshcore.bridge.postgres import address as address_module
from meshcore.clock import SystemClock
from meshcore.config import BridgeAddress
from meshcore.errors import BridgeUnavailableError, ConfigurationError
from meshcore.testing import FakeClock

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def has_server() -> None:
    if why := why_not():
        pytest.skip(why)


def opened(url: str, deadline: float = 5.0) -> Bridge:
    return open_bridge(BridgeAddress.parse(url), clock=FakeClock(), deadline=deadline)


def complaint(url: str, deadline: float = 5.0) -> str:
    """Return what is said of an address that cannot be used."""
    bridge = opened(url, deadline)
    with pytest.raises((BridgeUnavailableError, ConfigurationError)) as caught:
        bridge.publish([publication()])
    bridge.close()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- who answers ------------------------------------------------------------------------------------------------------


class Afar:
    """A server that is treated as one of another host: TLS, and a password for each login."""

    def __init__(self) -> None:
        self.server = Server(port=free_port(), listen="127.0.0.1", options=("-c", "fsync=off"))
        self.use("localhost", 10)
        self.server.start()
        granted = self.server.make("mesh").grant("build2", [BOB])
        self.password = granted.line.rpartition(":")[2]

    def use(self, name: str, days: int) -> Path:
        """Let the server show a certificate from its next start on; return what a client trusts."""
        self.root = self.server.speak_tls([name], days)
        return self.root

    def again(self, name: str, days: int) -> None:
        """Start the server again with another certificate."""
        self.server.stop()
        self.use(name, days)
        self.server.start()

    def url(self, password: str | None = None, root: Path | None = None) -> str:
        secret = self.password if password is None else password
        return f"postgresql://build2:{secret}@localhost:{self.server.port}/mesh?sslrootcert={root or self.root}"


@pytest.fixture
def afar(monkeypatch: pytest.MonkeyPatch) -> Iterator[Afar]:
    made = Afar()
    monkeypatch.setattr(address_module, "is_local", lambda found: False)
    yield made
    made.server.remove()


def test_a_server_afar_is_spoken_to_only_where_its_certificate_is_for_its_name(afar: Afar) -> None:
    bridge = opened(afar.url())
    bridge.join(member(BOB))
    bridge.close()
    said = complaint(afar.url(password="wrong"))
    assert "password authentication failed" in said
    assert "wrong" not in said
    other, _ = certificate(afar.server.folder, ["other"], 10)
    assert "certificate verify failed" in complaint(afar.url(root=other))
    assert "sslmode=require does not check" in complaint(f"{afar.url()}&sslmode=require")
    afar.again("localhost", -1)
    assert "certificate verify failed" in complaint(afar.url())
    afar.again("other.example", 10)
    assert "does not match host name" in complaint(afar.url())


def test_a_server_afar_without_tls_or_that_asks_for_the_password_itself_gets_nothing(afar: Afar) -> None:
    afar.server.stop()
    afar.use("localhost", 10)
    (afar.server.data / "pg_hba.conf").write_text("local all all trust\nhostssl all all 127.0.0.1/32 password\n")
    afar.server.start()
    assert "authentication" in complaint(afar.url())
    afar.server.stop()
    (afar.server.data / "postgresql.auto.conf").write_text("ssl = off\n")
    afar.server.start()
    assert "does not support SSL" in complaint(afar.url())


# --- what is no server of ours ----------------------------------------------------------------------------------------


def test_who_accepts_and_never_answers_costs_the_deadline_and_no_more() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert "did not answer within 0.2 s" in complaint(f"postgresql://a@127.0.0.1:{port}/mesh", 0.2)


def test_a_server_that_stops_answering_costs_the_deadline(mesh: Mesh) -> None:
    alice = mesh.open(mesh.a, deadline=0.3)
    alice.publish([publication(ALICE)])
    newest = f"SELECT pid FROM pg_stat_activity WHERE usename = '{mesh.a}' ORDER BY backend_start DESC LIMIT 1"
    ((process,),) = mesh.execute(newest)
    os.kill(int(str(process)), signal.SIGSTOP)
    try:
        with pytest.raises(BridgeUnavailableError, match=r"did not answer within 0\.3 s"):
            alice.publish([publication(ALICE, 2)])
    finally:
        os.kill(int(str(process)), signal.SIGCONT)
    seqs = alice.publish([publication(ALICE, 2)])
    assert seqs == [2]


def test_nobody_at_home_is_said_at_once() -> None:
    assert "refused" in complaint(f"postgresql://a@127.0.0.1:{free_port()}/mesh")


def test_a_login_or_database_that_is_not_there_is_said(mesh: Mesh) -> None:
    folder = mesh.server.folder
    assert "does not exist" in complaint(f"postgresql://nobody@/{mesh.database}?host={folder}")
    assert "does not exist" in complaint(f"postgresql://postgres@/nothing?host={folder}")


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_a_pooler_is_recognised_and_refused(mesh: Mesh, tmp_path: Path, mode: str) -> None:
    program = Path("/usr/sbin/pgbouncer")
    if not program.exists():
        pytest.skip("PgBouncer is not installed")
    port, folder = free_port(), mesh.server.folder / f"bouncer-{mode}"
    folder.mkdir()
    (folder / "users").write_text(f'"{mesh.a}" ""\n')
    (folder / "ini").write_text(
        f"[databases]\n* = host={mesh.server.folder} port={mesh.server.port}\n[pgbouncer]\npool_mode = {mode}\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = trust\nauth_file = {folder}/users\n"
        "unix_socket_dir =\n"
    )
    status = mesh.server.folder.stat()
    who = {"user": status.st_uid, "group": status.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    pooler = subprocess.Popen(
        [program, "-q", folder / "ini"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **who,  # type: ignore[call-overload]
    )
    try:
        while pooler.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                continue
        assert "connection pooler" in complaint(f"postgresql://{mesh.a}@127.0.0.1:{port}/{mesh.database}")
    finally:
        pooler.terminate()
        pooler.wait()


def test_a_standby_is_refused_as_long_as_it_is_one() -> None:
    server = Server()
    server.start()
    server.make("mesh")
    server.stop()
    standby = server.data / "standby.signal"
    standby.touch()
    os.chown(standby, server.data.stat().st_uid, server.data.stat().st_gid)
    server.start()
    assert "read-only standby" in complaint(server.address("mesh").url)
    server.remove()


# --- crashes ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def own() -> Iterator[Server]:
    server = Server()
    server.start()
    administration = server.make("mesh")
    for login, node in (("a", ALICE), ("b", BOB)):
        administration.grant(login, [node])
    yield server
    server.remove()


def test_what_was_acknowledged_survives_crashes_of_the_server_and_is_there_once(own: Server) -> None:
    sender = open_bridge(own.address("mesh", "a"), clock=SystemClock())
    reader = open_bridge(own.address("mesh", "b"), clock=SystemClock())
    reader.join(member(BOB))
    told: dict[int, int] = {}
    stop = threading.Event()

    def publish() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            while number not in told and not stop.is_set():
                try:
                    (told[number],) = sender.publish([publication(ALICE, number)])
                except BridgeUnavailableError:
                    continue

    thread = threading.Thread(target=publish)
    thread.start()
    for crash in range(1, 6):
        while len(told) < 20 * crash:
            stop.wait(0.001)
        own.stop(signal.SIGKILL)
        own.start()
    stop.set()
    thread.join()
    assert len(set(told.values())) == len(told)
    texts = take(reader, BOB)
    assert {publication(ALICE, number).record.text for number in told} <= set(texts)
    assert len(texts) == len(set(texts))
    sender.close()
    reader.close()


def test_a_client_that_is_killed_leaves_what_it_was_told_and_holds_nobody_up(own: Server) -> None:
    program = (
        "import sys; from meshcore.clock import SystemClock; from meshcore.bridge.open import open_bridge;"
        "from meshcore.config import BridgeAddress; from tests.core.bridge.helpers import publication;"
        "bridge = open_bridge(BridgeAddress.parse(sys.argv[1]), clock=SystemClock());\n"
        "for number in range(1, 10**6): print(*bridge.publish([publication(number=number)]), flush=True)"
    )
    reader = open_bridge(own.address("mesh", "b"), clock=SystemClock())
    reader.join(member(BOB))
    highest = 0
    for _ in range(5):
        client = subprocess.Popen(
            [sys.executable, "-c", program, own.address("mesh", "a").url],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[4],
        )
        assert client.stdout is not None
        for _ in range(20):
            highest = max(highest, int(client.stdout.readline()))
        client.kill()
        client.wait()
        client.stdout.close()
        assert reader.receive(BOB, 0).end >= highest
    assert open_bridge(own.address("mesh", "a"), clock=SystemClock()).publish([publication(ALICE, 10**6)])
    reader.close()


def test_a_listener_hears_again_after_the_server_was_started_anew(own: Server) -> None:
    sender = open_bridge(own.address("mesh", "a"), clock=SystemClock())
    reader = open_bridge(own.address("mesh", "b"), clock=SystemClock())
    reader.join(member(BOB))
    assert not reader.wait(0)
    own.stop()
    own.start()
    with pytest.raises(BridgeUnavailableError, match="has ended"):
        for _ in range(3):  # its last words may come first
            reader.drain()
    reader.beat(BOB)
    sender.publish([publication(ALICE)])
    assert reader.wait(30)
    assert len(take(reader, BOB)) == 1
    sender.close()
    reader.close()


def test_who_looks_at_the_bell_takes_no_answer_from_another_thread(mesh: Mesh) -> None:
    bridge = mesh.open(mesh.a)
    descriptor, over = bridge.fileno(), threading.Event()

    def look() -> None:
        while not over.is_set():
            select.select([descriptor], [], [], 0.01)
            bridge.drain()

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(200):
            assert bridge.member(ALICE) is not None
    finally:
        over.set()
        looking.join()


def test_a_reader_goes_over_what_was_pruned_however_much_it_is(mesh: Mesh) -> None:
    mesh.execute(
        f"INSERT INTO mesh.log VALUES (90000, 'x', 'skill', 'mesh', '{ALICE}', '0', 'a', '{mesh.a}', clock_timestamp())"
    )
    mesh.execute("UPDATE mesh.head SET seq = 180000")
    bob = mesh.open(mesh.b)
    found, cursor, calls = [], 0, 0
    while calls < 10:
        batch = bob.receive(BOB, cursor)
        cursor, calls = batch.cursor, calls + 1
        found += [delivery.seq for delivery in batch.deliveries]
        if not batch.more:
            break
    assert (found, cursor) == ([90000], 180000)


@pytest.mark.parametrize("zone", ["America/New_York", "<+0330>-03:30"])
def test_times_are_the_same_wherever_the_server_lives(mesh: Mesh, zone: str) -> None:
    first = publication(ALICE)
    mesh.open(mesh.a).publish([first])
    at_home = mesh.open(mesh.a).published(first.record.record_id)
    mesh.execute(f"ALTER DATABASE {mesh.database} SET TimeZone = '{zone}'")
    assert mesh.execute("SHOW TimeZone", mesh.a) == [(zone,)]
    assert mesh.open(mesh.a).published(first.record.record_id) == at_home


def test_who_rings_for_more_than_there_is_makes_nobody_deaf(mesh: Mesh) -> None:
    alice, bob = mesh.open(mesh.a), mesh.open(mesh.b)
    bob.wait(0)
    bob.receive(BOB, 0)
    for _ in range(2):
        mesh.execute("SELECT pg_notify('mesh', '999999999999999999')", mesh.a)
        assert bob.wait(5.0)
        assert bob.receive(BOB, 0).deliveries == ()
        assert not bob.wait(0)
    alice.publish([publication(ALICE)])
    assert bob.wait(5.0)
    assert [one.seq for one in bob.receive(BOB, 0).deliveries] == [1]
    assert not bob.wait(0)
