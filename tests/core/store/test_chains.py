"""The chain tracker against a plain model: any order of links, names, searches and acceptances."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from meshcore.store.chains import Chain
from meshcore.store.store import Store
from meshcore.testing import FakeClock

NODE, EPOCH = "a" * 64, "b" * 32
links = st.tuples(st.just("link"), st.integers(1, 12), st.sampled_from("xy"))
names = st.tuples(st.just("name"), st.integers(0, 12), st.just(""))
accepts = st.tuples(st.just("accept"), st.just(0), st.just(""))


def record_id(number: int, which: str) -> str:
    return f"{number}{which}"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(links, links, links, names, accepts), max_size=25))
def test_what_is_missing_is_what_was_named_and_did_not_come(steps: list[tuple[str, int, str]]) -> None:
    came: dict[int, str] = {}
    named = base = fork = 0
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store.db", FakeClock())
        for what, number, which in steps:
            if what == "link":
                text = record_id(number, which)
                store.chains.name(NODE, EPOCH, number)
                named = max(named, number)
                assert store.chains.receive(NODE, EPOCH, number, text) == (came.setdefault(number, text) == text)
                fork = fork or (number if came[number] != text else 0)
            elif what == "name":
                store.chains.name(NODE, EPOCH, number)
                named = max(named, number)
            else:
                store.chains.accept(NODE)
                base, fork = max(base, named, *came, 0), 0
        lacking = [number for number in range(base + 1, named + 1) if number not in came]
        chain = store.chains.find(NODE, EPOCH) or Chain(NODE, EPOCH)
        assert store.chains.lacking(chain, 99) == lacking
        assert store.chains.lacking(chain, 3) == lacking[:3]
        assert store.chains.count_lacking(chain) == len(lacking)
        assert chain.fork == fork
        assert bool(store.chains.not_whole()) == bool(lacking or fork)
        store.close()


def test_no_row_is_read_where_nothing_is_missing(tmp_path: Path) -> None:
    with_plan = Store(tmp_path / "store.db", FakeClock())
    sql = "EXPLAIN QUERY PLAN SELECT * FROM chains WHERE received_to<named OR fork>0 ORDER BY node"
    from meshcore.store.read import Read

    [plan] = with_plan.answers(Read(sql, lambda row: str(row["detail"])))
    assert "chains_not_whole" in plan
    with_plan.close()
