"""The panes with one list: what they show of a home, and that each of their actions does what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.runs.samples import write_run
from tests.tui.busy import CASES, CLAUDE, Busy, build, hear, meet_walls
from tests.tui.pilot import Shown, settings_in, shown

from meshcore.config import Settings, ValidatorSettings
from meshcore.exchange.receive import exchange
from meshcore.healing.teaching import teach
from meshcore.knowledge.interchange import put
from meshcore.model import SkillState
from meshcore.node import Node
from meshcore.runs.history import keep_results
from meshcore.runs.validate import Verdict
from meshcore.safety.operator_key import protect
from meshcore.store.rows import Approval
from meshcore.store.store import Store
from meshcore.store.views import run_results
from meshcore.testing import FakeClock, known_skill
from meshtui.screens.agent import AgentScreen
from meshtui.screens.agents import AgentsPane
from meshtui.screens.approvals import ApprovalsPane
from meshtui.screens.ask import Ask, Confirm
from meshtui.screens.chain import ChainScreen
from meshtui.screens.deciding import deciding
from meshtui.screens.deliveries import DeliveriesPane
from meshtui.screens.fleet import FleetPane
from meshtui.screens.listing import ListPane
from meshtui.screens.rules import RulesScreen
from meshtui.screens.runs import RunsPane
from meshtui.screens.skills import SkillsPane
from meshtui.screens.table import PANES, all_actions
from meshtui.screens.unsolved import UnsolvedPane

SCOPES = {entry.name: entry.key for entry in PANES if issubclass(entry.load(), ListPane)}
SECRET = "correct horse battery"
RUNS = (
    Verdict("run-1", "/srv/runs/run-1", (), (), "2026-11-22T08:30:00+00:00"),
    Verdict(
        "run-2",
        "/srv/runs/run-2",
        ("step_graph.json: steps[7].status: must be one of 'waiting' or 'running'", "gold_review.yaml: is missing"),
        (),
        "2026-11-22T08:30:00+00:00",
    ),
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def busy(settings: Settings, clock: FakeClock) -> Settings:
    with closing(build(settings, clock)) as store:
        keep_results(store, RUNS, root=Path("/srv/runs"), full=True)
        meet_walls(store, clock)
    return settings


async def open_pane(it: Shown, name: str) -> ListPane:
    """Show a pane, and wait until it has read what it shows."""
    await it.press(SCOPES[name])
    pane = it.app.pane
    assert isinstance(pane, ListPane)
    # An empty list would mean all workers, and the feed's never ends.
    if busy := [worker for worker in it.app.workers if worker.group.startswith((f"{name}.", "rows."))]:
        await it.app.workers.wait_for_complete(busy)
    await it.pilot.pause()
    return pane


def _notes(it: Shown) -> str:
    return " / ".join(note.message for note in it.app._notifications)


async def _until(it: Shown, true: Callable[[], bool]) -> None:
    """Return once something holds; workers of panes end without a message that could be waited for."""
    async with asyncio.timeout(20):
        while not true():
            await it.pilot.pause()


async def _until_said(it: Shown, text: str) -> None:
    await _until(it, lambda: text in _notes(it))


def _state(it: Shown, label: int) -> tuple[SkillState, bool]:
    with closing(Store(it.app.home.store)) as store:
        known = store.skills.find(str(label))
    assert known is not None
    return known.state, known.confirmed


def _asked(it: Shown) -> Approval:
    with closing(Store(it.app.home.store)) as store:
        [approval] = store.approvals.all(waiting_only=False)
    return approval


# --- one test per action ----------------------------------------------------------------------------------------------

Check = Callable[[Shown], Awaitable[None]]


async def _app_skills(it: Shown) -> None:
    assert isinstance(await open_pane(it, "skills"), SkillsPane)
    assert "pip install django" in it.text()


async def _app_deliveries(it: Shown) -> None:
    assert isinstance(await open_pane(it, "deliveries"), DeliveriesPane)
    assert "bridge.db: not there yet" in it.text()


async def _app_approvals(it: Shown) -> None:
    assert isinstance(await open_pane(it, "approvals"), ApprovalsPane)
    text = it.text()
    for wanted in (
        "! waits",
        "pip install flask",
        "/srv/app",
        "@dev1",
        "new to the mesh: 1 other",
    ):
        assert wanted in text


async def _app_runs(it: Shown) -> None:
    assert isinstance(await open_pane(it, "runs"), RunsPane)
    text = it.text()
    for wanted in ("1 of 2 runs passed", "✗ failed", "steps[7].status: must be one of", "gold_review.yaml"):
        assert wanted in text


async def _skills_confirm(it: Shown) -> None:
    with closing(Store(it.app.home.store)) as store:
        known = put(store, replace(known_skill("attrs"), state="unconfirmed", confirmed=False))
        store.events.add("skill.learned", skill_id=known.skill_id)
    pane = await open_pane(it, "skills")
    await _until(it, lambda: known.skill_id in pane.rows.shown)
    pane.rows.select(known.skill_id)
    await it.press("c")
    await _until_said(it, "is confirmed")
    assert _state(it, known.label) == ("active", True)


async def _skills_quarantine(it: Shown) -> None:
    await open_pane(it, "skills")
    await it.press("x")
    await _until_said(it, "#1 is quarantined")
    await _until(it, lambda: "✗ quarantined" in it.text())
    assert _state(it, 1)[0] == "quarantined"


async def _skills_forget(it: Shown) -> None:
    await open_pane(it, "skills")
    await it.press("f")
    await _until_said(it, "#1 is forgotten")
    assert _state(it, 1)[0] == "forgotten"


async def _skills_undo(it: Shown) -> None:
    await open_pane(it, "skills")
    await it.press("u")
    await _until_said(it, "nothing to take back")
    await it.press("x")
    await _until_said(it, "#1 is quarantined")
    await it.press("f")
    await _until_said(it, "#1 is forgotten")
    await it.press("u")
    await _until_said(it, "#1 is quarantined again")
    await it.press("u")
    await _until_said(it, "#1 is active again")
    assert _state(it, 1)[0] == "active"


async def _approvals_once(it: Shown) -> None:
    await open_pane(it, "approvals")
    await it.press("a")
    assert isinstance(it.app.screen, Confirm) and _asked(it).command in it.text()
    assert "then, to see whether it helped, again:" in it.text()
    await it.press("y")
    await _until_said(it, "it runs as soon as a runtime")
    assert (_asked(it).state, _asked(it).actor) == ("approved", "dev@dev1")
    await _until(it, lambda: "… approved" in it.text())
    it.app.clock.advance(1)  # type: ignore[attr-defined]
    await it.press("a")
    await _until_said(it, "this one is approved already, by dev@dev1")


async def _approvals_always(it: Shown) -> None:
    await open_pane(it, "approvals")
    await it.press("A")
    assert isinstance(it.app.screen, Confirm)
    await it.press("n")
    assert _asked(it).state == "waiting"
    it.app.clock.advance(1)  # type: ignore[attr-defined]
    await it.press("A", "y")
    await _until_said(it, "approved")
    with closing(Store(it.app.home.store)) as store:
        assert len(store.standing_approvals.all()) == 1


async def _approvals_reject(it: Shown) -> None:
    await open_pane(it, "approvals")
    await it.press("r")
    await _until_said(it, "rejected")
    assert _asked(it).state == "rejected"


async def _approvals_not_here(it: Shown) -> None:
    await open_pane(it, "approvals")
    await it.press("R")
    await _until_said(it, "not offered in this project again")
    approval = _asked(it)
    with closing(Store(it.app.home.store)) as store:
        assert set(store.refusals.in_project("/srv/app")) == {approval.skill_id}
    assert approval.state == "rejected"


async def _approvals_undo(it: Shown) -> None:
    await open_pane(it, "approvals")
    await it.press("r")
    await _until_said(it, "rejected")
    await it.press("u")  # what was judged in a folder that is gone cannot be judged anew
    await _until_said(it, "the folder of the incident is gone")
    assert _asked(it).state == "rejected"


async def _approvals_rules(it: Shown) -> None:
    await open_pane(it, "approvals")
    await it.press("S")
    await it.until(lambda: isinstance(it.app.screen, RulesScreen), "the standing rules")


async def _approvals_open(it: Shown) -> None:
    await open_pane(it, "approvals")
    await it.press("enter")
    assert isinstance(it.app.screen, ChainScreen)


async def _runs_validate(it: Shown) -> None:
    await open_pane(it, "runs")
    await it.press("v")
    await _until_said(it, "as soon as a runtime of this home runs")
    with closing(Store(it.app.home.store)) as store:
        assert '"runs": ["run-2"]' in store.controls.get("validate")


async def _runs_validate_all(it: Shown) -> None:
    root = it.app.settings.home.parent / "runs"
    for number in range(3):
        write_run(root, f"run-{number}")
    it.app.settings = replace(it.app.settings, validator=ValidatorSettings(runs_root=root))
    await open_pane(it, "runs")
    await it.press("V")
    await _until_said(it, "as soon as a runtime of this home runs")
    with closing(Store(it.app.home.store)) as store:
        assert '"runs": null' in store.controls.get("validate")


async def _runs_cancel(it: Shown) -> None:
    pane = await open_pane(it, "runs")
    assert isinstance(pane, RunsPane)
    assert it.app.snapshot is not None
    it.app.snapshot = replace(it.app.snapshot, runtime="attached")
    await it.press("v")
    assert "0 of 1 runs validated   c cancels" in it.text()
    await it.press("v")
    await _until_said(it, "it is validating already")
    await it.press("c")
    await _until_said(it, "then cancelled")
    assert "1 of 2 runs passed" in it.text()


async def _app_unsolved(it: Shown) -> None:
    assert isinstance(await open_pane(it, "unsolved"), UnsolvedPane)
    text = it.text()
    for wanted in ("3 that nobody has solved: 20 failed runs, 9.0 min", "8.2 min", "npm test", "jsdom", "make lint"):
        assert wanted in text
    assert text.index("npm test") < text.index("pytest -q") < text.index("make lint"), "the costliest first"


async def _unsolved_teach(it: Shown) -> None:
    await open_pane(it, "unsolved")
    await it.press("t")
    await _until(it, lambda: isinstance(it.app.screen, Ask) and "jsdom" in it.text())
    await it.press(*("space" if key == " " else key for key in "npm ci"), "enter")
    await _until_said(it, "learnt: #")


async def _unsolved_expect(it: Shown) -> None:
    pane = await open_pane(it, "unsolved")
    assert len(pane.rows.shown) == 3
    await it.press("x")
    await _until_said(it, "npm test: expected to fail for 14 days")
    await _until(it, lambda: len(pane.rows.shown) == 2)


async def _unsolved_sort(it: Shown) -> None:
    pane = await open_pane(it, "unsolved")
    assert "↓ cost" in it.text()
    await it.press("s")
    assert "↓sessions" in it.text()
    await _until(it, lambda: _column(pane, 1) == sorted(_column(pane, 1), key=_number, reverse=True))


async def _unsolved_sort_reverse(it: Shown) -> None:
    pane = await open_pane(it, "unsolved")
    before = list(pane.rows.shown)
    await it.press("S")
    assert "↑ cost" in it.text()
    await _until(it, lambda: list(pane.rows.shown) == before[::-1])
    assert pane.rows.selected == before[-1]


def _column(pane: ListPane, number: int) -> list[str]:
    cells = [pane.rows.row_of(row_id)[number] for row_id in pane.rows.shown]
    return [cell if isinstance(cell, str) else cell.text for cell in cells]


def _number(text: str) -> int:
    return int(text.rstrip("+"))


async def _skills_sort(it: Shown) -> None:
    pane = await open_pane(it, "skills")
    await it.press("s")
    assert "state ↑" in it.text()
    await _until(it, lambda: _column(pane, 1)[0] == "✓ active")
    await it.press("s")
    await _until(it, lambda: "↓verified" in it.text() and _column(pane, 0)[0] == "#4")


async def _skills_sort_reverse(it: Shown) -> None:
    pane = await open_pane(it, "skills")
    before = list(pane.rows.shown)
    await it.press("S")
    await _until(it, lambda: list(pane.rows.shown) == before[::-1])


async def _unsolved_mark(it: Shown) -> None:
    pane = await open_pane(it, "unsolved")
    await it.press("space", "space", "x")
    await _until(it, lambda: "Expect these 2 to fail" in it.text())
    await it.press("y")
    await _until(it, lambda: len(pane.rows.shown) == 1)


async def _skills_mark(it: Shown) -> None:
    pane = await open_pane(it, "skills")
    await it.press("space", "space", "f")
    await _until(it, lambda: "These 2 skills are to be forgotten?" in it.text())
    assert [_state(it, label)[0] for label in (1, 2)] == ["active", "active"]
    await it.press("y")
    await _until(it, lambda: [_state(it, label)[0] for label in (1, 2)] == ["forgotten", "forgotten"])
    await _until(it, lambda: not pane.rows.marked)
    await it.press("u", "u")
    await _until(it, lambda: [_state(it, label)[0] for label in (1, 2)] == ["active", "active"])


async def test_marked_skills_that_are_left_out_are_counted(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        pane = await open_pane(it, "skills")
        await it.press("f")
        await _until(it, lambda: _state(it, 1)[0] == "forgotten")
        await it.press("g", "space", "space", "f")
        await _until_said(it, "1 of the 2 marked left out: forgotten already")
        await _until(it, lambda: "are to be forgotten?" in it.text())
        await it.press("n")
        assert _state(it, 2)[0] == "active" and len(pane.rows.marked) == 2


async def _approvals_mark(it: Shown) -> None:
    pane = await open_pane(it, "approvals")
    await it.press("space")
    assert len(pane.rows.marked) == 1 and "•" in it.text()
    await it.press("ctrl+e")
    await _until_said(it, "meshtui-approvals-")


async def _skills_preview(it: Shown) -> None:
    await open_pane(it, "skills")
    await it.press("p")  # closing it is looked at in test_preview
    await _until_said(it, "below the list")


async def _approvals_preview(it: Shown) -> None:
    await open_pane(it, "approvals")
    await it.press("p")
    await _until_said(it, "below the list")


async def _unsolved_elsewhere(it: Shown) -> None:
    with closing(Store(it.app.home.store, it.app.clock)) as store:
        hear(store, FakeClock(it.app.clock.now()), "uv run \x1b[2Jpytest -q")
    pane = await open_pane(it, "unsolved")
    await it.press("o")
    await _until(it, lambda: len(pane.rows.shown) == 2)
    text = it.text()
    for wanted in ("what 2 other nodes say: 2, of which agents here are told 0", "ci@build2", "uv run ␛[2Jpytest -q"):
        assert wanted in text
    assert "another operator's node" in text and "trust enroll --tell cccccccccccc" in text, "the newest is selected"
    await it.press("x", "t")
    assert "expected to fail" not in _notes(it), "what others met is not this node's to judge"
    await it.press("o")
    await _until(it, lambda: len(pane.rows.shown) == 3)
    assert "3 that nobody has solved" in it.text()


async def _unsolved_open(it: Shown) -> None:
    await open_pane(it, "unsolved")
    await it.press("enter")
    assert isinstance(it.app.screen, ChainScreen)


async def _app_fleet(it: Shown) -> None:
    assert isinstance(await open_pane(it, "fleet"), FleetPane)


async def _app_agents(it: Shown) -> None:
    assert isinstance(await open_pane(it, "agents"), AgentsPane)
    assert "4 of this node" in it.text()


async def _agents_preview(it: Shown) -> None:
    await open_pane(it, "agents")
    await it.press("p")
    await _until_said(it, "below the list")


async def _agents_open(it: Shown) -> None:
    await open_pane(it, "agents")
    await it.press("enter")
    await it.until(lambda: isinstance(it.app.screen, AgentScreen), "the agent")


async def _fleet_open(it: Shown) -> None:
    pane = await open_pane(it, "fleet")
    await it.press("enter")
    assert it.app.pane is pane  # nothing to open: what there is to see is looked at in test_fleet


CHECKS: dict[str, Check] = {
    name.removeprefix("_").replace("_", ".", 1): check
    for name, check in list(globals().items())
    if name.startswith(
        ("_app_", "_skills_", "_deliveries_", "_approvals_", "_runs_", "_unsolved_", "_fleet_", "_agents_")
    )
}


@pytest.mark.parametrize("action", sorted(CHECKS))
async def test_an_action_does_what_it_says(
    action: str, busy: Settings, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # an export is written where the terminal was started
    async with shown(busy, clock) as it:
        await CHECKS[action](it)


def test_every_action_of_these_panes_has_a_check() -> None:
    ours = {action.id for action in all_actions() if action.scope in SCOPES}
    elsewhere = {action.id for action in deciding("unsolved")}  # looked at in test_deciding
    assert ours | {f"app.{name}" for name in SCOPES} == set(CHECKS) | elsewhere


# --- what they show ---------------------------------------------------------------------------------------------------


async def test_ten_thousand_skills_are_all_listed_and_found(settings: Settings, clock: FakeClock) -> None:
    with Node(settings):  # a home that was opened before: nothing in it is to be read anew
        pass
    with closing(Busy(settings, clock).store) as store, store.transaction():
        for number in range(10_000):
            put(store, known_skill(f"module{number}"))
    async with shown(settings, clock) as it:
        pane = await open_pane(it, "skills")
        assert "10,000 in all" in it.text()
        await it.press("G")
        await _until(it, lambda: "module9999" in it.text())
        pane.find("module4711")
        await _until(it, lambda: "1 found" in it.text())
        assert len(pane.rows.shown) == 1
        assert "pip install module4711" in it.text()


async def test_a_skill_that_another_process_learns_appears(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        pane = await open_pane(it, "skills")
        before = len(pane.rows.shown)
        with closing(Store(busy.home / "store.db", clock)) as store:
            known = put(store, known_skill("attrs"))
            store.events.add("skill.learned", skill_id=known.skill_id)
        await _until(it, lambda: len(pane.rows.shown) == before + 1)
        assert "pip install attrs" in it.text()


async def test_what_a_sleeping_node_has_not_received_is_listed(settings: Settings, tmp_path: Path) -> None:
    asleep = replace(settings, home=tmp_path / "other", agent="berta@dev1")
    with Node(asleep) as node:
        node.require_bridge()
    with Node(settings) as node:
        teach(node, "ModuleNotFoundError: No module named 'django'", "pip install django")
        exchange(node)
    async with shown(settings) as it:
        pane = await open_pane(it, "deliveries")
        await _until(it, lambda: bool(pane.rows.shown))
        text = it.text()
    for wanted in ("0 of 1 expected deliveries received", "missing at berta@dev1 (1)", "No module named 'django'"):
        assert wanted in text
    assert "meshtui nodes forget berta@dev1" in text


async def test_where_nobody_is_to_receive_anything_no_figure_stands(settings: Settings) -> None:
    with Node(settings) as node:
        node.require_bridge()
    async with shown(settings) as it:
        await open_pane(it, "deliveries")
        await _until(it, lambda: "no other node is expected to receive anything" in it.text())
        assert "0 of 0 expected" not in it.text() and "has been received" not in it.text()


async def test_something_new_that_waits_rings_once_and_is_said(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        assert "needs you" not in _notes(it)
        with closing(Store(busy.home / "store.db", clock)) as store:
            asked = Approval(
                "f" * 12, f"{CASES.index(CASES[-1]) + 1:016x}", "", "h", "make \x1b[2Jit", (), store.now(), "waiting"
            )
            store.approvals.ask(asked)
        await _until_said(it, "needs you: make ␛[2Jit (4 shows it)")
        assert _notes(it).count("needs you") == 1


async def test_a_protected_key_asks_for_the_passphrase_once(busy: Settings, clock: FakeClock) -> None:
    protect(busy.operator / "operator.key", SECRET, cost=1 << 4)
    with Node(busy) as node:
        assert node.identity.operator
    with closing(Store(busy.home / "store.db", clock)) as store:
        other = f"{[case.agent for case in CASES].index(CLAUDE) + 1:016x}"
        skill = store.skills.all()[0].skill_id
        store.approvals.ask(Approval("f" * 12, other, skill, "h2", "pip install x", ("why",), store.now(), "waiting"))
    async with shown(busy, clock) as it:
        await open_pane(it, "approvals")
        await it.press("a", "y")
        await _until(it, lambda: isinstance(it.app.screen, Ask))
        assert SECRET not in it.text()
        await it.press(*SECRET.replace(" ", "_").split("_")[0], "escape")
        await _until_said(it, "nothing was decided")
        clock.advance(1)
        await it.press("a", "y")
        await _until(it, lambda: isinstance(it.app.screen, Ask))
        await it.press(*["space" if letter == " " else letter for letter in SECRET])
        assert "correct" not in it.text()
        await it.press("enter")
        await _until_said(it, "approved")
        await it.press("home", "A", "y")
        await _until(it, lambda: _notes(it).count("approved") == 2)
    with closing(Store(busy.home / "store.db", clock)) as store:
        assert [approval.state for approval in store.approvals.all(waiting_only=False)] == ["approved", "approved"]


async def test_the_runtime_validates_what_is_asked_for(settings: Settings, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    write_run(root, "run-1")
    (write_run(root, "run-2") / "step_graph.json").write_text("{}")
    settings = replace(settings, validator=ValidatorSettings(runs_root=root, interval_seconds=3600.0))
    async with shown(settings, embed=True) as it:
        await _until(it, lambda: it.app.snapshot is not None and it.app.snapshot.runtime == "embedded")
        await open_pane(it, "runs")
        await it.press("V")
        await _until_said(it, "2 of 2 runs validated")
        await _until(it, lambda: "1 of 2 runs passed" in it.text())
    with closing(Store(settings.home / "store.db")) as store:
        assert {state.run: state.status for state in store.answers(run_results())} == {
            "run-1": "passed",
            "run-2": "failed",
        }


@pytest.mark.parametrize("size", [(80, 24), (60, 16)])
@pytest.mark.parametrize("name", list(SCOPES))
async def test_nothing_is_wider_than_the_screen(
    name: str, size: tuple[int, int], busy: Settings, clock: FakeClock
) -> None:
    async with shown(busy, clock, size=size) as it:
        await open_pane(it, name)
        lines = it.text().split("\n")
        assert len(lines) == size[1]
        assert all(len(line) <= size[0] for line in lines)
        assert "help" in lines[-1]
