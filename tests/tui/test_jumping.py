"""A person goes to a time: what they type, and where it is among incidents and in a log."""

from __future__ import annotations

import json
import tempfile
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tui.pilot import Shown, settings_in, shown

from meshcore.clock import to_text
from meshcore.errors import UsageError
from meshcore.journal.document import Document
from meshcore.store.store import Store
from meshcore.testing import FakeClock, incident
from meshtui.jumping import moment_of, row_at
from meshtui.screens.log import LogPane
from meshtui.screens.overview import OverviewPane
from meshtui.widgets.stored_rows import StoredRows

NOW = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "meant"),
    {
        "11:05": "2026-11-28T11:05:00",
        "14:05": "2026-11-27T14:05:00",
        "14:05:09": "2026-11-27T14:05:09",
        "today 14:05": "2026-11-28T14:05:00",
        " Yesterday  14:05 ": "2026-11-27T14:05:00",
        "2026-11-27 14:05": "2026-11-27T14:05:00",
        "2026-11-27T14:05": "2026-11-27T14:05:00",
        "2026-11-27": "2026-11-27T00:00:00",
        "yesterday": "2026-11-27T00:00:00",
        "-2h": "2026-11-28T10:30:00",
        "-1h 30min": "2026-11-28T11:00:00",
        "-90s": "2026-11-28T12:28:30",
        "-1w": "2026-11-21T12:30:00",
    }.items(),
)
def test_a_time_is_read_as_people_type_it(typed: str, meant: str) -> None:
    assert moment_of(typed, NOW) == datetime.fromisoformat(meant).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "typed", ["", "soon", "25:00", "14:5", "1405", "-2", "2h", "2026-13-01", "2026-02-30 10:00", "14:05 yesterday",
              "-999999w 999999w", "\x1b[2J"],
)  # fmt: skip
def test_what_is_no_time_is_one_plain_line(typed: str) -> None:
    with pytest.raises(UsageError) as raised:
        moment_of(typed, NOW)
    said = str(raised.value)
    assert "is no time" in said and "14:05" in said and "\n" not in said and "\x1b" not in said


@given(st.text(max_size=30))
def test_nothing_that_is_typed_raises_anything_else(typed: str) -> None:
    with suppress(UsageError):
        assert moment_of(typed, NOW).tzinfo is not None


@given(st.lists(st.integers(0, 60), min_size=1, max_size=80), st.integers(-5, 65))
def test_a_log_is_gone_to_at_the_first_line_that_is_not_before(minutes: list[int], wanted: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.jsonl"
        lines = [(NOW + timedelta(minutes=minute), minute) for minute in sorted(minutes)]
        texts = [
            json.dumps({"at": to_text(at)}) + ("\nno time here" if minute % 3 == 0 else "") for at, minute in lines
        ]
        path.write_text("\n".join(texts) + "\n")
        document = Document(path, FakeClock())
        document.refresh()
        document.know(1000)
        rows = document.rows
        found = row_at(rows, NOW + timedelta(minutes=wanted))
        assert found is not None
        after = [line.text for line in rows.lines(found, 1000)]
        before = [line.text for line in rows.lines(rows.first, found - rows.first)]
        document.close()
    moment = to_text(NOW + timedelta(minutes=wanted))
    assert all(json.loads(text)["at"] < moment for text in before if text.startswith("{"))
    assert all(json.loads(text)["at"] >= moment for text in after if text.startswith("{"))


async def answered(it: Shown, text: str) -> None:
    await it.press("J", *({" ": "space", ":": "colon", "-": "minus"}.get(key, key) for key in text), "enter")
    while working := [
        one for one in it.app.workers if one.group.endswith((".jump", "rows.load")) and not one.is_finished
    ]:
        for worker in working:
            await worker.wait()
        await it.pilot.pause()


async def test_incidents_and_timeline_go_to_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StoredRows, "PAGE", 50)
    clock = FakeClock(NOW)
    (tmp_path / "home").mkdir(mode=0o700)
    with closing(Store(tmp_path / "home/store.db", clock)) as store, store.transaction():
        for number in range(1, 401):
            opened = to_text(NOW - timedelta(minutes=10 * (401 - number)))
            store.incidents.open(incident(number, f"module{number}", opened=opened), "a" * 64)
    async with shown(settings_in(tmp_path), clock) as it:
        pane = it.app.pane
        assert isinstance(pane, OverviewPane)
        await answered(it, "yesterday 12:35")
        brief = pane.rows.window.rows[pane.rows.selected]
        assert brief.opened == "2026-11-27T12:30:00.000000Z"
        assert "time UTC↓" in it.text()
        assert pane.view.panned is not None
        await it.press("up")
        assert pane.rows.window.rows[pane.rows.selected].opened == "2026-11-27T12:40:00.000000Z"
        await answered(it, "2020-01-01")
        assert pane.rows.selected == f"{1:016x}"
        assert "this is the oldest" in " ".join(str(note.message) for note in it.app._notifications)
        await answered(it, "-0h")
        assert pane.rows.selected == f"{400:016x}"
        await answered(it, "noonish")
        assert "'noonish' is no time" in " ".join(str(note.message) for note in it.app._notifications)


async def test_the_log_goes_to_a_time(tmp_path: Path) -> None:
    clock = FakeClock(NOW)
    (tmp_path / "home").mkdir(mode=0o700)
    with closing(Store(tmp_path / "home/store.db", clock)):
        pass
    settings = settings_in(tmp_path)
    lines = [json.dumps({"at": to_text(NOW - timedelta(minutes=200 - n)), "kind": f"k{n}"}) for n in range(200)]
    (tmp_path / "home/journal.jsonl").write_text("\n".join(lines) + "\n")
    async with shown(settings, clock) as it:
        await it.press("6")
        pane = it.app.pane
        assert isinstance(pane, LogPane)
        assert pane.path.read_text().count("\n") == 200
        await answered(it, "-1h")
        assert pane.view.selected is not None and '"k140"' in pane.view.selected.text
