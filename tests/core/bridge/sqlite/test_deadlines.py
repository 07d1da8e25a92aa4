"""No call takes longer than its deadline; threads share a bridge without a connection between them."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.core.bridge.helpers import BOB, member, open_bridge, publication, take

from meshcore.bridge.memory import MemoryBridge
from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.bridge.sqlite.log import log_path
from meshcore.errors import BridgeUnavailableError
from meshcore.testing import FakeClock

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[SqliteBridge]:
    opened = open_bridge(tmp_path / "bridge.db")
    opened.join(member(BOB))
    yield opened
    opened.close()


def test_a_statement_that_takes_too_long_is_interrupted_and_the_next_one_works(bridge: SqliteBridge) -> None:
    with pytest.raises(BridgeUnavailableError, match=r"did not answer within 0\.1 s"), bridge.log.reading() as log:
        log.execute(ENDLESS).fetchone()
    assert [m.node for m in bridge.members()] == [BOB]


def test_what_was_written_in_a_call_that_took_too_long_is_not_stored(bridge: SqliteBridge) -> None:
    with pytest.raises(BridgeUnavailableError), bridge.log.writing() as log:
        log.execute("DELETE FROM members")
        log.execute(ENDLESS).fetchone()
    assert [m.node for m in bridge.members()] == [BOB]


def test_upkeep_has_more_time_and_waits_for_a_lock_no_longer(bridge: SqliteBridge) -> None:
    started = time.monotonic()
    with closing(sqlite3.connect(log_path(bridge.path), isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        locked = pytest.raises(BridgeUnavailableError, match=r"locked by another program for 0\.1 s")
        with locked, bridge.log.within(600), bridge.log.writing():
            pass
    assert time.monotonic() - started < 30


def test_a_bridge_in_memory_that_a_thread_holds_is_unavailable() -> None:
    bridge = MemoryBridge(FakeClock(), deadline=0.01)
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with bridge._held():
            held.set()
            let_go.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    with pytest.raises(BridgeUnavailableError, match="did not answer"):
        bridge.members()
    let_go.set()
    thread.join()
    assert bridge.members() == []


def test_a_thread_reads_while_another_one_is_in_the_middle_of_writing(bridge: SqliteBridge) -> None:
    found: list[int] = []
    with bridge.log.writing() as log:
        log.execute("DELETE FROM members")
        thread = threading.Thread(target=lambda: found.append(len(bridge.members())))
        thread.start()
        thread.join(10)
    assert found == [1]


def test_a_bridge_that_a_thread_closes_opens_again_for_the_others(bridge: SqliteBridge) -> None:
    bridge.publish([publication()])
    thread = threading.Thread(target=bridge.close)
    thread.start()
    thread.join()
    assert len(take(bridge, BOB)) == 1
