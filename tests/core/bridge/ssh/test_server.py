"""What the other end may ask, and what it may not: whoever holds its key may be hostile."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.bridge.helpers import ALICE, BOB, CAROL, member, open_at, publication, receive, record
from tests.core.bridge.ssh.in_process import Piped

from meshcore.bridge.base import Bridge, Publication
from meshcore.bridge.memory import MemoryBridge
from meshcore.bridge.ssh import wire
from meshcore.bridge.ssh.bridge import SshBridge
from meshcore.bridge.ssh.server import OneNode, Server
from meshcore.errors import UsageError
from meshcore.model import Json, Receipt, Record
from meshcore.testing import FakeClock

SQLITE = "sqlite://{root}/bridge.db"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Bridge]:
    """Give a bridge of the host with two members of its own."""
    opened = open_at(SQLITE, tmp_path, FakeClock())
    opened.join(member(ALICE))
    opened.join(member(CAROL))
    yield opened
    opened.close()


@pytest.fixture
def bob(hub: Bridge) -> Iterator[SshBridge]:
    """Give the same bridge as node BOB of another host has it."""
    opened = SshBridge(lambda: Piped(hub, OneNode(BOB)), "ssh://hub")
    opened.join(member(BOB))
    yield opened
    opened.close()


AS_ANOTHER: dict[str, Callable[[Bridge], object]] = {
    "join": lambda bridge: bridge.join(member(ALICE, "evil")),
    "beat": lambda bridge: bridge.beat(ALICE),
    "beat with a state of another": lambda bridge: bridge.beat(BOB, record(ALICE, 9)),
    "publish": lambda bridge: bridge.publish([publication(ALICE, 7)]),
    "publish among own": lambda bridge: bridge.publish([publication(BOB, 1), publication(ALICE, 7)]),
    "publish as old": lambda bridge: bridge.publish([Publication(record(ALICE, 7), "legacy", "legacy")]),
    "publish with a state of another": lambda bridge: bridge.publish([publication(BOB, 1)], record(ALICE, 9)),
    "receive": lambda bridge: bridge.receive(ALICE, 0),
    "acknowledge": lambda bridge: bridge.acknowledge(ALICE, [Receipt(1, ALICE, "stored", "")], 1),
    "claim": lambda bridge: bridge.claim(record(ALICE, 9), "skill", "host1", 1),
    "claim for a host that has one": lambda bridge: bridge.claim(record(BOB, 9), "held", "host1", 1),
    "settle": lambda bridge: bridge.settle_claim(record(BOB, 9), "held", "host1", verified=True),
    "settle as failed": lambda bridge: bridge.settle_claim(record(BOB, 9), "held", "host1", verified=False),
    "forget": lambda bridge: bridge.forget(ALICE),
    "prune": lambda bridge: bridge.prune(0),
    "compact": lambda bridge: bridge.compact(),
}


@pytest.mark.parametrize("attempt", AS_ANOTHER.values(), ids=AS_ANOTHER.keys())
def test_a_key_speaks_for_one_node_only(hub: Bridge, bob: SshBridge, attempt: Callable[[Bridge], object]) -> None:
    hub.publish([publication(CAROL, 1)])
    hub.claim(record(CAROL, 2), "held", "host1", 1)
    before = (hub.members(), hub.statistics(), hub.claims("held"), hub.claims("skill"), hub.receive(ALICE, 0))
    with pytest.raises(UsageError):
        attempt(bob)
    after = (hub.members(), hub.statistics(), hub.claims("held"), hub.claims("skill"), hub.receive(ALICE, 0))
    assert after == before


def test_a_connection_without_a_node_speaks_for_the_first_that_it_names(hub: Bridge) -> None:
    opened = SshBridge(lambda: Piped(hub, OneNode()), "ssh://hub")
    opened.join(member(BOB))
    with pytest.raises(UsageError, match="another node"):
        opened.beat(ALICE)
    opened.close()


def test_no_call_reaches_what_the_owner_does(hub: Bridge) -> None:
    for name in ("forget", "erase", "prune", "compact", "integrity", "sizes", "close", "__init__", "_own", "serve", ""):
        assert answers(hub, [{"id": 1, "call": name, "with": []}])[0]["error"] == "usage"


def test_long_texts_come_only_where_they_are_wanted(hub: Bridge, bob: SshBridge) -> None:
    large = [record(ALICE, n, pad="x" * 100_000) for n in range(4)]
    seqs = hub.publish([Publication(one, "skill") for one in large])
    batch = bob.receive(BOB, 0, 100, lambda seq, key: seq != seqs[1])
    assert [one.record for one in batch.deliveries] == [large[0], large[2], large[3]]
    assert (batch.more, batch.cursor, batch.end) == (False, 4, 4)
    said = answers(hub, [{"id": 1, "call": "look", "with": [BOB, 0, 100]}], OneNode(BOB))[0]["value"]
    assert [brought for _, _, brought in said[0]] == [None] * 4


HOSTILE: list[bytes] = [
    b"\n",
    b"not json\n",
    b"[]\n",
    b"null\n",
    b'{"id": "x", "call": "beat", "with": []}\n',
    b'{"id": 1, "call": ["beat"], "with": []}\n',
    b'{"id": 1, "call": "beat"}\n',
    b'{"id": 1, "call": "beat", "with": {}}\n',
    b'{"id": 1, "call": "beat", "with": [1, 2, 3, 4]}\n',
    b'{"id": 1, "call": "receipts", "with": [{"a": 1}]}\n',
    b'{"id": 1, "call": "undelivered", "with": [1e400]}\n',
    b'{"id": 1, "call": "undelivered", "with": [99999999999999999999]}\n',
    b'{"id": 1, "call": "look", "with": ["' + BOB.encode() + b'", -5, -5]}\n',
    b'{"id": 1, "call": "members", "with": [[["x"]]]}\n',
    b"[" * 100_000 + b"\n",
    b'{"id": 1, "call": "published", "with": ["\\ud800"]}\n',
    b'{"id": 1, "call": "published", "with": ["' + b"\xff" + b'"]}\n',
]


@pytest.mark.parametrize("said", HOSTILE)
def test_what_cannot_be_read_costs_one_answer(hub: Bridge, said: bytes) -> None:
    first, second = answers(hub, [said, {"id": 2, "call": "published", "with": ["0"]}], OneNode(BOB))
    assert "error" in first or first.get("value") is not None
    assert second == {"id": 2, "value": ""}


@settings(max_examples=60)
@given(st.sampled_from(["join", "beat", "publish", "look", "rows", "acknowledge", "claim", "settle_claim"]), st.data())
def test_no_arguments_end_a_connection(name: str, data: st.DataObject) -> None:
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(BOB),
        lambda inner: st.lists(inner, max_size=5),
        max_leaves=12,
    )
    arguments = data.draw(st.lists(values, max_size=6))
    (answer,) = answers(MemoryBridge(FakeClock()), [{"id": 1, "call": name, "with": arguments}])
    assert answer["id"] == 1
    assert "error" in answer or "value" in answer


def test_a_bridge_that_cannot_be_used_says_so_in_the_hello(tmp_path: Path) -> None:
    (tmp_path / "bridge.db").mkdir()
    broken = open_at(SQLITE, tmp_path, FakeClock())
    out = io.BytesIO()
    Server(broken, io.BytesIO(), out).serve()
    hello = json.loads(out.getvalue())
    assert hello["meshtui_bridge"] == wire.PROTOCOL
    assert hello["error"] in wire.ERRORS


def test_what_another_host_publishes_is_received_on_this_one(hub: Bridge, bob: SshBridge) -> None:
    sent = record(BOB, 1, said="\u00fc\u0000")
    bob.publish([Publication(sent, "skill")], record(BOB, 1, state=1))
    assert [one.record for one in receive(hub, ALICE).deliveries] == [sent]
    found = hub.member(BOB)
    assert found is not None and found.state == record(BOB, 1, state=1)


def test_a_row_of_an_old_program_has_no_author(hub: Bridge, bob: SshBridge) -> None:
    bob.publish([Publication(Record("a skill", "", ""), "legacy", "legacy")])
    assert [one.origin for one in receive(hub, ALICE).deliveries] == ["legacy"]


def answers(
    bridge: Bridge, requests: list[dict[str, Json] | bytes], is_own: Callable[[str], bool] | None = None
) -> list[dict[str, Json]]:
    """Return what a server answers to lines, without its hello."""
    lines = [one if isinstance(one, bytes) else wire.line(one) for one in requests]
    out = io.BytesIO()
    Server(bridge, io.BytesIO(b"".join(lines)), out, is_own).serve()
    said = [cast("dict[str, Json]", json.loads(one)) for one in out.getvalue().splitlines()]
    return [one for one in said[1:] if "ring" not in one]
