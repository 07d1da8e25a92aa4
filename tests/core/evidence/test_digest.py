"""What was told and what that was worth: each figure from the rows that it claims to be of."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.core.evidence.test_effect import happened, met, verified

from meshcore.evidence.digest import SENTENCES, Saved, digest, per_hundred, saved_in_words
from meshcore.evidence.interval import Difference
from meshcore.store.known_marks import root_mark, took_byte
from meshcore.store.store import Store
from meshcore.store.tellings import DAY, TOLD, WITHHELD


def tell(store: Store, project: int, result: str = "", *, kind: str = "habit after", arm: int = 0, n: int = 1) -> None:
    """Let something be told `n` times, each of another command and session."""
    at = int(store.clock.now().timestamp())
    with store.transaction():
        for number in range(n):
            store.database.execute(
                "INSERT INTO tellings (at, kind, via, session, project, command, arm, offered, result)"
                " VALUES (?,?,'codex',?,?,?,?,'',?)",
                (at, kind, f"{result}{number}", project, f"{arm}{number}".encode(), arm, result),
            )


def call(store: Store, root: str, calls: int, *, ms: float = 10.0, ended: int = 1, days_ago: int = 0) -> None:
    """Let hooks have been called."""
    day = int(store.clock.now().timestamp()) // DAY - days_ago
    values = (day, "codex", root_mark(root), ended, took_byte(ms / 1000), calls)
    with store.transaction():
        store.database.execute("INSERT INTO hook_calls VALUES (?,?,?,?,?,?)", values)


def test_of_an_empty_store_nothing_is_claimed(store: Store) -> None:
    found = digest(store)
    assert (found.whole.told, found.calls, found.projects, found.costs, found.unread) == (0, 0, (), (), ())
    assert found.auto == (0, 0, 0) and found.saved == Saved()
    assert per_hundred(0, found.calls) is None, "not known is not 0"


def test_the_worst_project_comes_first_by_what_was_wrong_per_call(store: Store) -> None:
    often, seldom = store.projects.add("/often", "o").number, store.projects.add("/seldom", "s").number
    tell(store, often, "wrong", n=2)
    tell(store, often, "right", n=5)
    tell(store, seldom, "wrong")
    call(store, "/often", 1000)
    call(store, "/seldom", 100)
    call(store, "", 7)
    found = digest(store)
    assert [(one.root, one.calls) for one in found.projects] == [("/seldom", 100), ("/often", 1000)]
    assert found.calls == 1107 and found.whole.told == 8 and found.kinds["habit after"].wrong == 3
    assert found.projects[1].shown.right == 5 and per_hundred(1, 100) == 1.0


def test_a_fix_that_was_told_is_counted_by_what_became_of_its_incident(store: Store) -> None:
    happened(store, met(store, "taken", "codex"), "hook.answered", "hook.taken")
    verified(store, "taken", 1.0)
    happened(store, met(store, "not taken", "codex"), "hook.answered")
    store.incidents.set_state("not taken", "matched", skill_id="s")
    happened(store, met(store, "otherwise", "codex"), "hook.answered")
    verified(store, "otherwise", 1.0)
    happened(store, met(store, "failed", "codex"), "hook.answered", "hook.taken")
    store.incidents.set_state("failed", "fix_failed", skill_id="s")
    happened(store, met(store, "waits", "codex"), "hook.answered", "hook.taken")
    store.incidents.set_state("waits", "applied_not_rerun", skill_id="s")
    met(store, "never told", "codex")
    fix = digest(store).kinds["fix"]
    assert (fix.told, fix.right, fix.ignored, fix.wrong, fix.not_shown) == (5, 1, 2, 1, 1)


def test_what_the_mode_alone_held_back_is_told_apart_from_what_policy_did(store: Store) -> None:
    for name, decision, others in (("mode", "hint", "run"), ("policy", "approve", "approve"), ("ran", "run", "run")):
        met(store, name, "codex")
        data = {"decision": decision, "but_for_mode": others}
        store.events.add("try.decided", incident_id=name, skill_id="s", data=data)
    met(store, "by hand", "codex")
    store.events.add("try.decided", incident_id="by hand", data={"decision": "hint", "but_for_mode": "run"})
    store.events.add("hook.taken", incident_id="by hand")
    met(store, "of an older version", "codex")
    store.events.add("try.decided", incident_id="of an older version", data={"decision": "hint"})
    assert digest(store).auto == (2, 1, 4)


def test_what_is_older_is_left_out(store: Store) -> None:
    project = store.projects.add("/p", "p").number
    tell(store, project, "right")
    call(store, "/p", 3, days_ago=2)
    call(store, "/p", 4)
    soon = store.clock.now() + timedelta(hours=1)
    assert digest(store, soon).whole.told == 0 and digest(store, soon).calls == 4
    assert digest(store, soon - timedelta(days=3)).calls == 7


@pytest.mark.parametrize("ended", [0, 1])
def test_half_of_the_calls_took_no_longer_than_p50(store: Store, ended: int) -> None:
    for ms, calls in ((10.0, 50), (20.0, 45), (400.0, 5)):
        call(store, "/p", calls, ms=ms, ended=ended)
    [cost] = digest(store).costs
    assert cost.calls == 100 and cost.p50 == pytest.approx(10, rel=0.035) and cost.p95 == pytest.approx(20, rel=0.035)


def test_repeats_of_one_command_count_as_one_and_few_commands_say_nothing(store: Store) -> None:
    project = store.projects.add("/p", "p").number
    tell(store, project, arm=TOLD, n=30)
    tell(store, project, arm=WITHHELD, n=19)
    found = digest(store).saved
    assert (found.told_commands, found.withheld_commands, found.fewer) == (30, 19, None)
    assert saved_in_words(found, 0.2).startswith("Saved: too few to say")
    assert saved_in_words(Saved(), 0.0).startswith("Saved: not measured")
    sure = Saved(50, 5, 40, 30, 20, 25, Difference(0.5666, 0.31, 0.74))
    assert saved_in_words(sure, 0.2).startswith(
        "Saved: 57 of 100 repeats told did not fail once more (95 % interval 31"
    )


def test_two_kinds_of_one_saying_are_one_repeat(store: Store) -> None:
    project = store.projects.add("/p", "p").number
    for kind in ("habit after", "correction"):
        tell(store, project, kind=kind, arm=TOLD)
    assert digest(store).saved.told == 1


def test_each_figure_has_its_sentence(store: Store) -> None:
    assert digest(store).to_json()["sentences"] == SENTENCES
    assert all(sentence.endswith(".") for sentence in SENTENCES.values())
