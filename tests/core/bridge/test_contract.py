"""What every bridge must do, asked of each of them."""

from __future__ import annotations

import random
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.core.bridge.helpers import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    ENGINES,
    OF_ONE_PROCESS,
    ToldClock,
    asked,
    member,
    open_at,
    publication,
    receive,
    record,
    set_up,
    take,
)

from meshcore.bridge.base import Bridge, Claim, Pruned, Publication
from meshcore.bridge.limits import CLAIM_SECONDS
from meshcore.clock import to_text
from meshcore.errors import BadRecordError, UsageError
from meshcore.model import Json, Receipt, Record, canonical
from meshcore.testing import FakeClock

DAY = 24 * 3600.0
Open = Callable[[], Bridge]


@pytest.fixture
def clock() -> ToldClock:
    return ToldClock()


@pytest.fixture(params=asked("sqlite without doorbell", "postgresql without doorbell"))
def open_peer(request: pytest.FixtureRequest, tmp_path: Path, clock: ToldClock) -> Iterator[Open]:
    """Give a function that opens another process's view of one bridge."""
    opened: list[Bridge] = []
    name, without, _ = request.param.partition(" without doorbell")

    def peer() -> Bridge:
        opened.append(open_at(ENGINES[name], tmp_path, clock, doorbell=not without))
        return opened[-1]

    with set_up(name, tmp_path, clock):
        yield peer
        for bridge in opened:
            bridge.close()


@pytest.fixture
def bridge(open_peer: Open) -> Bridge:
    """Give a bridge with two members."""
    opened = open_peer()
    opened.join(member(ALICE))
    opened.join(member(BOB))
    return opened


def stored(seq: int, node: str = BOB, at: str = "2026-11-22T08:00:00.000000Z") -> Receipt:
    return Receipt(seq, node, "stored", at)


def test_a_published_record_arrives_as_it_was_signed(bridge: Bridge, clock: FakeClock) -> None:
    sent = record(ALICE, 1, command="pip install \u00fcber\u0000")
    (seq,) = bridge.publish([Publication(sent, "skill")])
    (delivery,) = receive(bridge, BOB).deliveries
    assert (delivery.seq, delivery.record, delivery.origin) == (seq, sent, "mesh")
    assert delivery.published_at == to_text(clock.now())


def test_rows_arrive_in_the_order_of_publication(bridge: Bridge) -> None:
    seqs = bridge.publish([publication(number=n) for n in range(5)])
    assert seqs == sorted(seqs)
    assert [d.seq for d in receive(bridge, BOB).deliveries] == seqs


def test_a_node_does_not_receive_its_own_records(bridge: Bridge) -> None:
    bridge.publish([publication(ALICE)])
    batch = receive(bridge, ALICE)
    assert batch.deliveries == ()
    assert batch.cursor == 1


def test_without_acknowledgement_a_record_comes_again(bridge: Bridge) -> None:
    bridge.publish([publication()])
    assert receive(bridge, BOB) == receive(bridge, BOB)
    assert len(receive(bridge, BOB).deliveries) == 1


def test_after_acknowledgement_a_record_does_not_come_again(bridge: Bridge) -> None:
    bridge.publish([publication()])
    assert len(take(bridge, BOB)) == 1
    assert receive(bridge, BOB).deliveries == ()


def test_four_listeners_each_receive_everything(open_peer: Open) -> None:
    nodes = [ALICE, BOB, CAROL, DAVE]
    bridges = {node: open_peer() for node in nodes}
    for node, own in bridges.items():
        own.join(member(node))
    sender = open_peer()
    sent = [record("e" * 64, n) for n in range(20)]
    sender.publish([Publication(item, "skill") for item in sent])
    for node, own in bridges.items():
        assert take(own, node) == [item.text for item in sent]
    statistics = sender.statistics()
    assert (statistics.expected, statistics.received, statistics.undelivered) == (80, 80, 0)


def test_the_same_record_published_twice_keeps_its_seq(bridge: Bridge) -> None:
    first = bridge.publish([publication()])
    assert bridge.publish([publication(), publication()]) == first * 2
    assert bridge.statistics().records == 1
    assert bridge.statistics().expected == 1


def test_a_copy_under_another_signature_does_not_take_the_place_of_the_true_record(bridge: Bridge) -> None:
    true = record()
    forged = Record(true.text, true.key, "00")
    seqs = bridge.publish([Publication(forged, "skill"), Publication(true, "skill")])
    assert seqs == [1, 2]
    assert [d.record for d in receive(bridge, BOB).deliveries] == [forged, true]


def test_an_erased_record_keeps_its_place_and_says_nothing(bridge: Bridge) -> None:
    first, second = record(ALICE, 1), record(ALICE, 2)
    seqs = bridge.publish([Publication(first, "skill"), Publication(second, "skill")])
    assert bridge.erase(first.record_id) == 1
    assert bridge.erase("0" * 64) == 0
    deliveries = receive(bridge, BOB).deliveries
    assert [(one.seq, one.record.text) for one in deliveries] == list(zip(seqs, ["", second.text], strict=True))
    assert bridge.publish([Publication(second, "skill")]) == seqs[1:]


def test_a_batch_is_bounded_and_says_that_more_waits(bridge: Bridge) -> None:
    bridge.publish([publication(number=n) for n in range(7)])
    batch = receive(bridge, BOB, limit=3)
    assert ([d.seq for d in batch.deliveries], batch.more, batch.cursor) == ([1, 2, 3], True, 3)
    assert len(take(bridge, BOB, limit=3)) == 7


def test_a_batch_is_bounded_in_size_but_never_empty(bridge: Bridge) -> None:
    large = [record(ALICE, n, pad="x" * 1_000_000) for n in range(6)]
    bridge.publish([Publication(item, "skill") for item in large])
    batch = receive(bridge, BOB)
    assert (len(batch.deliveries), batch.more) == (4, True)
    assert take(bridge, BOB) == [item.text for item in large]


def test_own_rows_between_two_of_others_cost_nothing(bridge: Bridge) -> None:
    bridge.publish([publication(ALICE, 1), publication(BOB, 2), publication(BOB, 3), publication(ALICE, 4)])
    assert [d.seq for d in receive(bridge, BOB).deliveries] == [1, 4]
    assert receive(bridge, BOB, limit=1).more
    assert not receive(bridge, BOB, limit=2).more


def test_a_look_goes_past_many_rows_for_the_few_that_are_wanted(bridge: Bridge) -> None:
    seqs = bridge.publish([publication(BOB, n) for n in range(520)] + [publication(ALICE, 1)])
    batch = bridge.receive(BOB, 0)
    assert ([delivery.seq for delivery in batch.deliveries], batch.more, batch.cursor) == (seqs[-1:], False, seqs[-1])


def test_a_node_that_joins_late_starts_at_the_beginning(bridge: Bridge) -> None:
    bridge.publish([publication()])
    bridge.join(member(CAROL))
    assert len(take(bridge, CAROL)) == 1


def test_joining_again_keeps_the_cursor_and_renews_the_hello(bridge: Bridge, clock: FakeClock) -> None:
    bridge.publish([publication()])
    take(bridge, BOB)
    joined = to_text(clock.now())
    clock.advance(60)
    bridge.join(member(BOB, "bob@elsewhere"))
    (bob,) = [m for m in bridge.members() if m.node == BOB]
    assert (bob.name, bob.cursor) == ("bob@elsewhere", 1)
    assert (bob.joined_at, bob.seen_at) == (joined, to_text(clock.now()))


def test_members_carry_their_signed_hello(bridge: Bridge) -> None:
    assert [m.record for m in bridge.members()] == [member(ALICE).record, member(BOB).record]


def test_a_beat_is_a_sign_of_life(bridge: Bridge, clock: FakeClock) -> None:
    clock.advance(5)
    bridge.beat(BOB)
    assert {m.node: m.seen_at for m in bridge.members()}[BOB] == to_text(clock.now())


def test_receipts_are_expected_from_members_with_a_sign_of_life_within_seven_days(
    bridge: Bridge, clock: FakeClock
) -> None:
    clock.advance(6.9 * DAY)
    bridge.publish([publication(number=1)])
    bridge.join(member(CAROL))
    clock.advance(0.2 * DAY)
    bridge.publish([publication(number=2)])
    assert [(u.seq, u.node) for u in bridge.undelivered()] == [(1, BOB), (2, CAROL)]


def test_a_member_that_was_silent_for_weeks_still_receives_everything(bridge: Bridge, clock: FakeClock) -> None:
    clock.advance(20 * DAY)
    bridge.publish([publication()])
    assert bridge.statistics().expected == 0
    assert len(take(bridge, BOB)) == 1
    assert [r.node for r in bridge.receipts(publication().record.record_id)] == [BOB]


def test_the_author_is_not_expected_to_receive_its_own_record(bridge: Bridge) -> None:
    bridge.publish([publication(ALICE)])
    assert [u.node for u in bridge.undelivered()] == [BOB]


def test_undelivered_names_record_kind_reader_and_age(bridge: Bridge, clock: FakeClock) -> None:
    bridge.publish([publication(kind="outcome")])
    (missing,) = bridge.undelivered()
    assert missing.record_id == record().record_id
    assert (missing.kind, missing.node, missing.since) == ("outcome", BOB, to_text(clock.now()))
    assert bridge.statistics().oldest_undelivered == missing.since


def test_undelivered_is_bounded_and_oldest_first(bridge: Bridge) -> None:
    bridge.publish([publication(number=n) for n in range(5)])
    assert [u.seq for u in bridge.undelivered(limit=2)] == [1, 2]


def test_a_receipt_is_kept_with_what_it_says(bridge: Bridge) -> None:
    bridge.publish([publication()])
    given = Receipt(1, BOB, "rejected", "2026-11-22T08:00:00.000000Z", "bad signature")
    bridge.acknowledge(BOB, [given], 1)
    assert bridge.receipts(record().record_id) == [given]
    statistics = bridge.statistics()
    assert (statistics.received, statistics.rejected, statistics.undelivered) == (1, 1, 0)


def test_the_same_receipt_twice_is_one_and_the_first_stands(bridge: Bridge) -> None:
    bridge.publish([publication()])
    bridge.acknowledge(BOB, [stored(1)], 1)
    bridge.acknowledge(BOB, [Receipt(1, BOB, "rejected", "2026-11-22T09:00:00.000Z")], 1)
    assert bridge.receipts(record().record_id) == [stored(1)]


def test_a_receipt_is_in_the_name_of_the_node_that_acknowledges(bridge: Bridge) -> None:
    bridge.publish([publication()])
    bridge.acknowledge(BOB, [stored(1, node=CAROL)], 1)
    assert [r.node for r in bridge.receipts(record().record_id)] == [BOB]


def test_a_receipt_for_a_row_that_does_not_exist_is_dropped(bridge: Bridge) -> None:
    bridge.acknowledge(BOB, [stored(99)], 0)
    bridge.publish([publication()])
    assert bridge.statistics().received == 0


@pytest.mark.parametrize("seed", range(4))
def test_receipts_in_whatever_order_and_portions_are_counted_once(bridge: Bridge, seed: int) -> None:
    draw = random.Random(seed)
    authors = [draw.choice([ALICE, ALICE, BOB]) for _ in range(16)]
    given: dict[int, str] = {}
    for number, author in enumerate(authors):
        bridge.publish([publication(author, number)])
        seqs = draw.sample(range(1, number + 3), draw.randrange(min(4, number + 2)))
        if draw.random() < 0.5:
            seqs = [seq for seq in range(1, number + 2) if seq not in given]
        receipts = [Receipt(seq, BOB, draw.choice(["stored", "stored", "stored", "rejected"]), "") for seq in seqs]
        bridge.acknowledge(BOB, receipts, draw.choice([0, number, number + 1, 99]))
        given |= {one.seq: one.status for one in receipts if one.seq <= number + 1 and one.seq not in given}
        missing = [seq for seq, by in enumerate(authors[: number + 1], 1) if by != BOB and seq not in given]
        statistics = bridge.statistics()
        assert [one.seq for one in bridge.undelivered() if one.node == BOB] == missing
        assert statistics.received == sum(authors[seq - 1] != BOB for seq in given)
        assert statistics.rejected == list(given.values()).count("rejected")


def test_a_cursor_moves_neither_back_nor_past_the_end(bridge: Bridge) -> None:
    bridge.publish([publication(number=n) for n in range(3)])
    bridge.acknowledge(BOB, [], 2)
    bridge.acknowledge(BOB, [], 1)
    assert [d.seq for d in receive(bridge, BOB).deliveries] == [3]
    bridge.acknowledge(BOB, [], 1000)
    bridge.publish([publication(number=9)])
    assert [d.seq for d in receive(bridge, BOB).deliveries] == [4]


def test_a_forgotten_node_is_expected_nowhere_and_what_it_received_stays_known(bridge: Bridge) -> None:
    bridge.publish([publication(number=1)])
    take(bridge, BOB)
    bridge.publish([publication(number=2)])
    assert bridge.forget(BOB)
    assert bridge.undelivered() == []
    assert [m.node for m in bridge.members()] == [ALICE]
    assert len(bridge.receipts(record(ALICE, 1).record_id)) == 1
    assert not bridge.forget(BOB)


def test_a_node_that_has_not_joined_is_told_to(bridge: Bridge) -> None:
    with pytest.raises(UsageError, match="has not joined"):
        receive(bridge, CAROL)
    with pytest.raises(UsageError, match="has not joined"):
        bridge.beat(CAROL)
    with pytest.raises(UsageError, match="has not joined"):
        bridge.acknowledge(CAROL, [stored(1)], 1)


def test_an_acknowledgement_that_fails_stores_nothing_of_it(bridge: Bridge) -> None:
    bridge.publish([publication()])
    bridge.forget(BOB)
    with pytest.raises(UsageError):
        bridge.acknowledge(BOB, [stored(1)], 1)
    assert bridge.receipts(record().record_id) == []


def test_the_log_keeps_its_identity_for_every_reader(open_peer: Open) -> None:
    first, second = open_peer(), open_peer()
    assert len(first.bridge_id) == 32
    assert first.bridge_id == second.bridge_id == first.bridge_id


def test_waiting_ends_when_another_process_publishes(open_peer: Open) -> None:
    sender, reader = open_peer(), open_peer()
    reader.join(member(BOB))
    take(reader, BOB)
    assert not reader.wait(0)
    thread = threading.Thread(target=sender.publish, args=([publication()],))
    thread.start()
    assert reader.wait(10)
    thread.join()
    assert len(take(reader, BOB)) == 1


def test_waiting_ends_at_once_where_something_came_before_the_first_wait(open_peer: Open) -> None:
    sender, reader = open_peer(), open_peer()
    reader.join(member(BOB))
    sender.publish([publication()])
    assert reader.wait(10)


def test_waiting_without_news_ends_with_the_timeout(open_peer: Open) -> None:
    reader = open_peer()
    reader.join(member(BOB))
    assert not reader.wait(0.05)


@pytest.mark.parametrize("text", ["\ud800", "x" * (16 * 1024 * 1024 + 1)], ids=["half a surrogate", "too long"])
def test_what_is_no_text_is_refused_before_anything_is_stored(bridge: Bridge, text: str) -> None:
    with pytest.raises(BadRecordError):
        bridge.publish([publication(), Publication(Record(text, ALICE, ""), "skill")])
    assert bridge.statistics().records == 0


def test_publishing_nothing_is_nothing(bridge: Bridge) -> None:
    assert bridge.publish([]) == []
    assert bridge.statistics().records == 0


def test_threads_of_one_process_share_a_bridge(bridge: Bridge) -> None:
    def publish(author: int) -> None:
        for n in range(10):
            bridge.publish([publication(f"{author:064x}", n)])

    threads = [threading.Thread(target=publish, args=(author,)) for author in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(take(bridge, BOB)) == 40


# --- order ------------------------------------------------------------------------------------------------------------

WRITERS, RECORDS = 4, 25


def publish_many(bridge: Bridge, author: str) -> None:
    for number in range(0, RECORDS, 5):
        bridge.publish([publication(author, number + n) for n in range(5)])


def in_processes(engine: str, root: Path, authors: list[str]) -> list[subprocess.Popen[bytes]]:
    program = (
        "import sys; from pathlib import Path; from meshcore.clock import SystemClock;"
        "from tests.core.bridge.helpers import ENGINES, open_at;"
        "from tests.core.bridge.test_contract import publish_many;"
        "bridge = open_at(ENGINES[sys.argv[1]], Path(sys.argv[2]), SystemClock());"
        "publish_many(bridge, sys.argv[3]); bridge.close()"
    )
    command = [sys.executable, "-c", program, engine, str(root)]
    return [subprocess.Popen([*command, author], cwd=Path(__file__).parents[3]) for author in authors]


@pytest.mark.parametrize("engine", asked())
def test_a_reader_beside_many_writers_sees_every_number_once_and_in_order(
    engine: str, tmp_path: Path, clock: ToldClock
) -> None:
    with set_up(engine, tmp_path, clock):
        read_beside_writers(engine, tmp_path, clock)


def read_beside_writers(engine: str, tmp_path: Path, clock: ToldClock) -> None:
    reader = open_at(ENGINES[engine], tmp_path, clock)
    reader.join(member(BOB))
    authors = [f"{author:064x}" for author in range(WRITERS)]
    if engine in OF_ONE_PROCESS:
        threads = [threading.Thread(target=publish_many, args=(reader, author)) for author in authors]
        for thread in threads:
            thread.start()
        finish = [thread.join for thread in threads]
    else:
        processes = in_processes(engine, tmp_path, authors)
        finish = [process.wait for process in processes]  # type: ignore[misc]
    seen: list[int] = []
    while len(seen) < WRITERS * RECORDS:
        batch = reader.receive(BOB, seen[-1] if seen else 0, 7)
        reader.acknowledge(BOB, [], batch.cursor)
        seen += [delivery.seq for delivery in batch.deliveries]
        if not batch.deliveries:
            assert reader.wait(30)
    for one in finish:
        one()
    assert seen == list(range(1, WRITERS * RECORDS + 1))
    reader.close()


# --- cursors ----------------------------------------------------------------------------------------------------------


def test_a_reader_whose_home_is_older_than_the_bridge_s_cursor_reads_again_from_where_it_says(bridge: Bridge) -> None:
    bridge.publish([publication(number=n) for n in range(4)])
    take(bridge, BOB)
    assert [d.seq for d in bridge.receive(BOB, 2).deliveries] == [3, 4]


def test_a_reader_reads_from_where_it_says_and_is_told_how_far_it_has_acknowledged(bridge: Bridge) -> None:
    bridge.publish([publication(number=n) for n in range(4)])
    bridge.acknowledge(BOB, [stored(1)], 1)
    batch = bridge.receive(BOB, 3)
    assert ([d.seq for d in batch.deliveries], batch.acknowledged) == ([4], 1)


def test_a_batch_tells_where_the_log_ends(bridge: Bridge) -> None:
    bridge.publish([publication(number=n) for n in range(4)])
    assert receive(bridge, BOB, limit=1).end == 4
    assert bridge.receive(BOB, 99).end == 4


# --- time -------------------------------------------------------------------------------------------------------------


def test_a_receipt_is_stamped_by_the_bridge(bridge: Bridge, clock: FakeClock) -> None:
    bridge.publish([publication()])
    clock.advance(5)
    bridge.acknowledge(BOB, [stored(1, at="1999-01-01T00:00:00.000000Z")], 1)
    assert [r.at for r in bridge.receipts(record().record_id)] == [to_text(clock.now())]


def test_the_bridge_says_how_long_ago_a_member_was_seen(bridge: Bridge, clock: FakeClock) -> None:
    clock.advance(59)
    bridge.beat(ALICE)
    clock.advance(2)
    assert {m.node: (m.age, m.seen) for m in bridge.members()} == {ALICE: (2.0, True), BOB: (61.0, False)}


def test_when_a_record_was_published_can_be_asked(bridge: Bridge, clock: FakeClock) -> None:
    bridge.publish([publication()])
    assert bridge.published(record().record_id) == to_text(clock.now())
    assert bridge.published("0" * 64) == ""


# --- beats and claims -------------------------------------------------------------------------------------------------


def test_a_signed_state_takes_the_place_of_the_one_before(bridge: Bridge) -> None:
    for number in (1, 2):
        bridge.beat(BOB, record(BOB, number, state=number))
    bridge.beat(BOB)
    bridge.join(member(BOB))
    assert {m.node: m.state for m in bridge.members()} == {ALICE: None, BOB: record(BOB, 2, state=2)}
    assert bridge.statistics().records == 0


def test_a_claim_is_given_to_one_host_and_kept_as_it_was_signed(bridge: Bridge) -> None:
    assert bridge.claim(record(ALICE, 1), "skill", "host1", 1)
    assert not bridge.claim(record(BOB, 1), "skill", "host2", 1)
    assert bridge.claim(record(CAROL, 1), "skill", "host1", 1)
    assert bridge.claim(record(BOB, 1), "another", "host2", 1)
    assert bridge.claims("skill") == [Claim("skill", "host1", record(ALICE, 1))]


def test_of_many_that_claim_at_once_as_many_win_as_there_are_places(open_peer: Open) -> None:
    bridges = [open_peer() for _ in range(6)]
    won: list[bool] = []

    def claim(bridge: Bridge, host: str) -> None:
        won.append(bridge.claim(record(), "skill", host, 2))

    threads = [threading.Thread(target=claim, args=(one, f"h{n}")) for n, one in enumerate(bridges)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 4 + [True] * 2
    assert len(bridges[0].claims("skill")) == 2


def test_a_claim_ends_by_the_bridge_s_clock_and_that_of_a_failed_try_never(bridge: Bridge, clock: FakeClock) -> None:
    bridge.claim(record(), "lost", "host1", 1)
    bridge.claim(record(), "failed", "host1", 1)
    bridge.settle_claim(record(BOB, 9), "failed", "host1", verified=False)
    clock.advance(CLAIM_SECONDS + 1)
    assert bridge.claims("lost") == []
    assert [(claim.failed, claim.record) for claim in bridge.claims("failed")] == [(True, record(BOB, 9))]
    assert bridge.claim(record(), "lost", "host2", 1)
    assert not bridge.claim(record(), "failed", "host2", 1)
    assert not bridge.claim(record(), "failed", "host1", 1)


def test_a_claim_that_does_not_count_takes_no_place_and_gives_way_on_its_own_host(bridge: Bridge) -> None:
    bridge.claim(record(ALICE, 1), "skill", "host1", 1)
    bridge.settle_claim(record(ALICE, 2), "skill", "host2", verified=False)

    def by_bob(claim: Claim) -> bool:
        return claim.record.key == BOB

    assert bridge.claim(record(BOB, 1), "skill", "host2", 1, by_bob)
    assert not bridge.claim(record(BOB, 2), "skill", "host3", 1, by_bob)
    assert [(c.host, c.failed) for c in bridge.claims("skill") if by_bob(c)] == [("host2", False)]


def test_the_state_of_a_publisher_is_seen_with_what_it_publishes(bridge: Bridge, clock: FakeClock) -> None:
    clock.advance(99)
    bridge.publish([publication(ALICE, 1)], record(ALICE, 1, state=1))
    found = bridge.member(ALICE)
    assert found is not None
    assert (found.state, found.seen) == (record(ALICE, 1, state=1), True)
    assert bridge.publish([publication(DAVE, 1)], record(DAVE, 1, state=1)) == [2]
    assert bridge.member(DAVE) is None


def test_a_verified_try_gives_its_place_back(bridge: Bridge) -> None:
    bridge.claim(record(), "skill", "host1", 1)
    bridge.settle_claim(record(), "skill", "host1", verified=True)
    assert bridge.claim(record(), "skill", "host2", 1)


# --- bells ------------------------------------------------------------------------------------------------------------


def test_an_event_loop_drains_without_waiting(open_peer: Open) -> None:
    sender, reader = open_peer(), open_peer()
    reader.join(member(BOB))
    descriptor = reader.fileno()
    reader.drain()
    assert not reader.drain()
    sender.publish([publication()])
    if descriptor >= 0:
        assert select.select([descriptor], [], [], 10)[0] == [descriptor]
    assert reader.drain()
    if descriptor >= 0:
        assert select.select([descriptor], [], [], 0)[0] == []
    assert not reader.drain()


def test_a_ring_without_news_wakes_whoever_has_a_bell(open_peer: Open) -> None:
    sender, reader = open_peer(), open_peer()
    reader.join(member(BOB))
    reader.drain()
    sender.ring()
    if (descriptor := reader.fileno()) >= 0:
        assert select.select([descriptor], [], [], 10)[0] == [descriptor]
    assert reader.drain() == (descriptor >= 0)


def test_the_stamp_changes_when_somebody_writes_and_else_not(open_peer: Open) -> None:
    sender, reader = open_peer(), open_peer()
    sender.join(member(BOB))
    # The other end of an engine may still write down where it is to be rung.
    stamps = [reader.stamp() for _ in range(10)]
    before = stamps[-1]
    assert len(set(stamps)) <= 2 and stamps[-2] == before
    sender.publish([publication()])
    assert reader.stamp() != before


# --- upkeep -----------------------------------------------------------------------------------------------------------


def summary(number: int, **body: Json) -> Publication:
    text = canonical({"kind": "incident", "number": number, "body": body})
    return Publication(Record(text, ALICE, ""), "incident")


def test_pruning_takes_old_summaries_that_everybody_has_and_tells_how_far_it_went(
    bridge: Bridge, clock: FakeClock
) -> None:
    bridge.publish([summary(1), publication(number=2), summary(3)])
    take(bridge, BOB)
    bridge.acknowledge(ALICE, [], 3)
    clock.advance(10)
    bridge.publish([summary(4)])
    assert receive(bridge, BOB).pruned_to == 0
    assert bridge.prune(5, dry_run=True) == Pruned(2, 0)
    assert bridge.prune(5) == Pruned(2, 0)
    assert [d.seq for d in bridge.receive(BOB, 0).deliveries] == [2, 4]
    assert receive(bridge, BOB).pruned_to == 3
    bridge.publish([summary(5)])
    assert receive(bridge, BOB).end == 5


def test_pruning_leaves_what_somebody_has_not_received(bridge: Bridge, clock: FakeClock) -> None:
    bridge.publish([summary(1)])
    clock.advance(10)
    assert bridge.prune(5) == Pruned(0, 1)
    assert receive(bridge, BOB).pruned_to == 0


def test_a_row_that_only_says_that_it_is_a_summary_stays(bridge: Bridge, clock: FakeClock) -> None:
    bridge.publish([publication(kind="incident")])
    take(bridge, BOB)
    bridge.acknowledge(ALICE, [], 1)
    clock.advance(10)
    assert bridge.prune(5) == Pruned(0, 0)


def test_what_was_received_by_all_is_told_from_what_was_not(bridge: Bridge) -> None:
    bridge.join(member(CAROL))
    bridge.publish([publication(number=n) for n in (1, 2, 3)])
    bridge.acknowledge(BOB, [stored(1), stored(2)], 2)
    bridge.acknowledge(CAROL, [stored(1)], 1)
    assert bridge.received([1, 2, 3, 99]) == {1}


def test_a_whole_bridge_says_so_and_what_it_holds(bridge: Bridge) -> None:
    bridge.publish([publication()])
    assert bridge.faults() == []
    assert [found for _, found in bridge.integrity()] == [""]
    assert (bridge.row_counts()["log"], bridge.row_counts()["members"]) == (1, 2)
    assert all(size > 0 for size in bridge.sizes().values())
    assert bridge.compact(dry_run=True).given_back == 0
    assert bridge.compact().folded


def test_a_row_of_an_old_program_says_so(bridge: Bridge) -> None:
    bridge.publish([Publication(Record("a skill", "", ""), "legacy", "legacy")])
    assert [d.origin for d in receive(bridge, BOB).deliveries] == ["legacy"]
