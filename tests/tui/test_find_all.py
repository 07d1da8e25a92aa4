"""What is looked for in the overview is asked of the store, not of the page that was loaded."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from tests.tui.pilot import settings_in, shown

from meshcore.store import views
from meshcore.store.store import Store
from meshcore.testing import incident
from meshtui.screens import overview


@pytest.mark.parametrize("typed", ["needle0", "NEEDLE0"])
async def test_an_old_incident_is_found_among_all_that_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr(overview, "PAGE", 50)
    (tmp_path / "home").mkdir(mode=0o700)
    with closing(Store(tmp_path / "home/store.db")) as store, store.transaction():
        for number in range(300):
            name = f"needle{number // 2}" if number < 4 else f"module{number}"
            store.incidents.open(incident(number + 1, name), "a" * 64)
    async with shown(settings_in(tmp_path)) as it:
        pane = it.app.pane
        assert isinstance(pane, overview.OverviewPane)
        assert len(pane.rows.shown) < 300, "a page"
        await it.press("slash", *typed)
        while len(pane.rows.shown) != 2:
            await it.pilot.pause()
        assert "needle0" in it.text()
        await it.press("enter", "escape")
        assert len(pane.rows.shown) >= 50


def test_signs_that_sql_knows_are_looked_for_as_they_stand(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "store.db")) as store:
        store.incidents.open(incident(1, "a_b"), "a" * 64)
        store.incidents.open(incident(2, "axb"), "a" * 64)
        assert len(store.answers(views.incident_briefs_with("a_b", 0, 10))) == 1
        assert not store.answers(views.incident_briefs_with("%b", 0, 10))
